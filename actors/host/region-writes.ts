/**
 * How often a host has written to each region of a volume, and whether it is at it: what its reads tell the caches on
 * their way (DESIGN I9). Plain arrays: a write costs a few stores for each region that it touches.
 */
import type { ConsumerIo } from './consumer-io.ts';

export class RegionWrites {
  readonly #regionBytes: number;
  // By region.
  readonly #begun: number[] = [];
  readonly #open: number[] = [];

  constructor(regionBytes: number) {
    this.#regionBytes = regionBytes;
  }

  began({ start, end }: ConsumerIo): void {
    if (end <= start) return;
    const last = Math.floor((end - 1) / this.#regionBytes);
    while (this.#begun.length <= last) {
      this.#begun.push(0);
      this.#open.push(0);
    }
    for (let region = Math.floor(start / this.#regionBytes); region <= last; region++) {
      this.#begun[region] = (this.#begun[region] ?? 0) + 1;
      this.#open[region] = (this.#open[region] ?? 0) + 1;
    }
  }

  ended({ start, end }: ConsumerIo): void {
    if (end <= start) return;
    const last = Math.floor((end - 1) / this.#regionBytes);
    for (let region = Math.floor(start / this.#regionBytes); region <= last; region++)
      this.#open[region] = (this.#open[region] ?? 0) - 1;
  }

  /**
   * The writes to the region of a range that were begun, when all of them have ended: what is read now is what every
   * read finds until the next one begins. -1 when one is open, for a cache must not take what is read meanwhile for
   * its result, and when the range crosses from one region into another, for it has no one number then.
   */
  settledCount(start: number, lengthBytes: number): number {
    const region = Math.floor(start / this.#regionBytes);
    const last = Math.floor((start + lengthBytes - 1) / this.#regionBytes);
    if (region !== last || (this.#open[region] ?? 0) > 0) return -1;
    return this.#begun[region] ?? 0;
  }
}
