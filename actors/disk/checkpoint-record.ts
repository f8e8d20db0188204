/**
 * The checkpoint record: from where the journal must be replayed. Each is written twice, in turn to one of two pairs
 * of slots; it fits one sector, so it is never torn. Space of the journal is used again only once the record that
 * releases it is durable.
 */
import { crc32 } from 'node:zlib';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import { checkpointSlots, type DiskLayout } from './disk-layout.ts';

const mark = 0x53434b31;
const usedBytes = 56;

export interface CheckpointRecord {
  /** Counts checkpoints, from 0. */
  readonly number: number;
  /** Of the oldest journal record that is still needed: its position and sequence number. */
  readonly tailPosition: number;
  readonly tailSequence: number;
  /** Records up to this one were durable then. */
  readonly durableSequence: number;
  /** The disk instance that wrote it: what older ones left behind the tail was lost, and must stay so. */
  readonly instance: number;
}

export function encodeCheckpoint(record: CheckpointRecord, salt: number): Uint8Array {
  const bytes = Buffer.alloc(sectorBytes);
  bytes.writeUInt32LE(mark, 0);
  bytes.writeUInt32LE(salt, 8);
  bytes.writeDoubleLE(record.number, 16);
  bytes.writeDoubleLE(record.tailPosition, 24);
  bytes.writeDoubleLE(record.tailSequence, 32);
  bytes.writeDoubleLE(record.durableSequence, 40);
  bytes.writeDoubleLE(record.instance, 48);
  bytes.writeUInt32LE(crc32(bytes.subarray(8, usedBytes)), 4);
  return bytes;
}

function decodeCheckpoint(bytes: Buffer, salt: number): CheckpointRecord | null {
  if (bytes.readUInt32LE(0) !== mark || bytes.readUInt32LE(8) !== salt) return null;
  if (crc32(bytes.subarray(8, usedBytes)) !== bytes.readUInt32LE(4)) return null;
  return {
    number: bytes.readDoubleLE(16),
    tailPosition: bytes.readDoubleLE(24),
    tailSequence: bytes.readDoubleLE(32),
    durableSequence: bytes.readDoubleLE(40),
    instance: bytes.readDoubleLE(48),
  };
}

/** Where on the store the two copies of a checkpoint go. */
export function checkpointPlaces(layout: DiskLayout, number: number): readonly [number, number] {
  const first = layout.checkpointStart + (number % 2) * 2 * blockBytes;
  return [first, first + blockBytes];
}

/**
 * The newest checkpoint, from the bytes of all slots. Null when both copies of a pair are damaged: that is no crash,
 * and the newest may have been among them.
 */
export function newestCheckpoint(slots: Buffer, salt: number): CheckpointRecord | null {
  const found = copiesIn(slots, salt);
  const [even, evenCopy, odd, oddCopy] = found;
  if ((even ?? evenCopy) === null || (odd ?? oddCopy) === null) return null;
  let newest: CheckpointRecord | null = null;
  for (const record of found)
    if (record !== null && (newest === null || record.number > newest.number)) newest = record;
  return newest;
}

/** A copy of a checkpoint that is damaged. */
export interface DamagedCheckpoint {
  /** Which of the slots. */
  readonly slot: number;
  /** What the other copy says; null when that one is damaged, too. */
  readonly other: CheckpointRecord | null;
}

/** The copies of checkpoints that are damaged: no crash does that, for each fits a sector. */
export function damagedCheckpoints(slots: Buffer, salt: number): readonly DamagedCheckpoint[] {
  const found = copiesIn(slots, salt);
  return found.flatMap((record, slot) =>
    record === null ? [{ slot, other: found[slot ^ 1] ?? null }] : [],
  );
}

/** By pair, and then by copy; null where one is damaged. */
function copiesIn(slots: Buffer, salt: number): readonly (CheckpointRecord | null)[] {
  const found: (CheckpointRecord | null)[] = [];
  for (let slot = 0; slot < checkpointSlots; slot++)
    found.push(decodeCheckpoint(slots.subarray(slot * blockBytes), salt));
  return found;
}
