/**
 * What disks answer to `tags` and `tagDigest`: the data of those replies. A coordinator compares them to find blocks
 * whose mirrors differ (DESIGN I8).
 *
 * `tags`: one record of 16 bytes per 4 KiB block of the range, little-endian: u32 epoch, u32 write number (low 32
 * bits), u32 write number (high bits), u32 CRC-32 of the block. All zero: never written by this extent's owner. All
 * ones: the tag is lost, and nobody knows what was written. `tagDigest`: 8 bytes per chunk of `digestChunkBytes`,
 * counted from the start of the range, the last one shorter: u32 CRC-32 and u32 MurmurHash3 of the chunk's records, for
 * what looks equal is not compared any closer. All zero: a tag in the chunk is lost, and it is equal to none. Ranges
 * begin and end at whole blocks.
 */
import { checksumOf, scatteredHashOf } from '../checksums.ts';
import { blockBytes, mebibyte } from '../units.ts';

export const tagRecordBytes = 16;
/** How much of a disk one digest stands for. */
export const digestChunkBytes = mebibyte;
export const digestBytes = 8;

const twoTo32 = 2 ** 32;
/** Above all epochs that a tag can hold. */
const lostEpoch = twoTo32 - 1;

/** How many bytes the records of a range take. */
export function tagRecordsBytes(lengthBytes: number): number {
  return (lengthBytes / blockBytes) * tagRecordBytes;
}

/** How many digests a range has. */
export function digestCount(lengthBytes: number): number {
  return Math.ceil(lengthBytes / digestChunkBytes);
}

/** Stores the record of block `index`. */
export function writeTagRecord(
  records: DataView,
  index: number,
  tag: { readonly epoch: number; readonly writeNumber: number; readonly checksum: number },
): void {
  const at = index * tagRecordBytes;
  records.setUint32(at, tag.epoch, true);
  records.setUint32(at + 4, tag.writeNumber % twoTo32, true);
  records.setUint32(at + 8, Math.floor(tag.writeNumber / twoTo32), true);
  records.setUint32(at + 12, tag.checksum, true);
}

/** Stores that the tag of block `index` is lost. */
export function writeLostRecord(records: DataView, index: number): void {
  const at = index * tagRecordBytes;
  for (let word = 0; word < tagRecordBytes; word += 4) records.setUint32(at + word, lostEpoch);
}

/**
 * True when the tag of block `index` is lost: by its record it is newer than all others, for it may have been, and the
 * block cannot be read.
 */
export function isTagLost(records: DataView, index: number): boolean {
  return recordEpoch(records, index) === lostEpoch;
}

/** The epoch in the record of block `index`. */
export function recordEpoch(records: DataView, index: number): number {
  return records.getUint32(index * tagRecordBytes, true);
}

/** The write number in the record of block `index`. */
export function recordWriteNumber(records: DataView, index: number): number {
  const at = index * tagRecordBytes;
  return records.getUint32(at + 4, true) + records.getUint32(at + 8, true) * twoTo32;
}

/** The block's checksum in the record of block `index`. */
export function recordChecksum(records: DataView, index: number): number {
  return records.getUint32(index * tagRecordBytes + 12, true);
}

/** Stores the digest of chunk `index`, from its records. */
export function writeDigest(digests: DataView, index: number, records: Uint8Array): void {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const blocks = records.length / tagRecordBytes;
  // What is stored as zeros is lost.
  for (let block = 0; block < blocks; block++) if (isTagLost(view, block)) return;
  digests.setUint32(index * digestBytes, checksumOf(records), true);
  digests.setUint32(index * digestBytes + 4, scatteredHashOf(records), true);
}

/** True when all tags of chunk `index` are known, and the same, by both. */
export function isSameDigest(one: DataView, other: DataView, index: number): boolean {
  const digest = one.getBigUint64(index * digestBytes);
  return digest !== 0n && digest === other.getBigUint64(index * digestBytes);
}
