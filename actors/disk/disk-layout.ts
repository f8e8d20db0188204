/**
 * Where everything lies on a disk's store. Fixed by the store's size at format, and for ever. In order:
 *
 *     superblocks, first copies   2 slots: even and odd sequence numbers
 *     checkpoint records          4 slots of a page
 *     DRL slots                   one per host incarnation (DESIGN H10)
 *     missed maps                 one per absent mirror
 *     journal                     a ring
 *     tag pages                   16 bytes per block and a little (`block-tags.ts`)
 *     home area                   the blocks; `DiskOffset` counts from its start
 *     superblocks, second copies  2 slots
 *
 * The copies of the superblock are at both ends, so that whoever overwrites the beginning of a device does not take
 * all of them.
 */
import { blockBytes, kibibyte, mebibyte, roundDown, roundUp } from '../../protocols/units.ts';
import { tagsPerPage } from './block-tags.ts';

export const superblockSlotBytes = 256 * kibibyte;
const superblockSlotsPerEnd = 2;
const endBytes = superblockSlotsPerEnd * superblockSlotBytes;
export const checkpointSlots = 4;

export const drlSlotsMax = 32;
export const missedMapsMax = 16;
/** A bit of a DRL or missed map stands for at least this much; a larger disk has longer maps. */
const mapRegionBytes = mebibyte;

const journalBytesMin = 4 * mebibyte;
const journalBytesMax = 64 * mebibyte;
const journalShare = 16;

/** The smallest store that can be a disk. */
export const storeBytesMin = 8 * mebibyte;

export interface DiskLayout {
  /** What of the store is used: whole blocks. */
  readonly sizeBytes: number;
  /** By copy (0, 1), then by the lowest bit of the sequence number. */
  readonly superblockStarts: readonly (readonly [number, number])[];
  readonly checkpointStart: number;
  /** One DRL slot or missed map: two halves written in turn, each with a page for its header. */
  readonly mapSlotBytes: number;
  readonly drlStart: number;
  readonly missedMapsStart: number;
  readonly journalStart: number;
  readonly journalBytes: number;
  readonly tagsStart: number;
  readonly tagPages: number;
  readonly homeStart: number;
  readonly homeBlocks: number;
}

/** The layout of a store of this size; null when it is too small to be a disk. */
export function layoutOf(storeBytes: number): DiskLayout | null {
  if (storeBytes < storeBytesMin) return null;
  const sizeBytes = roundDown(storeBytes, blockBytes);
  const mapBytes = roundUp(Math.ceil(sizeBytes / mapRegionBytes / 8), blockBytes);
  const mapSlotBytes = 2 * (blockBytes + mapBytes);
  const checkpointStart = endBytes;
  const drlStart = checkpointStart + checkpointSlots * blockBytes;
  const missedMapsStart = drlStart + drlSlotsMax * mapSlotBytes;
  const journalStart = missedMapsStart + missedMapsMax * mapSlotBytes;
  const share = roundDown(Math.floor(sizeBytes / journalShare), blockBytes);
  const journalBytes = Math.min(Math.max(share, journalBytesMin), journalBytesMax);
  const tagsStart = journalStart + journalBytes;
  const secondCopies = sizeBytes - endBytes;
  const pagesLeft = (secondCopies - tagsStart) / blockBytes;
  const tagPages = Math.ceil(pagesLeft / (tagsPerPage + 1));
  const homeBlocks = pagesLeft - tagPages;
  return {
    sizeBytes,
    superblockStarts: [0, secondCopies].map((start) => [start, start + superblockSlotBytes]),
    checkpointStart,
    mapSlotBytes,
    drlStart,
    missedMapsStart,
    journalStart,
    journalBytes,
    tagsStart,
    tagPages,
    homeStart: tagsStart + tagPages * blockBytes,
    homeBlocks,
  };
}

/** What a disk on a store of this size can give to extents; 0 when the store is too small to be a disk. */
export function homeBytes(storeBytes: number): number {
  return (layoutOf(storeBytes)?.homeBlocks ?? 0) * blockBytes;
}

/** The part of a new store that should have its space on the medium from the start: all up to the tag pages. */
export function reserveBytes(storeBytes: number): number {
  return layoutOf(storeBytes)?.tagsStart ?? 0;
}
