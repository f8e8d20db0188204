/**
 * The tag of a block: what its bytes must be, whose it is and which write made it. Pure: packing, order, and the
 * checksums of the pages that tags are stored in.
 *
 * A tag takes four 32-bit words, little-endian:
 *
 *     0  CRC-32 of the block
 *     1  write number, low 32 bits
 *     2  write number, high 16 bits; epoch, low 16 bits above
 *     3  extent reference (23 bits), zero flag (bit 23), epoch, high 8 bits
 *
 * All words 0: the block was never written. The extent reference stands for a volume and extent generation; the
 * superblock knows which. With the zero flag the block is all zeros and has no data anywhere.
 *
 * A tag page holds eight sectors of 512 bytes, each with a head of four words (checksum, page and sector number,
 * salt of the format) and 31 tags. A sector is never torn, so a page written in place is made of old and new
 * sectors, all valid; the journal puts the new ones right. The head finds rotten and misdirected sectors.
 */
import { crc32 } from 'node:zlib';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';

export const wordsPerTag = 4;
const wordsPerSector = sectorBytes / 4;
const sectorsPerPage = blockBytes / sectorBytes;
const headWords = 4;
const tagsPerSector = (wordsPerSector - headWords) / wordsPerTag;
/** Tags in one page of 4 KiB. */
export const tagsPerPage = tagsPerSector * sectorsPerPage;
export const wordsPerPage = blockBytes / 4;

/** The highest extent reference; the one above it marks tags that were lost. */
export const extentReferenceMax = 2 ** 23 - 2;
const damagedReference = 2 ** 23 - 1;
const referenceMask = 0x7fffff;
const zeroFlag = 0x800000;
/** Limits of what a tag can hold. */
export const tagEpochMax = 2 ** 24 - 1;
export const tagWriteNumberMax = 2 ** 48 - 1;
const sectorMark = 0x53544731;

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1)
  throw new Error('Sanctor keeps tags little-endian and runs on little-endian machines only');

/** The tag that a write gives to its blocks, without the checksum. */
export interface WriteTag {
  /** Never 0: 0 is no extent. */
  readonly reference: number;
  readonly epoch: number;
  readonly writeNumber: number;
}

/** What a stored tag says about its block, for an extent: `none` also when it belongs to another extent. */
export const TagKind = { none: 0, zero: 1, data: 2, damaged: 3 } as const;
export type TagKind = (typeof TagKind)[keyof typeof TagKind];

/** The first word of the tag of block `inPage` of a page. */
export function tagWordAt(inPage: number): number {
  const sector = Math.floor(inPage / tagsPerSector);
  return sector * wordsPerSector + headWords + (inPage - sector * tagsPerSector) * wordsPerTag;
}

export function tagKind(words: Uint32Array, at: number, reference: number): TagKind {
  const last = words[at + 3] ?? 0;
  const stored = last & referenceMask;
  if (stored === damagedReference) return TagKind.damaged;
  if (stored !== reference) return TagKind.none;
  return (last & zeroFlag) === 0 ? TagKind.data : TagKind.zero;
}

/** True when a written block has its bytes somewhere: it was not made zeros. */
export function isDataTag(words: Uint32Array, at: number): boolean {
  return ((words[at + 3] ?? 0) & zeroFlag) === 0;
}

export function tagChecksum(words: Uint32Array, at: number): number {
  return words[at] ?? 0;
}

export function tagEpoch(words: Uint32Array, at: number): number {
  return ((words[at + 2] ?? 0) >>> 16) | (((words[at + 3] ?? 0) >>> 24) << 16);
}

export function tagWriteNumber(words: Uint32Array, at: number): number {
  return (words[at + 1] ?? 0) + ((words[at + 2] ?? 0) & 0xffff) * 2 ** 32;
}

/**
 * True when the stored tag is of the same extent and as new as `tag`, or newer: then the block must not be written.
 * A tag that was lost orders nothing: whoever overwrites the block makes it whole.
 */
export function isStoredAsNew(words: Uint32Array, at: number, tag: WriteTag): boolean {
  if (((words[at + 3] ?? 0) & referenceMask) !== tag.reference) return false;
  const epoch = tagEpoch(words, at);
  if (epoch !== tag.epoch) return epoch > tag.epoch;
  return tagWriteNumber(words, at) >= tag.writeNumber;
}

/** Stores a tag. */
export function putTag(
  words: Uint32Array,
  at: number,
  tag: WriteTag,
  checksum: number,
  zero: boolean,
): void {
  words[at] = checksum;
  words[at + 1] = tag.writeNumber % 2 ** 32;
  words[at + 2] = Math.floor(tag.writeNumber / 2 ** 32) | ((tag.epoch & 0xffff) << 16);
  words[at + 3] = tag.reference | (zero ? zeroFlag : 0) | ((tag.epoch >>> 16) << 24);
}

/** Gives each sector of the page its head. */
export function sealPage(words: Uint32Array, page: number, salt: number): void {
  for (let sector = 0; sector < sectorsPerPage; sector++) {
    const start = sector * wordsPerSector;
    words[start + 1] = page % 2 ** 32;
    words[start + 2] = (Math.floor(page / 2 ** 32) << 8) | sector;
    words[start + 3] = salt ^ sectorMark;
    words[start] = sectorChecksum(words, start);
  }
}

/**
 * Checks a page as it came from the store. Tags of a sector that is not valid are replaced by the mark of lost ones.
 *
 * @returns how many sectors were not valid
 */
export function checkPage(words: Uint32Array, page: number, salt: number): number {
  let bad = 0;
  for (let sector = 0; sector < sectorsPerPage; sector++) {
    const start = sector * wordsPerSector;
    if (isSectorValid(words, start, page, sector, salt)) continue;
    bad += 1;
    markLost(words, sector);
  }
  return bad;
}

/** Replaces the tags of a sector that could not be read. */
export function markLost(words: Uint32Array, sector: number): void {
  const start = sector * wordsPerSector;
  words.fill(0, start, start + wordsPerSector);
  for (let tag = 0; tag < tagsPerSector; tag++)
    words[start + headWords + tag * wordsPerTag + 3] = damagedReference;
}

function isSectorValid(
  words: Uint32Array,
  start: number,
  page: number,
  sector: number,
  salt: number,
): boolean {
  if (words[start + 3] === 0) return isUnwritten(words, start);
  return (
    words[start + 1] === page % 2 ** 32 &&
    words[start + 2] === ((Math.floor(page / 2 ** 32) << 8) | sector) &&
    words[start + 3] === (salt ^ sectorMark) >>> 0 &&
    words[start] === sectorChecksum(words, start)
  );
}

function isUnwritten(words: Uint32Array, start: number): boolean {
  for (let word = start; word < start + wordsPerSector; word++) if (words[word] !== 0) return false;
  return true;
}

function sectorChecksum(words: Uint32Array, start: number): number {
  const at = words.byteOffset + (start + 1) * 4;
  return crc32(new Uint8Array(words.buffer, at, sectorBytes - 4));
}
