/**
 * Checksums of data: one CRC-32 (IEEE 802.3) per piece, pieces being what 4 KiB-aligned addresses cut out of a
 * range. Offsets in a volume and on its disks are equal modulo 4 KiB, so both ends cut alike, and a whole block's
 * checksum on the wire is the one that the disk stores.
 */
import { crc32 } from 'node:zlib';
import { blockBytes } from './units.ts';

/** How many pieces a range has: the 4 KiB blocks that it touches. */
export function pieceCount(offset: number, lengthBytes: number): number {
  if (lengthBytes === 0) return 0;
  return Math.ceil(((offset % blockBytes) + lengthBytes) / blockBytes);
}

/** CRC-32 of some bytes, as an unsigned number. */
export function checksumOf(data: Uint8Array): number {
  return crc32(data);
}

/**
 * MurmurHash3 (x86, 32 bits, seed 0) of some bytes, four by four, as an unsigned number: no linear function, so that what
 * one CRC takes for equal is not likely to be equal by this, too.
 */
export function scatteredHashOf(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let hash = 0;
  for (let at = 0; at + 4 <= data.length; at += 4) {
    const word = Math.imul(view.getInt32(at, true), 0xcc9e2d51);
    hash ^= Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= data.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** What a block of zeros has as its checksum. */
export const zeroBlockChecksum = checksumOf(new Uint8Array(blockBytes));

/**
 * Writes the checksums of `data`, which begins at `offset`, into `into` from `atBytes` on: 4 bytes each,
 * little-endian.
 */
export function writeChecksums(
  data: Uint8Array,
  offset: number,
  into: DataView,
  atBytes: number,
): void {
  let at = atBytes;
  let start = 0;
  let end = Math.min(data.length, blockBytes - (offset % blockBytes));
  while (start < data.length) {
    into.setUint32(at, crc32(data.subarray(start, end)), true);
    at += 4;
    start = end;
    end = Math.min(data.length, end + blockBytes);
  }
}

/** The first piece whose checksum does not match, as an index; -1 when all match. */
export function firstBadPiece(data: Uint8Array, offset: number, checksums: DataView): number {
  let piece = 0;
  let start = 0;
  let end = Math.min(data.length, blockBytes - (offset % blockBytes));
  while (start < data.length) {
    if (crc32(data.subarray(start, end)) !== checksums.getUint32(piece * 4, true)) return piece;
    piece++;
    start = end;
    end = Math.min(data.length, end + blockBytes);
  }
  return -1;
}
