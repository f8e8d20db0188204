/**
 * Reads blocks of one disk as they lie there, with their tags: from the journal, or at home. A block that cannot be read
 * or does not match its checksum is told apart, and the others are read all the same.
 */

import { atHome } from '../../actors/disk/block-locations.ts';
import {
  TagKind,
  tagChecksum,
  tagKind,
  tagsPerPage,
  tagWordAt,
} from '../../actors/disk/block-tags.ts';
import type { DeviceParts } from '../../actors/disk/device-parts.ts';
import { type TagRange, tagRecordsOf } from '../../actors/disk/tag-queries.ts';
import { checksumOf } from '../../protocols/checksums.ts';
import { blockBytes } from '../../protocols/units.ts';

/** What became of one block. */
export const BlockState = { whole: 0, lostTag: 1, rotten: 2, unreadable: 3 } as const;
export type BlockState = (typeof BlockState)[keyof typeof BlockState];

/** Blocks of one extent. */
export interface BlockCopy {
  /** Zeros where nothing was written, or what was written could not be had. */
  readonly bytes: Uint8Array;
  /** As `protocols/frames/tag-records.ts` has them, one for each block. */
  readonly records: DataView;
  readonly states: readonly BlockState[];
  /** Blocks that have bytes, which were read. */
  readonly readBlocks: number;
}

interface Run {
  readonly index: number;
  readonly place: number;
  blocks: number;
}

/** Reads a range of whole blocks. */
export async function readBlocks(parts: DeviceParts, range: TagRange): Promise<BlockCopy> {
  await loadTags(parts, range);
  const recordBytes = tagRecordsOf(parts.tags, range);
  const bytes = new Uint8Array(range.blocks * blockBytes);
  const states: BlockState[] = new Array(range.blocks).fill(BlockState.whole);
  const checksums = new Map<number, number>();
  const runs = runsOf(parts, range, checksums, states);
  for (const run of runs) await readRun(parts, run, bytes, states);
  for (const [index, checksum] of checksums) {
    const block = bytes.subarray(index * blockBytes, (index + 1) * blockBytes);
    if (states[index] === BlockState.whole && checksumOf(block) !== checksum)
      states[index] = BlockState.rotten;
    if (states[index] !== BlockState.whole) block.fill(0);
  }
  const records = new DataView(recordBytes.buffer, recordBytes.byteOffset, recordBytes.byteLength);
  return { bytes, records, states, readBlocks: checksums.size };
}

async function loadTags({ tags }: DeviceParts, { firstBlock, blocks }: TagRange): Promise<void> {
  const last = firstBlock + blocks - 1;
  while (!tags.has(firstBlock, last))
    await new Promise<void>((done) => tags.load(firstBlock, last, done));
}

/** Where on the store the bytes of a block lie: in the journal, or at home. */
export function placeOf({ locations, layout }: DeviceParts, block: number): number {
  const position = locations.find(block);
  return position === atHome
    ? layout.homeStart + block * blockBytes
    : layout.journalStart + (position % layout.journalBytes);
}

/** The blocks that have bytes, by where these lie; notes lost tags and what the bytes must be. */
function runsOf(
  parts: DeviceParts,
  { firstBlock, blocks, reference }: TagRange,
  checksums: Map<number, number>,
  states: BlockState[],
): readonly Run[] {
  const runs: Run[] = [];
  for (let index = 0; index < blocks; index++) {
    const block = firstBlock + index;
    const words = parts.tags.cached(block)?.words;
    if (words === undefined) throw new RangeError(`the tag of block ${block} is not in the cache`);
    const at = tagWordAt(block % tagsPerPage);
    const kind = tagKind(words, at, reference);
    if (kind === TagKind.damaged) states[index] = BlockState.lostTag;
    if (kind !== TagKind.data) continue;
    checksums.set(index, tagChecksum(words, at));
    const place = placeOf(parts, block);
    const last = runs.at(-1);
    const goesOn =
      last !== undefined &&
      last.index + last.blocks === index &&
      last.place + last.blocks * blockBytes === place;
    if (goesOn) last.blocks += 1;
    else runs.push({ index, place, blocks: 1 });
  }
  return runs;
}

/** Block by block where the medium does not give all of them at once. */
async function readRun(
  parts: DeviceParts,
  { index, place, blocks }: Run,
  bytes: Uint8Array,
  states: BlockState[],
): Promise<void> {
  const into = bytes.subarray(index * blockBytes, (index + blocks) * blockBytes);
  const isRead = await new Promise<boolean>((done) =>
    parts.store.read(place, into, (error) => done(error === null)),
  );
  if (isRead) return;
  if (blocks === 1) states[index] = BlockState.unreadable;
  else
    for (let one = 0; one < blocks; one++)
      await readRun(
        parts,
        { index: index + one, place: place + one * blockBytes, blocks: 1 },
        bytes,
        states,
      );
}
