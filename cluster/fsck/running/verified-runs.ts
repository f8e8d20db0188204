/** Which ranges of extents a part of a volume lies on, as disks are asked to verify them. Pure. */
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import type { DiskId, ExtentId } from '../../../protocols/ids.ts';
import { extentStatesOf } from '../../../protocols/layout/extent-states.ts';
import { cutRange } from '../../../protocols/layout/geometry.ts';
import { extentsOf } from '../../../protocols/layout/layout.ts';
import type { VolumeRange } from '../../../protocols/layout/regions.ts';

/** One mirror's copy of a run. */
export interface RunLeg {
  readonly disk: DiskId;
  readonly extent: ExtentId;
  /** Where it begins, within the extent and in the disk's data. */
  readonly atBytes: number;
  readonly diskOffset: number;
}

/** What is contiguous on all mirrors in sync; of the volume it may be several pieces. */
export interface VerifiedRun {
  readonly legs: readonly RunLeg[];
  lengthBytes: number;
  readonly pieces: { readonly volumeOffset: number; readonly atBytes: number }[];
}

/** Joins strips that lie behind each other on all their disks. Mirrors that are not in sync are not looked at. */
export function runsOf(
  { layout, mirrorSets }: Pick<VolumeRecord, 'layout' | 'mirrorSets'>,
  range: VolumeRange,
): readonly VerifiedRun[] {
  const states = extentStatesOf(layout, mirrorSets);
  const starts = new Map(extentsOf(layout).map(({ extent, start }) => [extent, start]));
  const runs: VerifiedRun[] = [];
  const last = new Map<string, VerifiedRun>();
  for (const { legs: all, lengthBytes, start } of cutRange(layout, range)) {
    const legs = all.filter(({ extent }) => states.get(extent) === 'in-sync');
    if (legs.length === 0) continue;
    const key = legs.map(({ extent }) => extent).join(' ');
    const run = last.get(key);
    const isBehind = run?.legs.every(
      (leg, index) => leg.diskOffset + run.lengthBytes === legs[index]?.offset,
    );
    if (run !== undefined && isBehind === true) {
      run.pieces.push({ volumeOffset: start, atBytes: run.lengthBytes });
      run.lengthBytes += lengthBytes;
      continue;
    }
    const begun = {
      legs: legs.map(({ disk, extent, offset }) => {
        return { disk, extent, atBytes: offset - (starts.get(extent) ?? 0), diskOffset: offset };
      }),
      lengthBytes,
      pieces: [{ volumeOffset: start, atBytes: 0 }],
    };
    last.set(key, begun);
    runs.push(begun);
  }
  return runs;
}

/** Where in the volume a byte of a run is. */
export function volumeOffsetOf({ pieces }: VerifiedRun, atBytes: number): number {
  const piece = pieces.findLast((each) => each.atBytes <= atBytes);
  return (piece?.volumeOffset ?? 0) + atBytes - (piece?.atBytes ?? 0);
}
