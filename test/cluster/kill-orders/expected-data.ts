/**
 * What a volume must hold by what its consumer was told (DESIGN I1, I2): for each block the values that a read may give.
 * A killed process takes nothing with it that it had acknowledged, so a write that was acknowledged counts, flushed or
 * not. One that ended with an error may have happened; what a read gives then stays.
 */
import { blockBytes } from '../../../protocols/units.ts';

const wordBytes = 4;

/** A block that is full of one number. */
export function blockOf(value: number): Uint8Array {
  const words = new Uint32Array(blockBytes / wordBytes).fill(value);
  return new Uint8Array(words.buffer);
}

/** The number that fills a block; null when it is not full of one. */
export function valueIn(bytes: Uint8Array): number | null {
  const words = new Uint32Array(Uint8Array.from(bytes).buffer);
  const [first = 0] = words;
  return words.length === blockBytes / wordBytes && words.every((word) => word === first)
    ? first
    : null;
}

export class ExpectedData {
  /** By block, what may be there; what is not named was never written. */
  readonly #possible = new Map<number, ReadonlySet<number>>();

  acknowledged(block: number, value: number): void {
    this.#possible.set(block, new Set([value]));
  }

  /** It ended with an error. */
  mayHaveHappened(block: number, value: number): void {
    this.#possible.set(block, new Set([...this.#of(block), value]));
  }

  /** Takes what a read gave while no write of the block was open. @returns what is wrong with it, '' for nothing */
  read(block: number, value: number | null): string {
    const possible = this.#of(block);
    if (value === null) return `block ${block} holds parts of several writes`;
    if (possible.has(value)) {
      this.#possible.set(block, new Set([value]));
      return '';
    }
    return `block ${block} holds ${value}, and must hold ${[...possible].join(' or ')}`;
  }

  #of(block: number): ReadonlySet<number> {
    return this.#possible.get(block) ?? new Set([0]);
  }
}
