/**
 * Delivers results of store operations in batches, from `setImmediate`: never before the call that took the callback
 * has returned, and without keeping the event loop from its sockets.
 */
import type { StoreDone, StoreError } from '../../protocols/ports.ts';

export class DoneQueue {
  #callbacks: StoreDone[] = [];
  #errors: (StoreError | null)[] = [];
  #isArranged = false;
  readonly #deliver = () => this.#deliverAll();

  add(done: StoreDone, error: StoreError | null): void {
    this.#callbacks.push(done);
    this.#errors.push(error);
    if (this.#isArranged) return;
    this.#isArranged = true;
    setImmediate(this.#deliver);
  }

  #deliverAll(): void {
    const callbacks = this.#callbacks;
    const errors = this.#errors;
    this.#callbacks = [];
    this.#errors = [];
    this.#isArranged = false;
    let delivered = 0;
    try {
      while (delivered < callbacks.length) {
        const at = delivered;
        delivered += 1;
        callbacks[at]?.(errors[at] ?? null);
      }
    } finally {
      // A callback that threw takes nobody else's result with it.
      for (; delivered < callbacks.length; delivered += 1) {
        const done = callbacks[delivered];
        if (done !== undefined) this.add(done, errors[delivered] ?? null);
      }
    }
  }
}
