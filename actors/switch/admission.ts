/**
 * Order among the I/Os of one partition, per 4 KiB block: one that touches a block of an earlier one waits until that
 * has ended, whether it runs or waits itself; only reads pass each other. So none is overtaken by a later one that
 * overlaps it, a block is never written by two at a time, and no read sees a write that came after it. Nothing is
 * locked: each open I/O counts the earlier ones in its way.
 */

/** An I/O as admission sees it; its fields below `kind` belong to admission while it is open. */
export interface OrderedIo {
  /** Reads do not wait for reads. */
  readonly isRead: boolean;
  /** The 4 KiB blocks of the volume that it touches: from the first up to, but not, the end. */
  readonly firstBlock: number;
  readonly endBlock: number;
  /** Among all I/Os of the partition. */
  arrival: number;
  /** Earlier open I/Os that are in its way. */
  blockers: number;
  /** In the list of open I/Os; -1 when not open. */
  place: number;
}

export class Admission<Io extends OrderedIo> {
  readonly #open: Io[] = [];
  #arrivals = 0;

  get openCount(): number {
    return this.#open.length;
  }

  /** The open I/Os, in no order. */
  get open(): readonly Io[] {
    return this.#open;
  }

  /** Takes an I/O in. True when nothing is in its way; else `leave` will give it out when nothing is any more. */
  enter(io: Io): boolean {
    io.arrival = this.#arrivals++;
    io.blockers = 0;
    for (const other of this.#open) if (conflict(io, other)) io.blockers++;
    io.place = this.#open.length;
    this.#open.push(io);
    return io.blockers === 0;
  }

  /** Gives the place of an I/O to another one of the same blocks. True as above. */
  replace(former: Io, io: Io): boolean {
    io.arrival = former.arrival;
    io.blockers = former.blockers;
    io.place = former.place;
    this.#open[io.place] = io;
    former.place = -1;
    return io.blockers === 0;
  }

  /** Ends an I/O. Those that nothing is in the way of any more are added to `freed`, in the order of their arrival. */
  leave(io: Io, freed: Io[]): void {
    const last = this.#open.pop();
    if (last !== undefined && last !== io) {
      this.#open[io.place] = last;
      last.place = io.place;
    }
    io.place = -1;
    const before = freed.length;
    for (const other of this.#open)
      if (other.arrival > io.arrival && conflict(io, other)) {
        other.blockers--;
        if (other.blockers === 0) freed.push(other);
      }
    if (freed.length - before > 1) freed.sort(byArrival);
  }

  /** Forgets all: the epoch that they belonged to has ended. */
  clear(): void {
    for (const io of this.#open) io.place = -1;
    this.#open.length = 0;
  }
}

function conflict(one: OrderedIo, other: OrderedIo): boolean {
  if (one.isRead && other.isRead) return false;
  return one.firstBlock < other.endBlock && other.firstBlock < one.endBlock;
}

function byArrival(one: OrderedIo, other: OrderedIo): number {
  return one.arrival - other.arrival;
}
