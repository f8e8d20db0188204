/**
 * Units as types: a number that counts bytes of a volume cannot be passed where bytes of a disk are meant.
 * A brand exists only while compiling; at run time each is a plain number. Sizes are plain `number`s whose
 * name ends in the unit (`lengthBytes`, `delayMs`); positions and issued numbers (DESIGN §1) are branded.
 */
declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]: Name };

/** Byte position in a volume. */
export type VolumeOffset = Branded<'VolumeOffset'>;
/** Byte position on a disk, counted from the start of its home area (what extents are made of). */
export type DiskOffset = Branded<'DiskOffset'>;
/** Index of a 4 KiB block on a disk: `DiskOffset / blockBytes`. */
export type BlockIndex = Branded<'BlockIndex'>;
/** Milliseconds on a clock whose zero means nothing. */
export type Instant = Branded<'Instant'>;

/** Steps whenever a volume's control data changes. */
export type Generation = Branded<'Generation'>;
/** Steps when another virtualizer takes over. */
export type ControlEpoch = Branded<'ControlEpoch'>;
/** Issued for each attachment of a host to a volume. */
export type AttachEpoch = Branded<'AttachEpoch'>;
/** Issued for each ownership of a partition, from one counter per volume. */
export type PartitionEpoch = Branded<'PartitionEpoch'>;
/** Steps when the membership of a mirror set changes. */
export type EventCount = Branded<'EventCount'>;
/** Issued when an extent is given to a volume; tells this owner's blocks from a former owner's. */
export type ExtentGeneration = Branded<'ExtentGeneration'>;
/** Order of a write within a partition and epoch. */
export type WriteNumber = Branded<'WriteNumber'>;
/** Order of an I/O within a host incarnation. */
export type IoNumber = Branded<'IoNumber'>;
/** New each time a host's or a coordinator's process starts; random, never 0. */
export type Incarnation = Branded<'Incarnation'>;
/**
 * New each time a disk's process starts, and higher than all before. Its last bits are drawn: when a disk and a copy of it
 * are started once each, their instances differ.
 */
export type DiskInstance = Branded<'DiskInstance'>;

/** The unit of checksums, tags and merging on disks, and of ordering at coordinators. */
export const blockBytes = 4096;
/** The smallest logical block of a volume. */
export const sectorBytes = 512;
export const kibibyte = 1024;
export const mebibyte = 1024 * kibibyte;

/**
 * Gives a checked number its unit: the one conversion into every brand.
 *
 * @example const start = unitOf<VolumeOffset>(4096)
 */
export function unitOf<Unit extends number>(value: number): Unit {
  return value as Unit;
}

/** `value` moved up to the next multiple of `step`; `value` itself when it is one. */
export function roundUp(value: number, step: number): number {
  const rest = value % step;
  return rest === 0 ? value : value + step - rest;
}

/** `value` moved down to a multiple of `step`. */
export function roundDown(value: number, step: number): number {
  return value - (value % step);
}
