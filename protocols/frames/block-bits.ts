/**
 * What disks answer about each 4 KiB block of a range with one bit: the data of replies to `verify` (set: it cannot be
 * read, or does not match its checksum) and to `marks` (set: a host may be writing there). From the lowest bit of the
 * first byte on; ranges begin and end at whole blocks.
 */
import { blockBytes, mebibyte } from '../units.ts';

/** The most that is verified by one request: a disk whose medium is sound does it in less time than anybody waits. */
export const verifyBytesMax = mebibyte / 4;

/** How many bytes the answer about a range takes. */
export function blockBitsBytes(lengthBytes: number): number {
  return Math.ceil(lengthBytes / blockBytes / 8);
}

/** Sets the bit of block `index`. */
export function setBlockBit(bits: Uint8Array, index: number): void {
  const byte = Math.floor(index / 8);
  bits[byte] = (bits[byte] ?? 0) | (1 << (index % 8));
}

/** True when the bit of block `index` is set. */
export function hasBlockBit(bits: Uint8Array, index: number): boolean {
  return ((bits[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0;
}
