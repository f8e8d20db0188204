/**
 * Own I/Os of one volume that overlap (DESIGN §6, Reads). While a write is under way the mirrors may differ: a read
 * waits for the writes before it, and a write for the reads before it, so that none of them shows what may be gone
 * once a mirror and this host are. Each waits only for what came before it: nothing starves.
 */
import { type ConsumerIo, IoPlace } from './consumer-io.ts';
import type { RegionWrites } from './region-writes.ts';
import { UnsettledIos } from './unsettled-ios.ts';

const none: readonly ConsumerIo[] = [];

export class HeldIos {
  readonly #writes = new UnsettledIos();
  readonly #reads = new UnsettledIos();
  readonly #ordersReads: boolean;
  readonly #regions: RegionWrites | null;
  #held: readonly ConsumerIo[] = none;

  /**
   * @param ordersReads false where coordinators order reads among all writes
   * @param regions where writes are counted; null where nobody asks for their number
   */
  constructor(ordersReads: boolean, regions: RegionWrites | null) {
    this.#ordersReads = ordersReads;
    this.#regions = regions;
  }

  get unsettledWrites(): number {
    return this.#writes.count;
  }

  /** Takes in what is no flush. True when it has to wait: it is kept here until another one's end frees it. */
  holds(io: ConsumerIo): boolean {
    if (io.isWrite) {
      this.#writes.add(io);
      this.#regions?.began(io);
    } else if (this.#ordersReads) this.#reads.add(io);
    if (!this.#isBehind(io)) return false;
    io.place = IoPlace.held;
    this.#held = [...this.#held, io];
    return true;
  }

  /** Takes out and gives what may go now. What never began frees nothing. */
  ended(io: ConsumerIo): readonly ConsumerIo[] {
    if (io.unsettledIndex === -1) return none;
    if (io.isWrite) {
      this.#writes.remove(io);
      this.#regions?.ended(io);
    } else this.#reads.remove(io);
    return this.#held.length === 0 ? none : this.#take((held) => !this.#isBehind(held));
  }

  takeExpired(nowMs: number): readonly ConsumerIo[] {
    return this.#held.length === 0 ? none : this.#take((io) => nowMs >= io.deadlineMs);
  }

  takeAll(): readonly ConsumerIo[] {
    return this.#take(() => true);
  }

  #isBehind(io: ConsumerIo): boolean {
    if (io.isWrite) return this.#reads.count > 0 && this.#reads.precede(io);
    return this.#ordersReads && this.#writes.count > 0 && this.#writes.precede(io);
  }

  #take(goes: (io: ConsumerIo) => boolean): readonly ConsumerIo[] {
    const going = this.#held.filter(goes);
    if (going.length === 0) return none;
    this.#held = this.#held.filter((io) => !going.includes(io));
    for (const io of going) io.place = IoPlace.nowhere;
    return going;
  }
}
