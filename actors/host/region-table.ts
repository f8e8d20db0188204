/** The regions of one volume that are marked, or about to be: those that are clean take no room. */
import { type DirtyRegion, isClean, newRegion } from './dirty-region.ts';
import type { RegionStretch } from './region-stretches.ts';

export class RegionTable {
  /** Those that were written to since they were flushed last. */
  readonly unflushed = new Set<DirtyRegion>();
  readonly #regionBytes: number;
  readonly #regions = new Map<number, DirtyRegion>();

  constructor(regionBytes: number) {
    this.#regionBytes = regionBytes;
  }

  get size(): number {
    return this.#regions.size;
  }

  all(): Iterable<DirtyRegion> {
    return this.#regions.values();
  }

  /** @param offset in the volume, in bytes */
  numberAt(offset: number): number {
    return Math.floor(offset / this.#regionBytes);
  }

  find(number: number): DirtyRegion | undefined {
    return this.#regions.get(number);
  }

  /** That which is known, or a new one. */
  take(number: number): DirtyRegion {
    const known = this.#regions.get(number);
    if (known !== undefined) return known;
    const region = newRegion(number);
    this.#regions.set(number, region);
    return region;
  }

  /** Those of a stretch that are known. */
  in({ first, count }: RegionStretch): readonly DirtyRegion[] {
    return Array.from({ length: count }, (_, index) => this.#regions.get(first + index)).filter(
      (region) => region !== undefined,
    );
  }

  dropIfClean(region: DirtyRegion): void {
    if (!isClean(region)) return;
    this.#regions.delete(region.number);
    this.unflushed.delete(region);
  }
}
