/** The host's own writes to one volume that have not ended, by range and in the order of their arrival. */
import type { ConsumerIo } from './consumer-io.ts';

export class UnsettledWrites {
  // Dense, in no order: depth is tens of writes, and a scan of so few costs less than any tree.
  readonly #writes: ConsumerIo[] = [];

  get count(): number {
    return this.#writes.length;
  }

  add(write: ConsumerIo): void {
    write.unsettledIndex = this.#writes.length;
    this.#writes.push(write);
  }

  remove(write: ConsumerIo): void {
    const index = write.unsettledIndex;
    const last = this.#writes.pop();
    if (last === undefined || index < 0) throw new RangeError('not an unsettled write');
    write.unsettledIndex = -1;
    if (last === write) return;
    this.#writes[index] = last;
    last.unsettledIndex = index;
  }

  /** True when a write that came before `read` and overlaps it has not ended. */
  precede(read: ConsumerIo): boolean {
    for (const write of this.#writes) if (precedes(write, read)) return true;
    return false;
  }

  /** When the last of those that `precede` says is due; 0 when there is none. */
  deadlineBefore(read: ConsumerIo): number {
    let deadlineMs = 0;
    for (const write of this.#writes)
      if (precedes(write, read)) deadlineMs = Math.max(deadlineMs, write.deadlineMs);
    return deadlineMs;
  }
}

function precedes(write: ConsumerIo, read: ConsumerIo): boolean {
  return write.start < read.end && read.start < write.end && write.arrival < read.arrival;
}
