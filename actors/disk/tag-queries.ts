/**
 * What the tags say about a range, without touching its data: which parts are allocated, one checksum per region,
 * and the tags themselves, for comparing mirrors (DESIGN I8). Pure over tag pages that are in the cache.
 *
 * Tags of two mirrors are compared although their extents lie elsewhere and have other references, so a tag leaves
 * the disk in a form without them: `protocols/frames/tag-records`.
 */
import { crc32 } from 'node:zlib';
import { tagRecordBytes, writeTagRecord } from '../../protocols/frames/tag-records.ts';
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

/** The tags of the range in their comparable form. Blocks without a tag, or whose tag was lost, have all zeros. */
export function comparableTags(tags: TagPages, range: TagRange): Uint8Array {
  const bytes = new Uint8Array(range.blocks * tagRecordBytes);
  const records = new DataView(bytes.buffer);
  visitTags(tags, range, (words, at, kind, index) => {
    if (kind === TagKind.none || kind === TagKind.damaged) return;
    const epoch = tagEpoch(words, at);
    const writeNumber = tagWriteNumber(words, at);
    writeTagRecord(records, index, { epoch, writeNumber, checksum: tagChecksum(words, at) });
  });
  return bytes;
}

/** One CRC-32 (u32, little-endian) per region of the range, over the comparable tags of its blocks. */
export function tagDigests(tags: TagPages, range: TagRange, regionBytes: number): Uint8Array {
  const perRegion = Math.max(1, Math.floor(regionBytes / blockBytes)) * tagRecordBytes;
  const all = comparableTags(tags, range);
  const regions = Math.ceil(all.length / perRegion);
  const digests = new Uint8Array(regions * 4);
  const view = new DataView(digests.buffer);
  for (let region = 0; region < regions; region++) {
    const start = region * perRegion;
    view.setUint32(region * 4, crc32(all.subarray(start, start + perRegion)), true);
  }
  return digests;
}

export interface AllocatedStretch {
  readonly blocks: number;
  /** False: reads as zeros and nothing is stored. */
  readonly allocated: boolean;
}

/** The range in stretches, in order and without gaps. */
export function allocation(tags: TagPages, range: TagRange): AllocatedStretch[] {
  const stretches: { blocks: number; allocated: boolean }[] = [];
  visitTags(tags, range, (_words, _at, kind) => {
    const allocated = kind === TagKind.data || kind === TagKind.damaged;
    const last = stretches.at(-1);
    if (last?.allocated === allocated) last.blocks += 1;
    else stretches.push({ blocks: 1, allocated });
  });
  return stretches;
}
