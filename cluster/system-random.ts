/** The Random port from the operating system's generator: fit for incarnations, which must never repeat. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../protocols/ports.ts';

const drawBytes = 6;
const drawLimit = 2 ** (8 * drawBytes);
/** Bytes fetched at a time: a call into the generator costs more than using what it gives. */
const poolBytes = 512 * drawBytes;

class SystemRandom implements Random {
  readonly #pool = Buffer.alloc(poolBytes);
  #usedBytes = poolBytes;

  /** @throws RangeError when `limit` is not a whole number in [1, 2 ** 48]. */
  integer(limit: number): number {
    if (!(limit >= 1 && limit <= drawLimit) || !Number.isInteger(limit))
      throw new RangeError(`limit ${limit} is not a whole number in [1, 2 ** 48]`);
    const fair = drawLimit - (drawLimit % limit);
    for (;;) {
      const drawn = this.#draw();
      if (drawn < fair) return drawn % limit;
    }
  }

  #draw(): number {
    if (this.#usedBytes === poolBytes) {
      randomFillSync(this.#pool);
      this.#usedBytes = 0;
    }
    const drawn = this.#pool.readUIntLE(this.#usedBytes, drawBytes);
    this.#usedBytes += drawBytes;
    return drawn;
  }
}

/** The source of chance of a process of the cluster. */
export function createSystemRandom(): Random {
  return new SystemRandom();
}
