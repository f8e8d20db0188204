/** Which regions of a volume belong together. Pure. */

/** Regions one behind the other, by their numbers. */
export interface RegionStretch {
  readonly first: number;
  readonly count: number;
}

/** @param numbers each once, in any order */
export function stretchesOf(numbers: readonly number[]): readonly RegionStretch[] {
  const stretches: { first: number; count: number }[] = [];
  for (const number of numbers.toSorted((one, other) => one - other)) {
    const last = stretches.at(-1);
    if (last !== undefined && last.first + last.count === number) last.count++;
    else stretches.push({ first: number, count: 1 });
  }
  return stretches;
}
