/**
 * What disks answer to `tags` and `tagDigest`: the data of those replies. A coordinator compares them to find blocks
 * whose mirrors differ (DESIGN I8).
 *
 * `tags`: one record of 16 bytes per 4 KiB block of the range, little-endian: u32 epoch, u32 write number (low 32
 * bits), u32 write number (high bits), u32 CRC-32 of the block. All zero: never written by this extent's owner, or
 * lost. `tagDigest`: one u32 per chunk of `digestChunkBytes`, counted from the start of the range, the last one
 * shorter: the CRC-32 of the chunk's records. Ranges begin and end at whole blocks.
 */
import { checksumOf } from '../checksums.ts';
import { blockBytes, mebibyte } from '../units.ts';

export const tagRecordBytes = 16;
/** How much of a disk one digest stands for. */
export const digestChunkBytes = mebibyte;
export const digestBytes = 4;

const twoTo32 = 2 ** 32;

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

/** The digest of a chunk, from its records. */
export function digestOf(records: Uint8Array): number {
  return checksumOf(records);
}
