/**
 * What a client sent and nobody has read yet: a queue of the chunks as the socket gave them. Headers are read in
 * place; payloads are handed out as views into the chunks, so a write is never assembled by copying.
 */
import { kibibyte } from '../../protocols/units.ts';

/**
 * Chunks smaller than this are gathered when they queue up: a client that dribbles its payload byte by byte would
 * else cost a hundred times the memory of what it sent.
 */
const smallChunkBytes = kibibyte;
const gatherBytes = 16 * kibibyte;

export class ReceivedBytes {
  /** Where the bytes asked for last by `contiguous` stand: in `bytes` from `at` on. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  readonly #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that were consumed. */
  #consumedBytes = 0;
  #lengthBytes = 0;
  /** The memory of the last chunk while that is a gathered one, and how much of it is used. */
  #gathering: Uint8Array | null = null;
  #gatheredBytes = 0;

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Takes a chunk over: its bytes must not change any more. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#lengthBytes += chunk.length;
    if (this.#chunks.length === 0 || chunk.length >= smallChunkBytes) {
      this.#chunks.push(chunk);
      this.#gathering = null;
      return;
    }
    this.#gather(chunk);
  }

  /** Makes the next `lengthBytes` readable at `bytes[at…]`; false when fewer are here. Consumes nothing. */
  contiguous(lengthBytes: number): boolean {
    if (this.#lengthBytes < lengthBytes) return false;
    const first = this.#chunks[0];
    if (first === undefined || first.length - this.#consumedBytes >= lengthBytes) {
      this.bytes = first ?? this.bytes;
      this.at = this.#consumedBytes;
      return true;
    }
    this.bytes = new Uint8Array(lengthBytes);
    this.at = 0;
    this.#copyInto(this.bytes);
    return true;
  }

  /** Drops the next `lengthBytes`, or as many as there are; returns how many those were. */
  skip(lengthBytes: number): number {
    return this.#consume(lengthBytes, null);
  }

  /** Consumes the next `lengthBytes`, which must be here, as views in order. */
  take(lengthBytes: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    this.#consume(lengthBytes, pieces);
    return pieces;
  }

  clear(): void {
    this.#consume(this.#lengthBytes, null);
  }

  #consume(lengthBytes: number, pieces: Uint8Array[] | null): number {
    let restBytes = Math.min(lengthBytes, this.#lengthBytes);
    const consumedBytes = restBytes;
    let used = 0;
    while (restBytes > 0) {
      const chunk = this.#chunks[used];
      if (chunk === undefined) break;
      const from = this.#consumedBytes;
      const stepBytes = Math.min(restBytes, chunk.length - from);
      pieces?.push(stepBytes === chunk.length ? chunk : chunk.subarray(from, from + stepBytes));
      restBytes -= stepBytes;
      this.#consumedBytes = from + stepBytes;
      if (this.#consumedBytes < chunk.length) break;
      this.#consumedBytes = 0;
      used++;
    }
    if (used === 1) this.#chunks.shift();
    else if (used > 1) this.#chunks.splice(0, used);
    if (this.#chunks.length === 0) this.#gathering = null;
    this.#lengthBytes -= consumedBytes;
    return consumedBytes;
  }

  #copyInto(target: Uint8Array): void {
    let filledBytes = 0;
    let from = this.#consumedBytes;
    for (const chunk of this.#chunks) {
      const piece = chunk.subarray(from, from + target.length - filledBytes);
      target.set(piece, filledBytes);
      filledBytes += piece.length;
      from = 0;
      if (filledBytes === target.length) return;
    }
  }

  #gather(chunk: Uint8Array): void {
    const room = this.#gathering === null ? 0 : gatherBytes - this.#gatheredBytes;
    if (this.#gathering === null || room < chunk.length) {
      this.#gathering = new Uint8Array(gatherBytes);
      this.#gatheredBytes = 0;
      this.#chunks.push(this.#gathering.subarray(0, 0));
    }
    this.#gathering.set(chunk, this.#gatheredBytes);
    const start = (this.#chunks.at(-1)?.byteOffset ?? 0) - this.#gathering.byteOffset;
    this.#gatheredBytes += chunk.length;
    this.#chunks[this.#chunks.length - 1] = this.#gathering.subarray(start, this.#gatheredBytes);
  }
}
