/**
 * The records of the journal, as bytes. A record holds what arrived together: a head, padded to whole blocks, and
 * behind it the blocks' bytes. Pure.
 *
 *     0  u32  mark
 *     4  u32  CRC-32 of the head from byte 8 to its used end
 *     8  u32  salt of the format
 *    12  u32  used bytes of the head
 *    16  f64  sequence number: one more than the record before
 *    24  f64  position of the record: bytes since the journal began, never wrapped
 *    32  f64  disk instance that wrote it
 *    40  f64  highest sequence number known to be durable when it was written
 *    48  u32  blocks behind the head
 *    52  u32  entries
 *    56  entries, one behind the other
 *
 * An entry is one I/O: its id, its tag and the stretches of blocks that it changed. The checksum of each block
 * stands in its entry; so a record is whole if its head and all of its blocks match. Or it marks stretches for a host,
 * or takes its marks away; then its tag says only in what order.
 */
import { crc32 } from 'node:zlib';
import type { HostId } from '../../protocols/ids.ts';
import { blockBytes, roundUp } from '../../protocols/units.ts';

const recordMark = 0x534a5231;
const headStartBytes = 56;
/** A head that claims to be larger is none. */
export const recordHeadBytesMax = 1024 * 1024;

/** Blocks one behind the other. */
export interface Stretch {
  readonly firstBlock: number;
  readonly blocks: number;
}

export interface JournalEntry {
  readonly kind: 'write' | 'mark' | 'unmark';
  /** '' and zeros for a coordinator's own copy. */
  readonly host: HostId | '';
  readonly hostIncarnation: number;
  readonly ioNumber: number;
  readonly watermark: number;
  readonly reference: number;
  readonly epoch: number;
  readonly writeNumber: number;
  /** All blocks that the I/O spoke of. */
  readonly range: Stretch;
  /** The blocks that it changed, or marks; none in an entry that only keeps an I/O id remembered. */
  readonly stretches: readonly Stretch[];
  /** Per changed block; null when they became zeros, and where none was changed. */
  readonly checksums: readonly number[] | null;
}

export interface RecordHead {
  readonly sequence: number;
  readonly position: number;
  readonly instance: number;
  readonly durableSequence: number;
  readonly headBytes: number;
  readonly payloadBlocks: number;
  readonly entries: readonly JournalEntry[];
}

/** The first byte of an entry. */
const EntryMark = { data: 1, zeroes: 2, mark: 3, unmark: 4 } as const;
const entryFixedBytes = 64;
/** What each stretch of an entry adds to it. */
export const stretchBytes = 12;
const checksumBytes = 4;

/** Bytes of an entry of this host without stretches: one that only keeps an I/O id remembered. */
export function idEntryBytes(host: HostId): number {
  return entryFixedBytes + host.length;
}

/** Bytes of an entry in a head. */
export function entryBytes(entry: JournalEntry): number {
  return (
    entryFixedBytes +
    entry.host.length +
    entry.stretches.length * stretchBytes +
    (entry.checksums?.length ?? 0) * checksumBytes
  );
}

/** Bytes of the smallest head that has room for entries of `bytes`. */
export function headBytesFor(bytes: number): number {
  return roundUp(headStartBytes + bytes, blockBytes);
}

/** Builds the head of a record as its entries arrive. */
export class RecordBuilder {
  readonly head: Buffer;
  #usedBytes = headStartBytes;
  #entries = 0;
  payloadBlocks = 0;

  constructor(headBytes: number) {
    this.head = Buffer.alloc(headBytes);
  }

  get roomBytes(): number {
    return this.head.length - this.#usedBytes;
  }

  add(entry: JournalEntry): void {
    const { head } = this;
    let at = head.writeUInt8(markOf(entry), this.#usedBytes);
    at = head.writeUInt8(entry.host.length, at);
    at = head.writeUInt16LE(entry.stretches.length, at);
    at = head.writeDoubleLE(entry.hostIncarnation, at);
    at = head.writeDoubleLE(entry.ioNumber, at);
    at = head.writeDoubleLE(entry.watermark, at);
    at = head.writeUInt32LE(entry.reference, at);
    at = head.writeUInt32LE(entry.epoch, at);
    at = head.writeDoubleLE(entry.writeNumber, at);
    at = head.writeDoubleLE(entry.range.firstBlock, at);
    at = head.writeUInt32LE(entry.range.blocks, at);
    at = head.writeUInt32LE(entry.checksums?.length ?? 0, at);
    at = head.writeUInt32LE(0, at);
    if (entry.host !== '') at += head.write(entry.host, at, 'latin1');
    for (const stretch of entry.stretches) {
      at = head.writeDoubleLE(stretch.firstBlock, at);
      at = head.writeUInt32LE(stretch.blocks, at);
    }
    if (entry.checksums !== null)
      for (const checksum of entry.checksums) at = head.writeUInt32LE(checksum, at);
    this.#usedBytes = at;
    this.#entries += 1;
    this.payloadBlocks += entry.checksums?.length ?? 0;
  }

  /** Completes the head. */
  seal(facts: {
    salt: number;
    sequence: number;
    position: number;
    instance: number;
    durableSequence: number;
  }): Buffer {
    const { head } = this;
    head.writeUInt32LE(recordMark, 0);
    head.writeUInt32LE(facts.salt, 8);
    head.writeUInt32LE(this.#usedBytes, 12);
    head.writeDoubleLE(facts.sequence, 16);
    head.writeDoubleLE(facts.position, 24);
    head.writeDoubleLE(facts.instance, 32);
    head.writeDoubleLE(facts.durableSequence, 40);
    head.writeUInt32LE(this.payloadBlocks, 48);
    head.writeUInt32LE(this.#entries, 52);
    head.writeUInt32LE(crc32(head.subarray(8, this.#usedBytes)), 4);
    return head;
  }
}

/** Bytes of the head that begins here, by what it claims; 0 when nothing of this disk begins here. */
export function claimedHeadBytes(firstBlock: Buffer, salt: number): number {
  if (firstBlock.readUInt32LE(0) !== recordMark || firstBlock.readUInt32LE(8) !== salt) return 0;
  const usedBytes = firstBlock.readUInt32LE(12);
  if (usedBytes < headStartBytes || usedBytes > recordHeadBytesMax) return 0;
  return roundUp(usedBytes, blockBytes);
}

/** Reads a head; null when it is not valid. */
export function decodeRecordHead(head: Buffer, salt: number): RecordHead | null {
  if (claimedHeadBytes(head, salt) !== head.length) return null;
  const usedBytes = head.readUInt32LE(12);
  if (crc32(head.subarray(8, usedBytes)) !== head.readUInt32LE(4)) return null;
  const entries: JournalEntry[] = [];
  const count = head.readUInt32LE(52);
  let at = headStartBytes;
  for (let index = 0; index < count; index++) {
    const entry = decodeEntry(head, at);
    entries.push(entry);
    at += entryBytes(entry);
  }
  return {
    sequence: head.readDoubleLE(16),
    position: head.readDoubleLE(24),
    instance: head.readDoubleLE(32),
    durableSequence: head.readDoubleLE(40),
    headBytes: head.length,
    payloadBlocks: head.readUInt32LE(48),
    entries,
  };
}

function markOf({ kind, checksums }: JournalEntry): number {
  if (kind !== 'write') return EntryMark[kind];
  return checksums === null ? EntryMark.zeroes : EntryMark.data;
}

/** Only after the head's checksum matched: what follows is what was written. */
function decodeEntry(head: Buffer, start: number): JournalEntry {
  const mark = head.readUInt8(start);
  const hostLength = head.readUInt8(start + 1);
  const stretchCount = head.readUInt16LE(start + 2);
  const checksumCount = head.readUInt32LE(start + 56);
  let at = start + entryFixedBytes;
  const host = head.toString('latin1', at, at + hostLength) as HostId;
  at += hostLength;
  const stretches: Stretch[] = [];
  for (let index = 0; index < stretchCount; index++, at += stretchBytes)
    stretches.push({ firstBlock: head.readDoubleLE(at), blocks: head.readUInt32LE(at + 8) });
  const checksums: number[] = [];
  for (let index = 0; index < checksumCount; index++, at += checksumBytes)
    checksums.push(head.readUInt32LE(at));
  return {
    kind: mark === EntryMark.mark ? 'mark' : mark === EntryMark.unmark ? 'unmark' : 'write',
    host,
    hostIncarnation: head.readDoubleLE(start + 4),
    ioNumber: head.readDoubleLE(start + 12),
    watermark: head.readDoubleLE(start + 20),
    reference: head.readUInt32LE(start + 28),
    epoch: head.readUInt32LE(start + 32),
    writeNumber: head.readDoubleLE(start + 36),
    range: { firstBlock: head.readDoubleLE(start + 44), blocks: head.readUInt32LE(start + 52) },
    stretches,
    checksums: mark === EntryMark.data ? checksums : null,
  };
}
