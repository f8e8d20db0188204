/**
 * What disks answer to `verify`: the data of that reply. One bit per 4 KiB block of the range, from the lowest one of
 * the first byte on: set where the block cannot be read, or does not match its checksum. Ranges begin and end at whole
 * blocks.
 */
import { blockBytes, mebibyte } from '../units.ts';

/** The most that is verified by one request: a disk whose medium is sound does it in less time than anybody waits. */
export const verifyBytesMax = mebibyte / 4;

/** How many bytes the answer about a range takes. */
export function verifiedBlocksBytes(lengthBytes: number): number {
  return Math.ceil(lengthBytes / blockBytes / 8);
}

/** Notes that block `index` is bad. */
export function markBad(verified: Uint8Array, index: number): void {
  const byte = Math.floor(index / 8);
  verified[byte] = (verified[byte] ?? 0) | (1 << (index % 8));
}

/** True when block `index` is bad. */
export function isMarkedBad(verified: Uint8Array, index: number): boolean {
  return ((verified[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0;
}
