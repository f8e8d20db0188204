/**
 * The writes of one attachment that a coordinator remembers: every I/O number at or above the host's watermark that
 * it admitted, with its outcome once it has one (DESIGN I6). So a retry joins its original, or gets its outcome, and
 * is never carried out again; what is below the watermark has ended at the host and is refused.
 */
import type { Request } from '../../protocols/frames/request.ts';
import { type IoNumber, unitOf, type WriteNumber } from '../../protocols/units.ts';

/** The most I/O numbers of a host, from its watermark on, that are remembered; hosts stay well within. */
export const rememberedIosMax = 32_768;

/** A host's I/O as it is remembered while it is open. */
export interface HostIo {
  /** As the host sent it last. */
  readonly request: Request;
  /** A retry takes the place of the original, and tells where the reply goes. */
  join(request: Request): void;
}

/** True when a request under the number of another one asks for the same. */
export function isRetry(original: Request, request: Request): boolean {
  return (
    original.operation === request.operation &&
    original.offset === request.offset &&
    original.lengthBytes === request.lengthBytes
  );
}

const rememberedIosFirst = 1024;
const nobody = -1;
/** In the place of a write number. */
const failed = -1;

export class KnownIos<Io = HostIo> {
  #watermark = 0;
  /** By I/O number modulo the size, which is a power of two: a window of numbers without gaps fits exactly. */
  #numbers: Float64Array;
  #open: (Io | null)[];
  #writeNumbers: Float64Array;
  #openCount = 0;

  constructor() {
    this.#numbers = new Float64Array(rememberedIosFirst).fill(nobody);
    this.#open = new Array<Io | null>(rememberedIosFirst).fill(null);
    this.#writeNumbers = new Float64Array(rememberedIosFirst);
  }

  /** The highest watermark seen. */
  get watermark(): IoNumber {
    return unitOf<IoNumber>(this.#watermark);
  }

  /** I/Os that have not ended. */
  get openCount(): number {
    return this.#openCount;
  }

  /** A frame brought a watermark; frames overtake each other, so it may be an older one. */
  raise(watermark: IoNumber): void {
    if (watermark > this.#watermark) this.#watermark = watermark;
  }

  /** True when the I/O was remembered and has not been forgotten. */
  has(number: IoNumber): boolean {
    return this.#numbers[this.#placeOf(number)] === number;
  }

  /** The I/O as long as it has not ended; null when it has, or is not known. */
  openOf(number: IoNumber): Io | null {
    const place = this.#placeOf(number);
    return this.#numbers[place] === number ? (this.#open[place] ?? null) : null;
  }

  /** What a write that ended well was numbered; 0 for others. */
  writeNumberOf(number: IoNumber): WriteNumber {
    return unitOf<WriteNumber>(this.#writeNumbers[this.#placeOf(number)] ?? 0);
  }

  /** Remembers an I/O that begins. False when its number is too far above the watermark. */
  begin(number: IoNumber, io: Io): boolean {
    const place = this.#placeFor(number);
    if (place === null) return false;
    this.#close(place);
    this.#numbers[place] = number;
    this.#open[place] = io;
    this.#openCount++;
    this.#writeNumbers[place] = 0;
    return true;
  }

  /** The I/O has ended well. */
  end(number: IoNumber, writeNumber: WriteNumber): void {
    const place = this.#placeOf(number);
    if (this.#numbers[place] !== number) return;
    this.#close(place);
    this.#writeNumbers[place] = writeNumber;
  }

  /** The I/O was done through another coordinator. */
  restore(number: IoNumber): void {
    const place = this.#placeFor(number);
    if (place === null) return;
    this.#close(place);
    this.#numbers[place] = number;
    this.#writeNumbers[place] = 0;
  }

  /** The write has ended with an error, and is dead: a retry of it gets the error, too. */
  fail(number: IoNumber): void {
    this.end(number, unitOf<WriteNumber>(failed));
  }

  /** True when the I/O is known to have ended with an error. */
  hasFailed(number: IoNumber): boolean {
    return this.has(number) && this.#writeNumbers[this.#placeOf(number)] === failed;
  }

  /** The I/O left no trace, and may be carried out again: a read. */
  forget(number: IoNumber): void {
    const place = this.#placeOf(number);
    if (this.#numbers[place] !== number) return;
    this.#numbers[place] = nobody;
    this.#close(place);
  }

  #close(place: number): void {
    if ((this.#open[place] ?? null) === null) return;
    this.#open[place] = null;
    this.#openCount--;
  }

  /** Where a number can be noted; null when it is too far above the watermark. */
  #placeFor(number: IoNumber): number | null {
    for (;;) {
      const place = this.#placeOf(number);
      const other = this.#numbers[place] ?? nobody;
      if (other === number || other < this.#watermark) return place;
      if (this.#numbers.length >= rememberedIosMax) return null;
      this.#grow();
    }
  }

  #placeOf(number: number): number {
    return number % this.#numbers.length;
  }

  #grow(): void {
    const numbers = this.#numbers;
    const open = this.#open;
    const writeNumbers = this.#writeNumbers;
    const size = numbers.length * 2;
    this.#numbers = new Float64Array(size).fill(nobody);
    this.#open = new Array<Io | null>(size).fill(null);
    this.#writeNumbers = new Float64Array(size);
    for (let from = 0; from < numbers.length; from++) {
      const number = numbers[from] ?? nobody;
      if (number < this.#watermark) {
        // What its host has ended without hearing of its end.
        if ((open[from] ?? null) !== null) this.#openCount--;
        continue;
      }
      const place = this.#placeOf(number);
      this.#numbers[place] = number;
      this.#open[place] = open[from] ?? null;
      this.#writeNumbers[place] = writeNumbers[from] ?? 0;
    }
  }
}
