/**
 * Block store over files: one file, one block device, or an array of files as one disk (DESIGN D1). It moves bytes
 * and nothing else; finding, creating and locking the files is `open-file-store.ts`'s.
 *
 * Reads and writes go to the page cache synchronously, which costs a third of a trip through the thread pool, as
 * long as they are fast. One that was slow (a cold file, a full cache) sends the next ones to the thread pool for a
 * while, so that the event loop is not blocked for long. Results are delivered in batches (`done-queue.ts`).
 *
 * One sync runs at a time, and who asks meanwhile shares the next: a system tells that written bytes were lost to one
 * sync of an open file only, and another beside it would call the same bytes durable.
 */
import { closeSync, fdatasync, read, readSync, writev, writevSync } from 'node:fs';
import type { BlockStore, StoreDone, StoreError } from '../../protocols/ports.ts';
import { DoneQueue } from './done-queue.ts';
import { OverlapQueue, type QueuedOperation } from './overlap-queue.ts';
import { SlowCalls } from './slow-calls.ts';

/** A synchronous call longer than this makes the next ones asynchronous for a while. */
export const slowCallMsDefault = 1;
/** What one writev takes (IOV_MAX of Linux and macOS). */
const writePiecesMax = 1024;

/** One file of a store, open for reading and writing, and what it holds of the store's bytes. */
export interface FileSegment {
  readonly fd: number;
  readonly path: string;
  readonly startBytes: number;
  readonly lengthBytes: number;
}

/** Makes durable what was written to an open file, as `fdatasync` does. */
export type SyncFile = (fd: number, done: (error: Error | null) => void) => void;

export class FileStore implements BlockStore {
  readonly sizeBytes: number;
  readonly #segments: readonly FileSegment[];
  readonly #syncFile: SyncFile;
  readonly #queue = new OverlapQueue();
  readonly #slowCalls: SlowCalls;
  #calls = 0;
  #failure: StoreError | null = null;
  #isSyncing = false;
  /** Who needs a sync that has not begun. */
  #toSync: StoreDone[] = [];
  /** Who waits for the close; null while open. */
  #closing: (() => void)[] | null = null;
  #filesOpen = true;
  readonly #done = new DoneQueue();

  /**
   * @param segments the files, in order, without gaps; the store closes them when it is closed
   * @param slowCallMs what counts as slow; below 0 everything goes to the thread pool
   */
  constructor(
    segments: readonly FileSegment[],
    slowCallMs = slowCallMsDefault,
    syncFile: SyncFile = fdatasync,
  ) {
    this.#segments = segments;
    this.#syncFile = syncFile;
    this.#slowCalls = new SlowCalls(slowCallMs);
    this.sizeBytes = segments.reduce((sum, segment) => sum + segment.lengthBytes, 0);
  }

  read(atBytes: number, into: Uint8Array, done: StoreDone): void {
    if (!this.#admits(atBytes, into.length, done)) return;
    const startMs = performance.now();
    if (this.#queue.isIdle && this.#slowCalls.allows(startMs)) {
      this.#done.add(done, this.#readNow(atBytes, into));
      this.#slowCalls.ended(startMs, performance.now());
      return;
    }
    this.#enqueue(atBytes, into.length, false, done, (finished) =>
      this.#readLater(atBytes, into, finished),
    );
  }

  write(atBytes: number, pieces: readonly Uint8Array[], done: StoreDone): void {
    let lengthBytes = 0;
    for (const piece of pieces) lengthBytes += piece.length;
    if (!this.#admits(atBytes, lengthBytes, done)) return;
    const startMs = performance.now();
    if (this.#queue.isIdle && this.#slowCalls.allows(startMs)) {
      this.#done.add(done, this.#writeNow(atBytes, pieces, lengthBytes));
      this.#slowCalls.ended(startMs, performance.now());
      return;
    }
    this.#enqueue(atBytes, lengthBytes, true, done, (finished) =>
      this.#writeLater(atBytes, pieces, lengthBytes, finished),
    );
  }

  flush(done: StoreDone): void {
    if (!this.#admits(0, 0, done)) return;
    this.#calls += 1;
    this.#toSync.push(done);
    if (!this.#isSyncing) this.#sync();
  }

  #sync(): void {
    const waiting = this.#toSync;
    this.#toSync = [];
    this.#isSyncing = true;
    let left = this.#segments.length;
    for (const { fd, path } of this.#segments)
      this.#syncFile(fd, (error) => {
        if (error !== null)
          this.#failure ??= { kind: 'sync-failed', detail: `fdatasync ${path}: ${error.message}` };
        left -= 1;
        if (left === 0) this.#synced(waiting);
      });
  }

  /** A failure of an earlier one stays: what it could not write the next one takes for written. */
  #synced(waiting: readonly StoreDone[]): void {
    this.#isSyncing = false;
    if (this.#toSync.length > 0) this.#sync();
    for (const done of waiting) {
      this.#done.add(done, this.#failure);
      this.#callEnded();
    }
  }

  close(done: () => void): void {
    this.#closing ??= [];
    this.#closing.push(done);
    this.#calls += 1;
    setImmediate(() => this.#callEnded());
  }

  /** False when the call was answered already: the store is closed or cannot be believed any more. */
  #admits(atBytes: number, lengthBytes: number, done: StoreDone): boolean {
    if (atBytes < 0 || atBytes + lengthBytes > this.sizeBytes)
      throw new RangeError(`outside the store: ${lengthBytes} bytes at ${atBytes}`);
    if (this.#closing !== null)
      this.#done.add(done, { kind: 'media', detail: 'the store is closed' });
    else if (this.#failure !== null) this.#done.add(done, this.#failure);
    else return true;
    return false;
  }

  #segmentAt(atBytes: number): FileSegment {
    for (const segment of this.#segments)
      if (atBytes < segment.startBytes + segment.lengthBytes) return segment;
    throw new RangeError(`outside the store: ${atBytes}`);
  }

  #readNow(atBytes: number, into: Uint8Array): StoreError | null {
    let got = 0;
    while (got < into.length) {
      const segment = this.#segmentAt(atBytes + got);
      const inFile = atBytes + got - segment.startBytes;
      const want = Math.min(into.length - got, segment.lengthBytes - inFile);
      try {
        const bytes = readSync(segment.fd, into, got, want, inFile);
        if (bytes === 0) return truncated(segment, inFile);
        got += bytes;
      } catch (error) {
        return storeError(error, segment, inFile);
      }
    }
    return null;
  }

  #readLater(atBytes: number, into: Uint8Array, finished: StoreDone): void {
    let got = 0;
    const next = () => {
      const segment = this.#segmentAt(atBytes + got);
      const inFile = atBytes + got - segment.startBytes;
      const want = Math.min(into.length - got, segment.lengthBytes - inFile);
      read(segment.fd, into, got, want, inFile, (error, bytes) => {
        if (error) return finished(storeError(error, segment, inFile));
        if (bytes === 0) return finished(truncated(segment, inFile));
        got += bytes;
        if (got < into.length) next();
        else finished(null);
      });
    };
    next();
  }

  #writeNow(atBytes: number, pieces: readonly Uint8Array[], length: number): StoreError | null {
    let put = 0;
    while (put < length) {
      const segment = this.#segmentAt(atBytes + put);
      const inFile = atBytes + put - segment.startBytes;
      const now = piecesOf(pieces, put, segment.lengthBytes - inFile);
      try {
        put += writevSync(segment.fd, now, inFile);
      } catch (error) {
        return storeError(error, segment, inFile);
      }
    }
    return null;
  }

  #writeLater(
    atBytes: number,
    pieces: readonly Uint8Array[],
    length: number,
    finished: StoreDone,
  ): void {
    let put = 0;
    const next = () => {
      const segment = this.#segmentAt(atBytes + put);
      const inFile = atBytes + put - segment.startBytes;
      const now = piecesOf(pieces, put, segment.lengthBytes - inFile);
      writev(segment.fd, now, inFile, (error, bytes) => {
        if (error) return finished(storeError(error, segment, inFile));
        put += bytes;
        if (put < length) next();
        else finished(null);
      });
    };
    next();
  }

  #enqueue(
    atBytes: number,
    lengthBytes: number,
    writes: boolean,
    done: StoreDone,
    run: (finished: StoreDone) => void,
  ): void {
    this.#calls += 1;
    const operation: QueuedOperation = {
      startBytes: atBytes,
      endBytes: atBytes + lengthBytes,
      writes,
      run: () =>
        run((error) => {
          this.#queue.remove(operation);
          this.#done.add(done, error);
          this.#callEnded();
        }),
    };
    this.#queue.add(operation);
  }

  #callEnded(): void {
    this.#calls -= 1;
    if (this.#calls > 0 || this.#closing === null) return;
    if (this.#filesOpen) for (const segment of this.#segments) closeSync(segment.fd);
    this.#filesOpen = false;
    for (const closed of this.#closing.splice(0)) setImmediate(closed);
  }
}

/** The part of `pieces` that begins `skipBytes` in and is at most `lengthMax` bytes, for one writev. */
function piecesOf(pieces: readonly Uint8Array[], skipBytes: number, lengthMax: number) {
  if (skipBytes === 0 && pieces.length === 1 && (pieces[0]?.length ?? 0) <= lengthMax)
    return pieces as Uint8Array[];
  const part: Uint8Array[] = [];
  let skip = skipBytes;
  let room = lengthMax;
  for (const piece of pieces) {
    if (room === 0 || part.length === writePiecesMax) break;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const end = Math.min(piece.length, skip + room);
    part.push(skip === 0 && end === piece.length ? piece : piece.subarray(skip, end));
    room -= end - skip;
    skip = 0;
  }
  return part;
}

function storeError(error: unknown, segment: FileSegment, inFile: number): StoreError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const detail = `${code} at byte ${inFile} of ${segment.path}`;
  return { kind: code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : 'media', detail };
}

function truncated(segment: FileSegment, inFile: number): StoreError {
  return { kind: 'media', detail: `${segment.path} ends before byte ${inFile}: it was truncated` };
}
