/** I/Os of one volume that have not ended, by range and in the order of their arrival. */
import type { ConsumerIo } from './consumer-io.ts';

export class UnsettledIos {
  // Dense, in no order: depth is tens of I/Os, and a scan of so few costs less than any tree.
  readonly #ios: ConsumerIo[] = [];

  get count(): number {
    return this.#ios.length;
  }

  add(io: ConsumerIo): void {
    io.unsettledIndex = this.#ios.length;
    this.#ios.push(io);
  }

  remove(io: ConsumerIo): void {
    const index = io.unsettledIndex;
    const last = this.#ios.pop();
    if (last === undefined || index < 0) throw new RangeError('not an unsettled I/O');
    io.unsettledIndex = -1;
    if (last === io) return;
    this.#ios[index] = last;
    last.unsettledIndex = index;
  }

  /** True when one of them came before `io`, and overlaps it. */
  precede(io: ConsumerIo): boolean {
    for (const other of this.#ios)
      if (other.start < io.end && io.start < other.end && other.arrival < io.arrival) return true;
    return false;
  }
}
