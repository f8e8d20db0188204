/**
 * What a volume must hold by what its consumer was told (DESIGN I1, I2): for each block the values that a read may give.
 * A killed process takes nothing with it that it had acknowledged, so a write that was acknowledged counts, durable or
 * not. One that ended with an error may have happened; what a read gives then stays. Only a disk that loses its power
 * may take with it what was not acknowledged as durable.
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

interface ExpectedBlock {
  /** What may be there. */
  readonly possible: ReadonlySet<number>;
  /** Acknowledged last as durable. */
  readonly durable: number;
  /** Written since then, whether it was acknowledged or not. */
  readonly since: readonly number[];
}

const neverWritten: ExpectedBlock = { possible: new Set([0]), durable: 0, since: [] };

export class ExpectedData {
  readonly #blocks = new Map<number, ExpectedBlock>();

  /** @param isDurable it was asked to be */
  acknowledged(block: number, value: number, isDurable: boolean): void {
    const { durable, since } = this.#of(block);
    const possible = new Set([value]);
    this.#blocks.set(
      block,
      isDurable
        ? { possible, durable: value, since: [] }
        : { possible, durable, since: [...since, value] },
    );
  }

  /** It ended with an error. */
  mayHaveHappened(block: number, value: number): void {
    const { possible, durable, since } = this.#of(block);
    this.#blocks.set(block, {
      possible: new Set([...possible, value]),
      durable,
      since: [...since, value],
    });
  }

  /** A disk has lost its power. */
  powerLost(): void {
    for (const [block, { durable, since }] of this.#blocks)
      this.#blocks.set(block, { possible: new Set([durable, ...since]), durable, since });
  }

  /** Takes what a read gave while no write of the block was open. @returns what is wrong with it, '' for nothing */
  read(block: number, value: number | null): string {
    const expected = this.#of(block);
    const { possible } = expected;
    if (value === null) return `block ${block} holds parts of several writes`;
    if (!possible.has(value))
      return `block ${block} holds ${value}, and must hold ${[...possible].join(' or ')}`;
    this.#blocks.set(block, { ...expected, possible: new Set([value]) });
    return '';
  }

  #of(block: number): ExpectedBlock {
    return this.#blocks.get(block) ?? neverWritten;
  }
}
