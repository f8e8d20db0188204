/**
 * A volume as its mirrors lie on the disks: runs that are contiguous on each disk, however finely the volume is
 * striped over them. Settling compares runs, for a disk can tell a digest of one quickly. Pure.
 */

import { rangeBytesMax } from '../../protocols/frames/request.ts';
import type { MirrorSetId } from '../../protocols/ids.ts';
import type { CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import type { Leg } from '../../protocols/layout/geometry.ts';
import type { VolumeOffset } from '../../protocols/units.ts';
import type { LoadedVolume } from './loaded-volume.ts';

/** Where a stretch of a run lies in the volume. */
export interface RunPiece {
  /** Counted from the start of the run. */
  readonly atBytes: number;
  readonly start: VolumeOffset;
  readonly lengthBytes: number;
  readonly partition: number;
}

export interface MirrorRun {
  /** In-sync copies, at least two, each with the disk offset at which the run begins. */
  readonly legs: readonly Leg[];
  readonly set: MirrorSetId | null;
  readonly lengthBytes: number;
  /** In order, without gaps on the disks. */
  readonly pieces: readonly RunPiece[];
}

interface GrowingRun extends MirrorRun {
  lengthBytes: number;
  pieces: RunPiece[];
}

/** The runs that a range of the volume, at most `rangeBytesMax` long and of whole blocks, consists of. */
export function mirrorRunsOf(
  volume: LoadedVolume,
  start: VolumeOffset,
  lengthBytes: number,
  parts: PartList,
): readonly MirrorRun[] {
  const runs: GrowingRun[] = [];
  const growing = new Map<number, GrowingRun>();
  volume.layout.cut(start, lengthBytes, rangeBytesMax, parts);
  for (const part of parts) {
    const legs = part.legs.filter(({ extentIndex }) => volume.inSync[extentIndex] === true);
    const [first] = legs;
    if (first === undefined || legs.length < 2) continue;
    const run = growing.get(first.extentIndex);
    if (run !== undefined && continues(run, legs)) {
      run.pieces.push(pieceOf(part, run.lengthBytes));
      run.lengthBytes += part.lengthBytes;
      continue;
    }
    const begun: GrowingRun = {
      legs: legs.map((leg) => ({ ...leg })),
      set: part.set,
      lengthBytes: part.lengthBytes,
      pieces: [pieceOf(part, 0)],
    };
    growing.set(first.extentIndex, begun);
    runs.push(begun);
  }
  return runs;
}

function continues(run: MirrorRun, legs: readonly Leg[]): boolean {
  return (
    run.legs.length === legs.length &&
    legs.every((leg, index) => {
      const before = run.legs[index];
      return (
        before?.extentIndex === leg.extentIndex && before.offset + run.lengthBytes === leg.offset
      );
    })
  );
}

function pieceOf(part: CutPart, atBytes: number): RunPiece {
  const { start, lengthBytes, partition } = part;
  return { atBytes, start, lengthBytes, partition };
}
