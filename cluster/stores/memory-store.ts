/**
 * Block store in this process's memory (DESIGN D1): sparse, as fast as a store can be, gone with the process. For
 * measuring what is not the store's cost, and for playing. The simulation has one of its own, with power cuts.
 */
import type { BlockStore, StoreDone, StoreError } from '../../protocols/ports.ts';
import { kibibyte } from '../../protocols/units.ts';
import { DoneQueue } from './done-queue.ts';

const pageBytes = 64 * kibibyte;
const closedError: StoreError = { kind: 'media', detail: 'the store is closed' };

export class MemoryStore implements BlockStore {
  readonly sizeBytes: number;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #done = new DoneQueue();
  #isClosed = false;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  /** Memory that is in use. */
  get residentBytes(): number {
    return this.#pages.size * pageBytes;
  }

  read(atBytes: number, into: Uint8Array, done: StoreDone): void {
    if (!this.#admits(atBytes, into.length, done)) return;
    let got = 0;
    while (got < into.length) {
      const inPage = (atBytes + got) % pageBytes;
      const length = Math.min(into.length - got, pageBytes - inPage);
      const page = this.#pages.get((atBytes + got - inPage) / pageBytes);
      if (page === undefined) into.fill(0, got, got + length);
      else into.set(page.subarray(inPage, inPage + length), got);
      got += length;
    }
    this.#done.add(done, null);
  }

  write(atBytes: number, pieces: readonly Uint8Array[], done: StoreDone): void {
    let lengthBytes = 0;
    for (const piece of pieces) lengthBytes += piece.length;
    if (!this.#admits(atBytes, lengthBytes, done)) return;
    let at = atBytes;
    for (const piece of pieces) {
      for (let put = 0; put < piece.length; ) {
        const inPage = (at + put) % pageBytes;
        const length = Math.min(piece.length - put, pageBytes - inPage);
        this.#page((at + put - inPage) / pageBytes).set(piece.subarray(put, put + length), inPage);
        put += length;
      }
      at += piece.length;
    }
    this.#done.add(done, null);
  }

  flush(done: StoreDone): void {
    if (this.#admits(0, 0, done)) this.#done.add(done, null);
  }

  close(done: () => void): void {
    this.#isClosed = true;
    this.#done.add(done, null);
  }

  #page(number: number): Uint8Array {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new Uint8Array(pageBytes);
      this.#pages.set(number, page);
    }
    return page;
  }

  #admits(atBytes: number, lengthBytes: number, done: StoreDone): boolean {
    if (atBytes < 0 || atBytes + lengthBytes > this.sizeBytes)
      throw new RangeError(`outside the store: ${lengthBytes} bytes at ${atBytes}`);
    if (!this.#isClosed) return true;
    this.#done.add(done, closedError);
    return false;
  }
}
