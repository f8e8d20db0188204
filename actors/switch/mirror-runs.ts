/**
 * A volume as its mirrors lie on the disks: runs that are contiguous on each disk, however finely the volume is
 * striped over them. Settling and resync compare runs, for a disk can tell a digest of one quickly. Pure.
 */

import { assertNever } from '../../protocols/codes.ts';
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import type { MirrorSetId } from '../../protocols/ids.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import type { Leg } from '../../protocols/layout/geometry.ts';
import type { VolumeOffset } from '../../protocols/units.ts';
import type { BlockRange } from './block-ranges.ts';
import { inSyncLegsOf, type LoadedVolume, onlyPartOf } from './loaded-volume.ts';

/** Where a stretch of a run lies in the volume. */
export interface RunPiece {
  /** Counted from the start of the run. */
  readonly atBytes: number;
  readonly start: VolumeOffset;
  readonly lengthBytes: number;
  readonly partition: number;
}

/** A range within a run. */
export interface RunRange {
  readonly atBytes: number;
  readonly lengthBytes: number;
}

export interface MirrorRun {
  /** The copies, each with the disk offset at which the run begins: those in sync first, then those being made so. */
  readonly legs: readonly Leg[];
  /** How many of them are in sync: only these say what is right. */
  readonly inSyncLegs: number;
  readonly set: MirrorSetId | null;
  readonly lengthBytes: number;
  /** In order, without gaps on the disks. */
  readonly pieces: readonly RunPiece[];
}

interface GrowingRun extends MirrorRun {
  lengthBytes: number;
  pieces: RunPiece[];
}

/**
 * Which copies are looked at: of those in sync, where there are several; or of those and the ones being made so, where
 * there are any; or of those in sync, also where there is one only; or of all that get what is written, wherever others
 * may come to be equal with them.
 */
export type Comparing = 'in-sync' | 'resyncing' | 'single' | 'written';

/**
 * The runs that a range of the volume, at most `rangeBytesMax` long and of whole blocks, consists of, as far as they are
 * to be looked at.
 */
export function mirrorRunsOf(
  volume: LoadedVolume,
  start: VolumeOffset,
  lengthBytes: number,
  parts: PartList,
  comparing: Comparing,
): readonly MirrorRun[] {
  const runs: GrowingRun[] = [];
  const growing = new Map<number, GrowingRun>();
  volume.layout.cut(start, lengthBytes, rangeBytesMax, parts);
  for (const part of parts) {
    const inSyncLegs = inSyncLegsOf(volume, part);
    const written = writtenLegsOf(volume, part);
    const isAll = comparing === 'resyncing' || comparing === 'written';
    const legs = isAll ? written : written.slice(0, inSyncLegs);
    const [first] = legs;
    const isMirrored = part.set !== null;
    if (first === undefined || !areCompared(comparing, legs.length, inSyncLegs, isMirrored))
      continue;
    const run = growing.get(first.extentIndex);
    if (run !== undefined && continues(run, legs, inSyncLegs)) {
      run.pieces.push(pieceOf(part, run.lengthBytes));
      run.lengthBytes += part.lengthBytes;
      continue;
    }
    const begun: GrowingRun = {
      legs: legs.map((leg) => ({ ...leg })),
      inSyncLegs,
      set: part.set,
      lengthBytes: part.lengthBytes,
      pieces: [pieceOf(part, 0)],
    };
    growing.set(first.extentIndex, begun);
    runs.push(begun);
  }
  return runs;
}

/** The copies of a part that get what is written: those in sync first. They live as long as the part. */
export function writtenLegsOf(volume: LoadedVolume, part: CutPart): readonly Leg[] {
  const written = part.legs.filter(({ extentIndex }) => volume.written[extentIndex] === true);
  const isInSync = ({ extentIndex }: Leg) => volume.inSync[extentIndex] === true;
  return [...written.filter(isInSync), ...written.filter((leg) => !isInSync(leg))];
}

const oneCut = new PartList();

/** The mirrors of blocks that get what is written there; null when these are not in one part of the volume. */
export function writtenRunOf(
  volume: LoadedVolume,
  { start, lengthBytes }: BlockRange,
): MirrorRun | null {
  const part = onlyPartOf(volume, start, lengthBytes, oneCut);
  if (part === null) return null;
  // It lives as long as the next cut: what is kept is copied.
  const legs = writtenLegsOf(volume, part).map((leg) => ({ ...leg }));
  return { legs, inSyncLegs: inSyncLegsOf(volume, part), set: part.set, lengthBytes, pieces: [] };
}

/** The pieces of a run that lie in a range of it, of those partitions. */
export function piecesIn(
  run: MirrorRun,
  { atBytes, lengthBytes }: RunRange,
  partitions: ReadonlyMap<number, unknown>,
): readonly RunPiece[] {
  const end = atBytes + lengthBytes;
  return run.pieces.filter(
    (piece) =>
      piece.atBytes < end &&
      piece.atBytes + piece.lengthBytes > atBytes &&
      partitions.has(piece.partition),
  );
}

/** How much of a range of a run is of those partitions. */
export function bytesIn(
  run: MirrorRun,
  range: RunRange,
  partitions: ReadonlyMap<number, unknown>,
): number {
  const end = range.atBytes + range.lengthBytes;
  return piecesIn(run, range, partitions).reduce((sum, { atBytes, lengthBytes }) => {
    const from = Math.max(atBytes, range.atBytes);
    return sum + Math.min(atBytes + lengthBytes, end) - from;
  }, 0);
}

function areCompared(
  comparing: Comparing,
  legs: number,
  inSyncLegs: number,
  isMirrored: boolean,
): boolean {
  switch (comparing) {
    case 'in-sync':
      return inSyncLegs > 1;
    case 'resyncing':
      return inSyncLegs > 0 && legs > inSyncLegs;
    case 'single':
      return inSyncLegs > 0;
    case 'written':
      return inSyncLegs > 0 && isMirrored;
    default:
      return assertNever(comparing, 'comparing');
  }
}

function continues(run: MirrorRun, legs: readonly Leg[], inSyncLegs: number): boolean {
  return (
    run.legs.length === legs.length &&
    run.inSyncLegs === inSyncLegs &&
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
