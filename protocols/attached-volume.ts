/**
 * A volume as its consumer sees it (DESIGN C2): a linear range of bytes. The optimization driver implements it; the
 * NBD server and tests use it.
 */
import type { Status } from './codes.ts';
import type { VolumeOffset } from './units.ts';

/** What an I/O hands back: its status and, for a successful read, the bytes, in order, in one or more pieces. */
export type ConsumerDone = (status: Status, pieces: readonly Uint8Array[]) => void;

/** One stretch of a volume for `allocation`: in order, without gaps, from the asked offset on. */
export interface AllocationStretch {
  readonly lengthBytes: number;
  /** False: nothing is stored here, and it reads as zeros. */
  readonly allocated: boolean;
}

/** Stretches that follow each other as one list: neighbours that are alike become one. */
export function joinedStretches(
  parts: readonly (readonly AllocationStretch[])[],
): readonly AllocationStretch[] {
  const stretches: { lengthBytes: number; allocated: boolean }[] = [];
  for (const { lengthBytes, allocated } of parts.flat()) {
    const last = stretches.at(-1);
    if (last?.allocated === allocated) last.lengthBytes += lengthBytes;
    else stretches.push({ lengthBytes, allocated });
  }
  return stretches;
}

/**
 * Offsets and lengths are bytes, any alignment, within the volume, length at least 1; else the I/O ends with
 * `range`. Every I/O ends exactly once, and never before the call that began it has returned. Pieces handed out
 * must not be changed by the consumer; pieces handed in must not change until the I/O has ended (DESIGN I10).
 */
export interface AttachedVolume {
  readonly name: string;
  readonly sizeBytes: number;
  /** Logical block: 512 or 4096. Other alignments work, and cost a merge. */
  readonly logicalBlockBytes: number;
  readonly readOnly: boolean;
  /** The most bytes that one read or write may ask for. */
  readonly ioBytesMax: number;
  read(offset: VolumeOffset, lengthBytes: number, done: ConsumerDone): void;
  write(
    offset: VolumeOffset,
    pieces: readonly Uint8Array[],
    fua: boolean,
    done: ConsumerDone,
  ): void;
  writeZeroes(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: ConsumerDone): void;
  /** Rounded inward to whole 4 KiB blocks, which then read as zeros. */
  trim(offset: VolumeOffset, lengthBytes: number, fua: boolean, done: ConsumerDone): void;
  /** Makes durable whatever ended before this call. */
  flush(done: ConsumerDone): void;
  /** Stretches that cover at least the first byte asked for, at most `lengthBytes`. */
  allocation(
    offset: VolumeOffset,
    lengthBytes: number,
    done: (status: Status, stretches: readonly AllocationStretch[]) => void,
  ): void;
}
