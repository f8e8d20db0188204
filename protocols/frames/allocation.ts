/**
 * What a disk answers to `allocation`: the data of that reply. One u32 per stretch, little-endian, in the order of
 * the range: twice its length in bytes, plus 1 where something is stored. The lengths add up to the range's.
 */
import type { AllocationStretch } from '../attached-volume.ts';

const stretchBytes = 4;

/** The data of a reply to `allocation`. */
export function encodeStretches(stretches: readonly AllocationStretch[]): Uint8Array {
  const bytes = new Uint8Array(stretches.length * stretchBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, { lengthBytes, allocated }] of stretches.entries())
    view.setUint32(index * stretchBytes, lengthBytes * 2 + (allocated ? 1 : 0), true);
  return bytes;
}

/** Reads what `encodeStretches` wrote; null when it is not about exactly `lengthBytes`. */
export function decodeStretches(
  bytes: Uint8Array,
  lengthBytes: number,
): readonly AllocationStretch[] | null {
  if (bytes.length === 0 || bytes.length % stretchBytes !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stretches: AllocationStretch[] = [];
  let coveredBytes = 0;
  for (let at = 0; at < bytes.length; at += stretchBytes) {
    const value = view.getUint32(at, true);
    const stretch = { lengthBytes: Math.floor(value / 2), allocated: value % 2 === 1 };
    if (stretch.lengthBytes === 0) return null;
    coveredBytes += stretch.lengthBytes;
    stretches.push(stretch);
  }
  return coveredBytes === lengthBytes ? stretches : null;
}
