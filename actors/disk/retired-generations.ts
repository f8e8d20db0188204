/**
 * What a disk remembers of extents that it gave up (DESIGN I15): their generations, for ever. A volume that was deleted
 * can therefore not come back on this disk, neither by a message that comes late nor from a config database that lost
 * its last writes, and no new owner is ever taken for a former one. Pure.
 */
import { type ExtentGeneration, unitOf } from '../../protocols/units.ts';
import type { RetiredGenerations, SuperblockContent } from './superblock.ts';

/** More are remembered as one number, below which all count as given up. */
export const retiredMax = 1024;

export const nothingRetired: RetiredGenerations = {
  floor: unitOf<ExtentGeneration>(0),
  above: [],
};

/** True when extents of this generation were given up here. */
export function isRetired({ floor, above }: RetiredGenerations, generation: number): boolean {
  return generation <= floor || above.includes(unitOf<ExtentGeneration>(generation));
}

/** Remembers that extents were given up. */
export function retire(
  retired: RetiredGenerations,
  extents: readonly { readonly generation: ExtentGeneration }[],
): RetiredGenerations {
  const added = extents
    .map(({ generation }) => generation)
    .filter((generation) => !isRetired(retired, generation));
  if (added.length === 0) return retired;
  const all = [...new Set([...retired.above, ...added])].sort((a, b) => a - b);
  const excess = Math.max(all.length - retiredMax, 0);
  return { floor: all[excess - 1] ?? retired.floor, above: all.slice(excess) };
}

/** The highest generation that an extent on the disk has or had; 0 when there was none. */
export function highestGeneration({ retired, volumes }: SuperblockContent): ExtentGeneration {
  const owned = volumes.flatMap(({ extents }) => extents.map(({ generation }) => generation));
  return unitOf<ExtentGeneration>(Math.max(retired.floor, ...retired.above, ...owned));
}
