/**
 * What the tags say about a range, without touching its data: which parts are allocated, one digest per chunk, and
 * the tags themselves, for comparing mirrors (`protocols/frames/tag-records.ts`). Pure over tag pages that are in
 * the cache.
 */
import type { AllocationStretch } from '../../protocols/attached-volume.ts';
import { zeroBlockChecksum } from '../../protocols/checksums.ts';
import {
  digestBytes,
  digestChunkBytes,
  digestCount,
  tagRecordBytes,
  tagRecordsBytes,
  writeDigest,
  writeLostRecord,
  writeTagRecord,
} from '../../protocols/frames/tag-records.ts';
import { blockBytes } from '../../protocols/units.ts';
import {
  TagKind,
  tagChecksum,
  tagEpoch,
  tagKind,
  tagsPerPage,
  tagWordAt,
  tagWriteNumber,
} from './block-tags.ts';
import type { TagPages } from './tag-pages.ts';

/** Blocks of one extent. */
export interface TagRange {
  readonly firstBlock: number;
  readonly blocks: number;
  readonly reference: number;
}

type Visit = (words: Uint32Array, at: number, kind: TagKind, index: number) => void;

function visitTags(tags: TagPages, range: TagRange, visit: Visit): void {
  let page = tags.cached(range.firstBlock);
  for (let index = 0; index < range.blocks; index++) {
    const block = range.firstBlock + index;
    if (page === undefined || block >= (page.number + 1) * tagsPerPage) page = tags.cached(block);
    if (page === undefined) throw new RangeError(`the tag of block ${block} is not in the cache`);
    const at = tagWordAt(block - page.number * tagsPerPage);
    visit(page.words, at, tagKind(page.words, at, range.reference), index);
  }
}

/** The records of the range: nothing, for blocks that were never written. */
export function tagRecordsOf(tags: TagPages, range: TagRange): Uint8Array {
  const bytes = new Uint8Array(tagRecordsBytes(range.blocks * blockBytes));
  const records = new DataView(bytes.buffer);
  visitTags(tags, range, (words, at, kind, index) => {
    if (kind === TagKind.damaged) writeLostRecord(records, index);
    if (kind !== TagKind.data && kind !== TagKind.zero) return;
    const checksum = kind === TagKind.zero ? zeroBlockChecksum : tagChecksum(words, at);
    const epoch = tagEpoch(words, at);
    writeTagRecord(records, index, { epoch, writeNumber: tagWriteNumber(words, at), checksum });
  });
  return bytes;
}

/** The digests of the range. */
export function tagDigestsOf(tags: TagPages, range: TagRange): Uint8Array {
  const records = tagRecordsOf(tags, range);
  const chunkBytes = (digestChunkBytes / blockBytes) * tagRecordBytes;
  const count = digestCount(range.blocks * blockBytes);
  const digests = new Uint8Array(count * digestBytes);
  const view = new DataView(digests.buffer);
  for (let chunk = 0; chunk < count; chunk++) {
    const start = chunk * chunkBytes;
    writeDigest(view, chunk, records.subarray(start, start + chunkBytes));
  }
  return digests;
}

/** The range in stretches, in order and without gaps. */
export function allocationOf(tags: TagPages, range: TagRange): AllocationStretch[] {
  const stretches: { lengthBytes: number; allocated: boolean }[] = [];
  visitTags(tags, range, (_words, _at, kind) => {
    const allocated = kind === TagKind.data || kind === TagKind.damaged;
    const last = stretches.at(-1);
    if (last?.allocated === allocated) last.lengthBytes += blockBytes;
    else stretches.push({ lengthBytes: blockBytes, allocated });
  });
  return stretches;
}

/** Cuts whole blocks off to the range that was asked about: `skipBytes` in, `lengthBytes` long. */
export function clippedStretches(
  stretches: readonly AllocationStretch[],
  skipBytes: number,
  lengthBytes: number,
): AllocationStretch[] {
  const clipped: AllocationStretch[] = [];
  let start = 0;
  for (const stretch of stretches) {
    const from = Math.max(start, skipBytes);
    const to = Math.min(start + stretch.lengthBytes, skipBytes + lengthBytes);
    if (from < to) clipped.push({ ...stretch, lengthBytes: to - from });
    start += stretch.lengthBytes;
  }
  return clipped;
}
