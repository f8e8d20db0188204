/**
 * Regions (what dirty tracking counts in) and coordinator maps (which partition a byte of a volume belongs to).
 * Who coordinates a partition is control data's business.
 */
import { assertNever } from '../codes.ts';
import { mebibyte, roundDown, unitOf, type VolumeOffset } from '../units.ts';

export const regionBytesDefault = mebibyte;
/** Bounds what a map may make an actor allocate: each partition has an owner, an epoch and write numbers. */
export const partitionsMax = 1024;

/** A stretch of a volume. */
export interface VolumeRange {
  readonly start: VolumeOffset;
  readonly lengthBytes: number;
}

/**
 * - `modulo`: unit 0 belongs to partition 0, unit 1 to partition 1, and round again.
 * - `consecutive`: `bounds[i]` is where partition `i` ends and `i + 1` begins; the first begins at 0 and the last
 *   ends with the volume, so there is one partition more than bounds.
 */
export type CoordinatorMap =
  | { readonly kind: 'modulo'; readonly unitBytes: number; readonly partitions: number }
  | { readonly kind: 'consecutive'; readonly bounds: readonly VolumeOffset[] };

/** Index of the region that holds `offset`. */
export function regionOf(offset: VolumeOffset, regionBytes: number): number {
  return Math.floor(offset / regionBytes);
}

/** Where region `region` begins. */
export function regionStart(region: number, regionBytes: number): VolumeOffset {
  return unitOf<VolumeOffset>(region * regionBytes);
}

/** How many regions a volume has; the last may be shorter than the others. */
export function regionCount(sizeBytes: number, regionBytes: number): number {
  return Math.ceil(sizeBytes / regionBytes);
}

/** The regions that a range touches: the first one's index, and how many. */
export function regionsOf(
  range: VolumeRange,
  regionBytes: number,
): { readonly first: number; readonly count: number } {
  const first = regionOf(range.start, regionBytes);
  if (range.lengthBytes === 0) return { first, count: 0 };
  const last = Math.floor((range.start + range.lengthBytes - 1) / regionBytes);
  return { first, count: last - first + 1 };
}

export function partitionCount(map: CoordinatorMap): number {
  return map.kind === 'modulo' ? map.partitions : map.bounds.length + 1;
}

/** The partition that `offset` belongs to. */
export function partitionOf(map: CoordinatorMap, offset: VolumeOffset): number {
  switch (map.kind) {
    case 'modulo':
      return map.partitions === 1 ? 0 : Math.floor(offset / map.unitBytes) % map.partitions;
    case 'consecutive':
      return boundsUpTo(map.bounds, offset);
    default:
      return assertNever(map, 'coordinator map');
  }
}

/** Where the stretch of one partition that holds `offset` ends; `Infinity` when it lasts to the volume's end. */
export function partitionEnd(map: CoordinatorMap, offset: VolumeOffset): number {
  switch (map.kind) {
    case 'modulo':
      return map.partitions === 1
        ? Number.POSITIVE_INFINITY
        : roundDown(offset, map.unitBytes) + map.unitBytes;
    case 'consecutive':
      return map.bounds[boundsUpTo(map.bounds, offset)] ?? Number.POSITIVE_INFINITY;
    default:
      return assertNever(map, 'coordinator map');
  }
}

/** How many of the sorted bounds are at or below `offset`. */
function boundsUpTo(bounds: readonly VolumeOffset[], offset: VolumeOffset): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bounds[middle] ?? Number.POSITIVE_INFINITY) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The stretches of a volume that belong to a partition, in order. */
export function* rangesOf(
  map: CoordinatorMap,
  partition: number,
  sizeBytes: number,
): Generator<VolumeRange> {
  let start = 0;
  if (map.kind === 'modulo') start = partition * map.unitBytes;
  else if (partition > 0) start = map.bounds[partition - 1] ?? sizeBytes;
  const step = map.kind === 'modulo' ? map.partitions * map.unitBytes : sizeBytes;
  while (start < sizeBytes && partition < partitionCount(map)) {
    const end = Math.min(partitionEnd(map, unitOf<VolumeOffset>(start)), sizeBytes);
    yield { start: unitOf<VolumeOffset>(start), lengthBytes: end - start };
    start = Math.max(end, start + step);
  }
}

/**
 * Problems of a coordinator map, as sentences. Partition bounds align to regions, so that a region's dirty bit has
 * one coordinator (DESIGN I15).
 */
export function validateCoordinatorMap(
  map: CoordinatorMap,
  volume: { readonly sizeBytes: number; readonly regionBytes: number },
): readonly string[] {
  const problems: string[] = [];
  const { regionBytes } = volume;
  const count = partitionCount(map);
  if (!Number.isSafeInteger(count) || count < 1 || count > partitionsMax)
    problems.push(`${count} partitions; allowed are 1 to ${partitionsMax}`);
  if (map.kind === 'modulo') {
    if (!isPositiveMultiple(map.unitBytes, regionBytes))
      problems.push(
        `unit ${map.unitBytes} is not a positive multiple of the region, ${regionBytes}`,
      );
    return problems;
  }
  let before = 0;
  for (const bound of map.bounds) {
    if (!isPositiveMultiple(bound, regionBytes))
      problems.push(`bound ${bound} is not a positive multiple of the region, ${regionBytes}`);
    else if (bound <= before) problems.push(`bound ${bound} does not come after ${before}`);
    else if (bound >= volume.sizeBytes)
      problems.push(`bound ${bound} is not within the volume of ${volume.sizeBytes} bytes`);
    before = Math.max(before, bound);
  }
  return problems;
}

function isPositiveMultiple(value: number, step: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value % step === 0;
}
