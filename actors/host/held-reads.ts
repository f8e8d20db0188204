/** Reads of one volume that wait for own writes which they overlap, and those writes (`unsettled-writes`). */
import { type ConsumerIo, IoPlace } from './consumer-io.ts';
import type { RegionWrites } from './region-writes.ts';
import { UnsettledWrites } from './unsettled-writes.ts';

const none: readonly ConsumerIo[] = [];

export class HeldReads {
  readonly #writes = new UnsettledWrites();
  readonly #regions: RegionWrites | null;
  #reads: readonly ConsumerIo[] = none;

  /** @param regions where writes are counted; null where nobody asks for their number */
  constructor(regions: RegionWrites | null) {
    this.#regions = regions;
  }

  get unsettledWrites(): number {
    return this.#writes.count;
  }

  writeBegan(write: ConsumerIo): void {
    this.#writes.add(write);
    this.#regions?.began(write);
  }

  /** Takes out and gives the reads that may go now. A write that never began frees none. */
  writeEnded(write: ConsumerIo): readonly ConsumerIo[] {
    if (write.unsettledIndex === -1) return none;
    this.#writes.remove(write);
    this.#regions?.ended(write);
    return this.#reads.length === 0 ? none : this.#take((read) => !this.#writes.holds(read));
  }

  /** True when the read has to wait: it is kept here until a write's end frees it. */
  holds(read: ConsumerIo): boolean {
    if (this.#writes.count === 0 || !this.#writes.holds(read)) return false;
    read.place = IoPlace.held;
    this.#reads = [...this.#reads, read];
    return true;
  }

  takeExpired(nowMs: number): readonly ConsumerIo[] {
    return this.#reads.length === 0 ? none : this.#take((read) => nowMs >= read.deadlineMs);
  }

  takeAll(): readonly ConsumerIo[] {
    return this.#take(() => true);
  }

  #take(goes: (read: ConsumerIo) => boolean): readonly ConsumerIo[] {
    const going = this.#reads.filter(goes);
    if (going.length === 0) return none;
    this.#reads = this.#reads.filter((read) => !going.includes(read));
    for (const read of going) read.place = IoPlace.nowhere;
    return going;
  }
}
