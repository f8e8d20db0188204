/**
 * Own I/Os of one volume that wait for own writes which they overlap (DESIGN §6, Reads). While a write is under way the
 * mirrors may differ: a read that comes after it is not sent before it has ended. Nor is a read answered that was
 * under way when the write came: it may show what is gone once a mirror and this host are. Each waits only for what
 * came before, and no write for a read: nothing starves.
 */
import { Status } from '../../protocols/codes.ts';
import { type ConsumerIo, IoPlace } from './consumer-io.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverOptions } from './driver-listener.ts';
import type { RegionWrites } from './region-writes.ts';
import { UnsettledWrites } from './unsettled-writes.ts';

const none: readonly ConsumerIo[] = [];

export class HeldReads {
  readonly #writes = new UnsettledWrites();
  readonly #ordersReads: boolean;
  readonly #regions: RegionWrites | null;
  readonly #counters: DriverCounters;
  #held: readonly ConsumerIo[] = none;

  /** Where coordinators order reads among all writes, none is held. */
  constructor(
    { readsThroughCoordinator, caches }: Pick<DriverOptions, 'readsThroughCoordinator' | 'caches'>,
    counters: DriverCounters,
  ) {
    this.#ordersReads = !readsThroughCoordinator;
    // Null where nobody asks for their number.
    this.#regions = caches?.writes ?? null;
    this.#counters = counters;
  }

  get unsettledWrites(): number {
    return this.#writes.count;
  }

  writeBegan(write: ConsumerIo): void {
    this.#writes.add(write);
    this.#regions?.began(write);
  }

  /** Takes out and gives what may go on now: what is no write, or never began, frees nothing. */
  writeEnded(write: ConsumerIo): readonly ConsumerIo[] {
    if (write.unsettledIndex === -1) return none;
    this.#writes.remove(write);
    this.#regions?.ended(write);
    if (this.#held.length === 0) return none;
    const freed = this.#take((io) => !this.#writes.precede(io));
    // That a range took long, and got on all the time, is not counted against what waited for it.
    for (const io of freed) io.deadlineMs = Math.max(io.deadlineMs, write.deadlineMs);
    return freed;
  }

  /** True when a read has to wait for writes that came before: it is kept here until they have ended. */
  holds(read: ConsumerIo): boolean {
    if (!this.#hold(read)) return false;
    this.#counters.heldReads++;
    return true;
  }

  /** True when one that has its answer has to wait for writes that came meanwhile; not twice. */
  keeps(io: ConsumerIo, arrival: number): boolean {
    if (!io.isRead || io.isAnswered || io.status !== Status.ok) return false;
    io.isAnswered = true;
    io.arrival = arrival;
    if (!this.#hold(io)) return false;
    this.#counters.keptAnswers++;
    return true;
  }

  /** What waits has the time of what it waits for. */
  takeExpired(nowMs: number): readonly ConsumerIo[] {
    if (this.#held.length === 0) return none;
    return this.#take((io) => nowMs >= io.deadlineMs && nowMs >= this.#writes.deadlineBefore(io));
  }

  takeAll(): readonly ConsumerIo[] {
    return this.#take(() => true);
  }

  #hold(read: ConsumerIo): boolean {
    if (!this.#ordersReads || this.#writes.count === 0 || !this.#writes.precede(read)) return false;
    read.place = IoPlace.held;
    this.#held = [...this.#held, read];
    return true;
  }

  #take(goes: (io: ConsumerIo) => boolean): readonly ConsumerIo[] {
    const going = this.#held.filter(goes);
    if (going.length === 0) return none;
    this.#held = this.#held.filter((io) => !going.includes(io));
    for (const io of going) io.place = IoPlace.nowhere;
    return going;
  }
}
