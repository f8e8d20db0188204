/**
 * Flushes of the store, shared: while one runs, all who need the next wait for it together, so that a hundred
 * writes that must be durable cost one fdatasync.
 */
import type { BlockStore, StoreError } from '../../protocols/ports.ts';

export type Flushed = (error: StoreError | null) => void;

export class GroupCommit {
  readonly #store: BlockStore;
  readonly #onStart: () => void;
  readonly #onEnd: (error: StoreError | null) => void;
  #running: Flushed[] | null = null;
  #next: Flushed[] = [];
  flushes = 0;

  /**
   * @param onStart called when a flush begins: what has been written by now, it covers
   * @param onEnd called when it ends, before those who waited are told
   */
  constructor(store: BlockStore, onStart: () => void, onEnd: (error: StoreError | null) => void) {
    this.#store = store;
    this.#onStart = onStart;
    this.#onEnd = onEnd;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Joins a flush that begins after this call. */
  request(done: Flushed): void {
    this.#next.push(done);
    if (this.#running === null) this.#start();
  }

  /** Joins the flush that runs already; the caller knows that it covers what must be durable. */
  join(done: Flushed): void {
    if (this.#running === null) this.request(done);
    else this.#running.push(done);
  }

  #start(): void {
    const running = this.#next;
    this.#next = [];
    this.#running = running;
    this.flushes += 1;
    this.#onStart();
    this.#store.flush((error) => {
      this.#onEnd(error);
      this.#running = null;
      if (this.#next.length > 0) this.#start();
      for (const done of running) done(error);
    });
  }
}
