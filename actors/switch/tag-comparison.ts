/**
 * Which blocks of two or more mirrors differ by their tags, and which mirror is right (DESIGN I8, I13): the one with
 * the highest epoch and write number, and never a guess. A tag that is lost may have been the highest: it is taken for
 * that, and such a block is nobody's equal until it is written. Pure.
 */
import {
  digestChunkBytes,
  isSameDigest,
  isTagLost,
  recordChecksum,
  recordEpoch,
  recordWriteNumber,
} from '../../protocols/frames/tag-records.ts';

/** Neighbouring blocks that differ and have the same source. */
export interface UnequalBlocks {
  readonly first: number;
  readonly count: number;
  /** The mirror to copy from, as an index into the compared ones; it cannot be read where its tag is lost. */
  readonly source: number;
}

export interface Comparison {
  readonly unequal: readonly UnequalBlocks[];
  /** A block with one tag for different bytes: nobody knows which are right. -1 when there is none. */
  readonly conflict: number;
}

const equal = -1;
const conflicting = -2;

/** Compares the records of `blockCount` blocks of all mirrors. */
export function compareTags(records: readonly DataView[], blockCount: number): Comparison {
  const unequal: { first: number; count: number; source: number }[] = [];
  for (let block = 0; block < blockCount; block++) {
    const source = sourceOf(records, block);
    if (source === conflicting) return { unequal: [], conflict: block };
    if (source === equal) continue;
    const last = unequal.at(-1);
    if (last?.source === source && last.first + last.count === block) last.count++;
    else unequal.push({ first: block, count: 1, source });
  }
  return { unequal, conflict: -1 };
}

/** The chunks of a range whose digests are not the same on all mirrors, or in which a tag is lost. */
export function unequalChunks(
  [first, ...others]: readonly DataView[],
  lengthBytes: number,
): readonly { readonly atBytes: number; readonly lengthBytes: number }[] {
  const chunks: { atBytes: number; lengthBytes: number }[] = [];
  for (let at = 0; at < lengthBytes; at += digestChunkBytes) {
    const chunk = at / digestChunkBytes;
    if (first === undefined || others.every((other) => isSameDigest(first, other, chunk))) continue;
    chunks.push({ atBytes: at, lengthBytes: Math.min(digestChunkBytes, lengthBytes - at) });
  }
  return chunks;
}

/** Neighbouring blocks. */
export interface BlockStretch {
  readonly first: number;
  readonly count: number;
}

/**
 * The blocks whose records, tag or checksum, differ from those of the first mirror on any other: it is right. Where its
 * tag is lost the others may lack the block, whatever their tags say, or hold one that is just as lost.
 */
export function blocksUnlikeFirst(
  [right, ...others]: readonly DataView[],
  blockCount: number,
): readonly BlockStretch[] {
  const unlike: { first: number; count: number }[] = [];
  for (let block = 0; block < blockCount; block++) {
    if (right === undefined) continue;
    const isSame = others.every((other) => isSameRecord(other, right, block));
    if (isSame && !isTagLost(right, block)) continue;
    const last = unlike.at(-1);
    if (last !== undefined && last.first + last.count === block) last.count++;
    else unlike.push({ first: block, count: 1 });
  }
  return unlike;
}

function isSameRecord(one: DataView, other: DataView, block: number): boolean {
  return (
    recordEpoch(one, block) === recordEpoch(other, block) &&
    recordWriteNumber(one, block) === recordWriteNumber(other, block) &&
    recordChecksum(one, block) === recordChecksum(other, block)
  );
}

/** The first mirror with the highest tag of a block; `equal` when all have that one, `conflicting` as said above. */
function sourceOf(records: readonly DataView[], block: number): number {
  let source = equal;
  let epoch = -1;
  let writeNumber = -1;
  let allAlike = true;
  for (const [mirror, record] of records.entries()) {
    const otherEpoch = recordEpoch(record, block);
    const otherNumber = recordWriteNumber(record, block);
    if (otherEpoch === epoch && otherNumber === writeNumber) continue;
    allAlike = mirror === 0;
    if (otherEpoch < epoch || (otherEpoch === epoch && otherNumber < writeNumber)) continue;
    source = mirror;
    epoch = otherEpoch;
    writeNumber = otherNumber;
  }
  const right = records[source];
  if (right === undefined) return equal;
  const checksum = recordChecksum(right, block);
  for (const record of records) {
    const sameTag =
      recordEpoch(record, block) === epoch && recordWriteNumber(record, block) === writeNumber;
    if (sameTag && recordChecksum(record, block) !== checksum) return conflicting;
  }
  return allAlike ? equal : source;
}
