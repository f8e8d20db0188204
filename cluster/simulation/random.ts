/**
 * Chance from a seed: the same seed gives the same numbers on every machine (32-bit integer arithmetic only).
 * `fork` gives streams that do not disturb each other: drawing one number more in one part of the simulation leaves
 * all the others as they were, which keeps a failing seed failing while it is examined.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's "small fast counting", 128 bits of state; passes PractRand).
 */
import type { Random } from '../../protocols/ports.ts';

const twoTo32 = 2 ** 32;
const twoTo48 = 2 ** 48;
/** Rates of faults are counted in millionths: whole numbers, so that they print and add exactly. */
export const million = 1_000_000;
/** Numbers thrown away first, so that seeds that are alike give streams that are not. */
const warmUpCount = 15;

export class SeededRandom implements Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any text; a number is taken by its digits. */
  constructor(seed: string | number) {
    this.#name = String(seed);
    const [a, b, c] = hashOf(this.#name);
    this.#a = a;
    this.#b = b;
    this.#c = c;
    for (let count = 0; count < warmUpCount; count++) this.word();
  }

  /** An independent stream. Depends on the seed and the names of the forks only, not on what was drawn before. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#name}/${name}`);
  }

  /** The next 32 bits, as a number in [0, 2 ** 32). */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** @throws RangeError when `limit` is not a whole number in [1, 2 ** 48]. */
  integer(limit: number): number {
    if (!(limit >= 1 && limit <= twoTo48) || !Number.isInteger(limit))
      throw new RangeError(`limit ${limit} is not a whole number in [1, 2 ** 48]`);
    if (limit <= twoTo32) {
      const fair = twoTo32 - (twoTo32 % limit);
      for (;;) {
        const drawn = this.word();
        if (drawn < fair) return drawn % limit;
      }
    }
    const fair = twoTo48 - (twoTo48 % limit);
    for (;;) {
      const drawn = (this.word() & 0xffff) * twoTo32 + this.word();
      if (drawn < fair) return drawn % limit;
    }
  }

  /** A number in [0, 1), in steps of 2 ** -32. */
  fraction(): number {
    return this.word() / twoTo32;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.fraction();
  }

  /** True in `perMillion` of a million cases. Draws nothing when it is 0, so that a fault that is off costs nothing. */
  chance(perMillion: number): boolean {
    return perMillion > 0 && this.integer(million) < perMillion;
  }

  /** One of `choices`. @throws RangeError when there is none. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    const at = this.integer(choices.length);
    return choices[at] as Choice;
  }
}

/** Spreads a name over 96 bits: three multiply-and-rotate lanes over its characters, mixed at the end. */
function hashOf(name: string): readonly [number, number, number] {
  let a = 0x243f6a88;
  let b = 0x85a308d3;
  let c = 0x13198a2e;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at) + 1;
    a = turned(Math.imul(a ^ code, 0x9e3779b1), 13) ^ c;
    b = turned(Math.imul(b + code, 0x85ebca77), 17) ^ a;
    c = turned(Math.imul(c ^ (code << 8), 0xc2b2ae3d), 11) ^ b;
  }
  return [mixed(a ^ name.length), mixed(b + a), mixed(c ^ b)];
}

function turned(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** The finishing step of MurmurHash3: every bit of the input changes half of the output. */
function mixed(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
