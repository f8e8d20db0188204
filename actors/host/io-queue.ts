/** I/Os that wait for a slot or credits, first come first served across all volumes of a host. */
import { type ConsumerIo, IoPlace } from './consumer-io.ts';
import type { OptimizationDriver } from './optimization-driver.ts';

export class IoQueue {
  #ios: ConsumerIo[] = [];
  /** How many of `#ios`, from the start, have left already. */
  #taken = 0;

  get isEmpty(): boolean {
    return this.#taken === this.#ios.length;
  }

  get count(): number {
    return this.#ios.length - this.#taken;
  }

  get first(): ConsumerIo | null {
    return this.#ios[this.#taken] ?? null;
  }

  push(io: ConsumerIo): void {
    io.place = IoPlace.queued;
    this.#ios.push(io);
  }

  /** Takes the first one out. */
  shift(): void {
    const io = this.first;
    if (io === null) return;
    io.place = IoPlace.nowhere;
    this.#taken++;
    // Moving the rest only now and then keeps both the memory and the cost per I/O bounded.
    if (this.#taken * 2 < this.#ios.length) return;
    this.#ios.copyWithin(0, this.#taken);
    this.#ios.length -= this.#taken;
    this.#taken = 0;
  }

  /** Takes out all of one volume. */
  removeOf(driver: OptimizationDriver): readonly ConsumerIo[] {
    const waiting = this.#ios.slice(this.#taken);
    const removed = waiting.filter((io) => io.driver === driver);
    this.#ios = waiting.filter((io) => io.driver !== driver);
    this.#taken = 0;
    for (const io of removed) io.place = IoPlace.nowhere;
    return removed;
  }
}
