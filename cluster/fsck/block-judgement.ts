/**
 * What is wrong with some blocks, by the copies that disks have of them. Pure. Which copy is right is said only where tags
 * say it (DESIGN I13).
 */
import { compareTags } from '../../actors/switch/tag-comparison.ts';
import {
  recordEpoch,
  recordWriteNumber,
  tagRecordBytes,
} from '../../protocols/frames/tag-records.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { blockBytes } from '../../protocols/units.ts';
import { type BlockCopy, BlockState } from './block-reader.ts';
import type { BlockPlace, Finding } from './finding.ts';

/** One disk's copy of the range. */
export interface DiskCopy {
  readonly disk: DiskId;
  /** Of the range, in the disk's data, in bytes. */
  readonly diskOffset: number;
  /** Mirrors that are not in sync hold anything. */
  readonly isInSync: boolean;
  readonly copy: BlockCopy;
}

/** A range of a volume that is contiguous on each disk that has it. */
export interface JudgedRange {
  readonly volume: VolumeId;
  /** Null where the layout is not known. */
  readonly volumeOffset: number | null;
  /** No host had the volume any more when the cluster ended. */
  readonly isClosed: boolean;
  readonly blocks: number;
  readonly copies: readonly DiskCopy[];
}

/** Judges all blocks of the range. */
export function judgeBlocks(range: JudgedRange): readonly Finding[] {
  const findings: Finding[] = [];
  if (isAllWell(range.copies)) return findings;
  for (let block = 0; block < range.blocks; block++)
    findings.push(...judgeBadCopies(range, block), ...judgeEquality(range, block));
  return findings;
}

function isAllWell(copies: readonly DiskCopy[]): boolean {
  const isWhole = ({ copy }: DiskCopy) => copy.states.every((state) => state === BlockState.whole);
  const [first, ...others] = copies.filter(({ isInSync }) => isInSync);
  return (
    copies.every(isWhole) &&
    others.every(
      ({ copy }) =>
        first !== undefined &&
        Buffer.compare(copy.bytes, first.copy.bytes) === 0 &&
        Buffer.compare(bytesOf(copy.records), bytesOf(first.copy.records)) === 0,
    )
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Of one block, as record 0. */
export function recordOf({ records }: BlockCopy, block: number): DataView {
  return new DataView(records.buffer, records.byteOffset + block * tagRecordBytes, tagRecordBytes);
}

/** Zeros where the bytes could not be had. */
export function dataOf({ bytes }: BlockCopy, block: number): Uint8Array {
  return bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** True when two copies of a block have the same tag. */
export function isSameRecord(one: BlockCopy, other: BlockCopy, block: number): boolean {
  return isSameBytes(bytesOf(recordOf(one, block)), bytesOf(recordOf(other, block)));
}

/** Where a block is, for programs; and for people. */
export function placeOf(
  range: JudgedRange,
  block: number,
  copies: readonly DiskCopy[],
): { readonly block?: BlockPlace; readonly text: string } {
  const at = block * blockBytes;
  const places = copies.map(({ disk, diskOffset }) => ({ disk, diskOffset: diskOffset + at }));
  const onDisks = places.map(({ disk, diskOffset }) => `byte ${diskOffset} of ${disk}`).join(', ');
  const { volume, volumeOffset } = range;
  if (volumeOffset === null) return { text: `the block of volume ${volume} at ${onDisks}` };
  return {
    block: { volumeOffset: volumeOffset + at, copies: places },
    text: `the block at offset ${volumeOffset + at} of volume ${volume} (${onDisks})`,
  };
}

function judgeBadCopies(range: JudgedRange, block: number): readonly Finding[] {
  return range.copies.flatMap((bad): readonly Finding[] => {
    const state = bad.copy.states[block];
    if (state === undefined || state === BlockState.whole) return [];
    const { block: place, text } = placeOf(range, block, [bad]);
    const isLost = state === BlockState.lostTag;
    const holders = range.copies
      .filter((other) => other !== bad && mayReplace(other, bad, block, isLost))
      .map(({ disk }) => disk)
      .join(', ');
    return [
      {
        severity: bad.isInSync ? 'error' : 'warning',
        kind: isLost ? 'lost-tag' : 'bad-block',
        disk: bad.disk,
        volume: range.volume,
        ...(place === undefined ? {} : { block: place }),
        what: `${text} ${troubleOf(state)}`,
        remedy: remedyOf(range, bad, holders, isLost),
      },
    ];
  });
}

/** True of a whole copy in sync that is as new as the bad one. What a lost tag said nobody knows. */
function mayReplace(other: DiskCopy, bad: DiskCopy, block: number, isLost: boolean): boolean {
  if (!other.isInSync || other.copy.states[block] !== BlockState.whole) return false;
  return isLost || isSameRecord(other.copy, bad.copy, block);
}

function troubleOf(state: Exclude<BlockState, typeof BlockState.whole>): string {
  switch (state) {
    case BlockState.lostTag:
      return 'has lost its tag and checksum';
    case BlockState.rotten:
      return 'does not match its checksum';
    case BlockState.unreadable:
      return 'cannot be read from the medium';
  }
}

function remedyOf(
  { volume, volumeOffset }: JudgedRange,
  { isInSync }: DiskCopy,
  holders: string,
  isLost: boolean,
): string {
  if (!isInSync)
    return 'This mirror is not in sync: the block is read only after it was made good.';
  if (holders === '')
    return 'No other mirror in sync has it as new: restore it from a backup, or write it anew.';
  const offline =
    isLost || volumeOffset === null ? '' : 'sanctor fsck --repair writes it again, or ';
  return `${holders} has it: ${offline}start the cluster, where sanctor scrub ${volume} makes it good; if it comes back, move the file of the disk to another medium.`;
}

/** Mirrors in sync, of those that have the block whole. */
function judgeEquality(range: JudgedRange, block: number): readonly Finding[] {
  const copies = range.copies.filter(
    ({ isInSync, copy }) => isInSync && copy.states[block] === BlockState.whole,
  );
  const [first] = copies;
  if (first === undefined || copies.length < 2) return [];
  const records = copies.map(({ copy }) => recordOf(copy, block));
  // Where tags contradict the bytes none is named.
  const { unequal } = compareTags(records, 1);
  const isEqual = copies.every(({ copy }) =>
    isSameBytes(dataOf(copy, block), dataOf(first.copy, block)),
  );
  const newest = copies[unequal[0]?.source ?? -1];
  if (newest === undefined) return isEqual ? [] : [sameTag(range, block, copies)];
  return [isEqual ? unequalTags(range, block, copies) : differing(range, block, copies, newest)];
}

function sameTag(range: JudgedRange, block: number, copies: readonly DiskCopy[]): Finding {
  const { block: place, text } = placeOf(range, block, copies);
  return {
    severity: 'error',
    kind: 'same-tag',
    volume: range.volume,
    ...(place === undefined ? {} : { block: place }),
    what: `${text} has different bytes with the same tag on mirrors that are in sync`,
    remedy:
      'Nobody can say which is right: copy the disk files, and write the block anew from what an application knows.',
  };
}

function unequalTags(range: JudgedRange, block: number, copies: readonly DiskCopy[]): Finding {
  const { block: place, text } = placeOf(range, block, copies);
  return {
    severity: 'note',
    kind: 'unequal-tags',
    volume: range.volume,
    ...(place === undefined ? {} : { block: place }),
    what: `${text} has the same bytes with different tags`,
    remedy: 'Nothing is to be done: the bytes are equal.',
  };
}

function differing(
  range: JudgedRange,
  block: number,
  copies: readonly DiskCopy[],
  newest: DiskCopy,
): Finding {
  const { block: place, text } = placeOf(range, block, copies);
  const tag = recordOf(newest.copy, block);
  const { disk } = newest;
  const number = `epoch ${recordEpoch(tag, 0)}, write number ${recordWriteNumber(tag, 0)}`;
  const why = range.isClosed
    ? ', though no host had the volume any more: a disk lost what it had written, its file is an older copy, or the mirrors were still being made equal'
    : '';
  return {
    severity: 'warning',
    kind: 'unequal',
    volume: range.volume,
    ...(place === undefined ? {} : { block: place }),
    what: `${text} differs between mirrors that are in sync; the newest copy is on ${disk} (${number})${why}`,
    remedy: `Start the cluster: the mirrors are made equal before the volume is served, from the copy on ${disk}.`,
  };
}
