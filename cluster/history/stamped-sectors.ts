/**
 * Sectors that say which write they come from: the write's number and the sector's own place, spread over the whole
 * sector by a pattern, so that a torn, misplaced or foreign sector is told apart from every true one.
 */
import { sectorBytes } from '../../protocols/units.ts';
import { alienValue } from './operations.ts';

const words = sectorBytes / 4;
const spread = 0x9e3779b1;

/** The bytes of sectors `firstSector`… as write `value` leaves them. */
export function stampedSectors(
  value: number,
  firstSector: number,
  sectorCount: number,
): Uint8Array {
  const bytes = new Uint8Array(sectorCount * sectorBytes);
  const view = new DataView(bytes.buffer);
  for (let sector = 0; sector < sectorCount; sector++) {
    const at = sector * sectorBytes;
    view.setUint32(at, value, true);
    const key = keyOf(value, firstSector + sector);
    for (let word = 1; word < words; word++)
      view.setUint32(at + word * 4, Math.imul(key, word), true);
  }
  return bytes;
}

function keyOf(value: number, sector: number): number {
  return (Math.imul(value, spread) ^ Math.imul(sector + 1, 0x85ebca6b)) | 1;
}

/** Which write each sector comes from: 0 for zeros, `alienValue` for what no write left there. */
export function valuesOf(bytes: Uint8Array, firstSector: number): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: number[] = [];
  for (let at = 0; at + sectorBytes <= bytes.length; at += sectorBytes) {
    values.push(valueAt(view, at, firstSector + at / sectorBytes));
  }
  return values;
}

function valueAt(view: DataView, at: number, sector: number): number {
  const value = view.getUint32(at, true);
  const key = value === 0 ? 0 : keyOf(value, sector);
  for (let word = 1; word < words; word++) {
    if (view.getInt32(at + word * 4, true) !== Math.imul(key, word)) return alienValue;
  }
  return value;
}
