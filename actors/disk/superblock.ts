/**
 * The superblock: who a disk is, and what the virtualizer has decided about the volumes that own parts of it. Kept
 * in four slots: two copies of the newest version and two of the one before. A new version overwrites the older
 * pair, first one copy, then, once that is durable, the other. So a crash spoils at most one slot, and rot of any
 * one slot is survived. Two bad slots of one pair are no crash: the newest version may be gone, and with it a fence;
 * such a disk is refused.
 *
 * A slot: mark (8 bytes), format version (u32), bytes of the content (u32), sequence number (f64), CRC-32 of the
 * content (u32), CRC-32 of the 28 bytes so far (u32), content (JSON). Pure.
 */
import { crc32 } from 'node:zlib';
import type {
  AttachmentRecord,
  ExtentRecord,
  MirrorSetRecord,
  PartitionRecord,
} from '../../protocols/control-data.ts';
import type { ClusterId, DiskId, VolumeId } from '../../protocols/ids.ts';
import {
  type ControlEpoch,
  type DiskInstance,
  type ExtentGeneration,
  type Generation,
  roundUp,
  sectorBytes,
} from '../../protocols/units.ts';
import { superblockSlotBytes } from './disk-layout.ts';

export const formatVersion = 3;
const mark = Buffer.from('SANCTOR\n', 'latin1');
const headBytes = 32;
const blankSlot = Buffer.alloc(superblockSlotBytes);
/** What the content of a superblock may take. */
export const superblockContentBytesMax = superblockSlotBytes - headBytes;

/** An extent of this disk, and what stands for it in block tags. */
export interface ExtentEntry extends ExtentRecord {
  readonly reference: number;
}

/** What a disk keeps of one volume. */
export interface VolumeEntry {
  readonly volume: VolumeId;
  readonly generation: Generation;
  readonly controlEpoch: ControlEpoch;
  /** The highest partition or attach epoch that was ever confirmed. */
  readonly highestEpoch: number;
  readonly extents: readonly ExtentEntry[];
  readonly partitions: readonly PartitionRecord[];
  readonly attachments: readonly AttachmentRecord[];
  readonly mirrorSets: readonly MirrorSetRecord[];
}

/** Generations of extents that the disk gave up. */
export interface RetiredGenerations {
  /** All up to this one count as given up. */
  readonly floor: ExtentGeneration;
  /** Those above the floor, in order. */
  readonly above: readonly ExtentGeneration[];
}

export interface SuperblockContent {
  readonly disk: DiskId;
  /** Random, made at format: 32 hexadecimal digits. */
  readonly identity: string;
  /** Mixed into the checksums of tags and journal, so that what an earlier format left is not taken for this one's. */
  readonly salt: number;
  /** What of the store was there at format. */
  readonly sizeBytes: number;
  /** '' until a virtualizer has assembled a volume on the disk for the first time. */
  readonly cluster: ClusterId | '';
  readonly clusterIdentity: string;
  readonly instance: DiskInstance;
  /** The last instances, this one too, in order: by them a copy of the disk is told from the disk itself. */
  readonly starts: readonly DiskInstance[];
  readonly nextReference: number;
  readonly retired: RetiredGenerations;
  readonly volumes: readonly VolumeEntry[];
}

export interface Superblock {
  readonly sequence: number;
  readonly content: SuperblockContent;
}

/** What was found in one slot. */
export type Slot =
  | { readonly kind: 'valid'; readonly superblock: Superblock }
  | { readonly kind: 'blank' | 'foreign' | 'damaged' }
  | { readonly kind: 'other-format'; readonly version: number };

/** The bytes of a slot, padded to whole sectors; null when the content is too large. */
export function encodeSlot({ sequence, content }: Superblock): Uint8Array | null {
  const text = Buffer.from(JSON.stringify(content), 'utf8');
  if (text.length > superblockContentBytesMax) return null;
  const bytes = Buffer.alloc(roundUp(headBytes + text.length, sectorBytes));
  mark.copy(bytes);
  bytes.writeUInt32LE(formatVersion, 8);
  bytes.writeUInt32LE(text.length, 12);
  bytes.writeDoubleLE(sequence, 16);
  bytes.writeUInt32LE(crc32(text), 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
  text.copy(bytes, headBytes);
  return bytes;
}

/** Reads a slot, whatever is in it. */
export function decodeSlot(bytes: Buffer): Slot {
  if (bytes.equals(blankSlot.subarray(0, bytes.length))) return { kind: 'blank' };
  if (!bytes.subarray(0, mark.length).equals(mark)) return { kind: 'foreign' };
  const version = bytes.readUInt32LE(8);
  const length = bytes.readUInt32LE(12);
  if (bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28))) return { kind: 'damaged' };
  if (version !== formatVersion) return { kind: 'other-format', version };
  const text = bytes.subarray(headBytes, headBytes + length);
  if (text.length !== length || crc32(text) !== bytes.readUInt32LE(24)) return { kind: 'damaged' };
  const content = JSON.parse(text.toString('utf8')) as SuperblockContent;
  return { kind: 'valid', superblock: { sequence: bytes.readDoubleLE(16), content } };
}

/** The newest superblock among some slots. */
export function newestOf(slots: readonly Slot[]): Superblock | null {
  let newest: Superblock | null = null;
  for (const slot of slots)
    if (slot.kind === 'valid' && (newest === null || slot.superblock.sequence > newest.sequence))
      newest = slot.superblock;
  return newest;
}

/**
 * Judges the four slots, given by copy and then by the lowest bit of the sequence number.
 *
 * @returns the superblock, or why there is none that can be trusted
 */
export function judgeSlots(
  slots: readonly Slot[],
): Superblock | Exclude<Slot, { readonly kind: 'valid' }> {
  const otherFormat = slots.find((slot) => slot.kind === 'other-format');
  if (otherFormat?.kind === 'other-format') return otherFormat;
  const newest = newestOf(slots);
  if (newest === null) {
    if (slots.every(({ kind }) => kind === 'blank')) return { kind: 'blank' };
    return { kind: slots.some(({ kind }) => kind === 'damaged') ? 'damaged' : 'foreign' };
  }
  const [even, odd, evenCopy, oddCopy] = slots;
  const isLost = (one: Slot | undefined, copy: Slot | undefined) =>
    one?.kind !== 'valid' && copy?.kind !== 'valid';
  return isLost(even, evenCopy) || isLost(odd, oddCopy) ? { kind: 'damaged' } : newest;
}
