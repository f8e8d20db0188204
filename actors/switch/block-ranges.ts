/** Which blocks a range of a volume touches, and which of them as a part only. Pure. */
import {
  blockBytes,
  roundDown,
  roundUp,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';

/** Whole blocks. */
export interface BlockRange {
  readonly start: VolumeOffset;
  readonly lengthBytes: number;
}

/** The blocks that a range touches. */
export function wholeBlocksOf(offset: number, lengthBytes: number): BlockRange {
  const start = roundDown(offset, blockBytes);
  const end = roundUp(offset + lengthBytes, blockBytes);
  return { start: unitOf<VolumeOffset>(start), lengthBytes: end - start };
}

/** The blocks of a range that it does not cover as a whole. */
export function raggedBlocksOf(offset: number, lengthBytes: number): readonly BlockRange[] {
  const end = offset + lengthBytes;
  const blocks = new Set<number>();
  if (offset % blockBytes !== 0) blocks.add(roundDown(offset, blockBytes));
  if (end % blockBytes !== 0) blocks.add(roundDown(end, blockBytes));
  return [...blocks].map((at) => ({
    start: unitOf<VolumeOffset>(at),
    lengthBytes: blockBytes,
  }));
}
