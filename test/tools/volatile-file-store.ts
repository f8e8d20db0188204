/**
 * A file store whose disk has a volatile write cache: what was written is in this process alone until it is flushed.
 * SIGKILL of the process then loses what a power cut loses of a machine; files as they are lose nothing, for the system
 * has their bytes. What was not flushed is lost as a whole: torn and half-written caches are the simulation's.
 */
import { FileStore } from '../../cluster/stores/file-store.ts';
import type { StoreDone, StoreError } from '../../protocols/ports.ts';
import type { Patch } from './mutated-build.ts';

interface CachedWrite {
  readonly atBytes: number;
  readonly bytes: Uint8Array;
}

/** Has the disks of a mutated build, which needs the room `test/tools`, keep their data in such stores. */
export const volatileCaches: Patch = {
  file: 'cluster/stores/open-file-store.js',
  snippet: `import { FileStore } from './file-store.js';`,
  replacement: `import { VolatileFileStore as FileStore } from '../../test/tools/volatile-file-store.js';`,
};

export class VolatileFileStore extends FileStore {
  /** In the order in which they were written: of two that overlap the later one holds. */
  readonly #cached: CachedWrite[] = [];
  #isFlushing = false;
  /** Who needs a flush that has not begun. */
  #toFlush: StoreDone[] = [];

  override read(atBytes: number, into: Uint8Array, done: StoreDone): void {
    const end = atBytes + into.length;
    // As it is now: once it is flushed it is in the file, which may have been read before.
    const above = this.#cached.filter(
      (write) => write.atBytes < end && write.atBytes + write.bytes.length > atBytes,
    );
    super.read(atBytes, into, (error) => {
      for (const write of above) overlay(into, atBytes, write);
      done(error);
    });
  }

  override write(atBytes: number, pieces: readonly Uint8Array[], done: StoreDone): void {
    const bytes = Buffer.concat(pieces);
    if (atBytes + bytes.length > this.sizeBytes) throw new RangeError('outside the store');
    // Nothing is written; whether writes are admitted is the store's to say, and when it is done.
    super.write(atBytes, [], done);
    if (bytes.length > 0) this.#cached.push({ atBytes, bytes });
  }

  override flush(done: StoreDone): void {
    this.#toFlush.push(done);
    if (!this.#isFlushing) this.#writeOut();
  }

  #writeOut(): void {
    const waiting = this.#toFlush.splice(0);
    const writes = this.#cached.slice();
    this.#isFlushing = true;
    let failure: StoreError | null = null;
    let left = writes.length;
    const written = (error: StoreError | null) => {
      failure ??= error;
      left -= 1;
      if (left <= 0) super.flush((synced) => this.#flushed(waiting, writes, failure ?? synced));
    };
    for (const { atBytes, bytes } of writes) super.write(atBytes, [bytes], written);
    if (writes.length === 0) written(null);
  }

  #flushed(
    waiting: readonly StoreDone[],
    { length }: readonly CachedWrite[],
    error: StoreError | null,
  ): void {
    if (error === null) this.#cached.splice(0, length);
    this.#isFlushing = false;
    if (this.#toFlush.length > 0) this.#writeOut();
    for (const done of waiting) done(error);
  }
}

function overlay(into: Uint8Array, atBytes: number, write: CachedWrite): void {
  const start = Math.max(atBytes, write.atBytes);
  const end = Math.min(atBytes + into.length, write.atBytes + write.bytes.length);
  into.set(write.bytes.subarray(start - write.atBytes, end - write.atBytes), start - atBytes);
}
