/**
 * What a session has to say and the socket has not taken yet: headers and payload pieces in order. Headers that follow
 * each other become one piece; payload pieces are passed on as they are.
 */
import { kibibyte } from '../../protocols/units.ts';

const slabBytes = 16 * kibibyte;

export class ReplyOutput {
  #pieces: Uint8Array[] = [];
  #lengthBytes = 0;
  /** Headers are written one behind the other into here; never into bytes that were handed out. */
  #slab: Uint8Array = new Uint8Array(slabBytes);
  #slabUsedBytes = 0;
  /** Where the headers begin that are not yet a piece. */
  #runStart = 0;

  get isEmpty(): boolean {
    return this.#lengthBytes === 0;
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /**
   * Room for `lengthBytes` of a header: to be written at once at `slab[at…]`, where `at` is returned. At most
   * `slabBytes`; what is larger is appended as a payload.
   */
  reserve(lengthBytes: number): number {
    if (this.#slabUsedBytes + lengthBytes > this.#slab.length) {
      this.#endRun();
      this.#slab = new Uint8Array(Math.max(slabBytes, lengthBytes));
      this.#slabUsedBytes = 0;
      this.#runStart = 0;
    }
    const at = this.#slabUsedBytes;
    this.#slabUsedBytes += lengthBytes;
    this.#lengthBytes += lengthBytes;
    return at;
  }

  /** The memory that the last `reserve` gave room in. */
  get slab(): Uint8Array {
    return this.#slab;
  }

  append(payload: Uint8Array): void {
    this.#endRun();
    this.#lengthBytes += payload.length;
    this.#pieces.push(payload);
  }

  /** Hands over all pieces. They must not be changed, and nothing here changes them any more. */
  take(): Uint8Array[] {
    this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#lengthBytes = 0;
    return pieces;
  }

  #endRun(): void {
    if (this.#runStart === this.#slabUsedBytes) return;
    this.#pieces.push(this.#slab.subarray(this.#runStart, this.#slabUsedBytes));
    this.#runStart = this.#slabUsedBytes;
  }
}
