/**
 * Turns a write and the blocks that it changes into journal entries with their bytes: whole blocks as they came,
 * and at the two ends, where a block is written in part, the old bytes with the new ones over them. Pure.
 */
import { checksumOf } from '../../protocols/checksums.ts';
import type { HostId } from '../../protocols/ids.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { WriteTag } from './block-tags.ts';
import type { JournalEntry, Stretch } from './journal-record.ts';

export interface WriteRequest {
  /** Position in the home area, and length: any alignment. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Null writes zeros. Must not change until the operation has ended. */
  readonly data: Uint8Array | null;
  /** Of the pieces of `data`, little-endian. */
  readonly checksums: DataView | null;
  readonly tag: WriteTag;
  /** '' for a coordinator's own copy. */
  readonly host: HostId | '';
  readonly hostIncarnation: number;
  readonly ioNumber: number;
  readonly watermark: number;
  /** Durable before it is answered. */
  readonly fua: boolean;
  /** The coordinator has settled this write number: whatever comes now is a late copy. */
  readonly isSettled: boolean;
}

/** A block that is written in part, and what it holds before. */
export interface PartialBlock {
  readonly block: number;
  readonly bytes: Uint8Array;
}

export interface EntryWithBytes {
  readonly entry: JournalEntry;
  /** Whole blocks together. */
  readonly pieces: Uint8Array[];
}

/** The entries of a write that changes these stretches. Zeros with ragged ends make one for each end, too. */
export function entriesOf(
  request: WriteRequest,
  stretches: readonly Stretch[],
  head: PartialBlock | null,
  tail: PartialBlock | null,
): EntryWithBytes[] {
  if (request.data === null) return zeroEntries(request, stretches, [head, tail]);
  const pieces: Uint8Array[] = [];
  const checksums: number[] = [];
  for (const stretch of stretches)
    collect(request, request.data, stretch, [head, tail], pieces, checksums);
  return [{ entry: entryOf(request, stretches, checksums), pieces }];
}

type Ends = readonly [PartialBlock | null, PartialBlock | null];

function entryOf(
  request: WriteRequest,
  stretches: readonly Stretch[],
  checksums: readonly number[] | null,
): JournalEntry {
  const firstBlock = Math.floor(request.at / blockBytes);
  const blocks = Math.ceil((request.at + request.lengthBytes) / blockBytes) - firstBlock;
  return {
    kind: 'write',
    host: request.host,
    hostIncarnation: request.hostIncarnation,
    ioNumber: request.ioNumber,
    watermark: request.watermark,
    reference: request.tag.reference,
    epoch: request.tag.epoch,
    writeNumber: request.tag.writeNumber,
    range: { firstBlock, blocks },
    stretches,
    checksums,
  };
}

function zeroEntries(
  request: WriteRequest,
  stretches: readonly Stretch[],
  ends: Ends,
): EntryWithBytes[] {
  const entries: EntryWithBytes[] = [];
  const zeroed: Stretch[] = [];
  for (const stretch of stretches) {
    let { firstBlock, blocks } = stretch;
    for (const old of ends) {
      if (old === null || blocks === 0) continue;
      const isFirst = old.block === firstBlock;
      if (!isFirst && old.block !== firstBlock + blocks - 1) continue;
      const bytes = merged(request, old);
      const one = [{ firstBlock: old.block, blocks: 1 }];
      const entry = entryOf(request, one, [checksumOf(bytes)]);
      entries.push({ entry, pieces: [bytes] });
      if (isFirst) firstBlock += 1;
      blocks -= 1;
    }
    if (blocks > 0) zeroed.push({ firstBlock, blocks });
  }
  if (zeroed.length > 0) entries.push({ entry: entryOf(request, zeroed, null), pieces: [] });
  return rememberedByTheLast(entries);
}

/** Only with its last entry is a write done: after a crash that lost that one it is not remembered (DESIGN I6). */
function rememberedByTheLast(entries: readonly EntryWithBytes[]): EntryWithBytes[] {
  return entries.map((each, index) => {
    if (index === entries.length - 1) return each;
    return { ...each, entry: { ...each.entry, host: '' } };
  });
}

/** The bytes and checksums of one stretch: merged blocks at the ends, and between them the data as it came. */
function collect(
  request: WriteRequest,
  data: Uint8Array,
  stretch: Stretch,
  [head, tail]: Ends,
  pieces: Uint8Array[],
  checksums: number[],
): void {
  let from = stretch.firstBlock;
  let to = from + stretch.blocks;
  const addMerged = (old: PartialBlock) => {
    const bytes = merged(request, old);
    pieces.push(bytes);
    checksums.push(checksumOf(bytes));
  };
  if (head?.block === from) {
    addMerged(head);
    from += 1;
  }
  const endsInTail = tail !== null && tail.block === to - 1;
  if (endsInTail) to -= 1;
  if (from < to) {
    const start = from * blockBytes - request.at;
    const end = to * blockBytes - request.at;
    pieces.push(start === 0 && end === data.length ? data : data.subarray(start, end));
    for (let at = start; at < end; at += blockBytes) checksums.push(checksumAt(request, data, at));
  }
  if (endsInTail) addMerged(tail);
}

/** Of the whole block that begins `at` bytes into the data; the one that travelled with it, verified before. */
function checksumAt(request: WriteRequest, data: Uint8Array, at: number): number {
  if (request.checksums === null) return checksumOf(data.subarray(at, at + blockBytes));
  const piece = Math.floor((request.at + at) / blockBytes) - Math.floor(request.at / blockBytes);
  return request.checksums.getUint32(piece * 4, true);
}

/** The old bytes of a block with what this write changes of it. */
function merged(request: WriteRequest, old: PartialBlock): Uint8Array {
  const blockStart = old.block * blockBytes;
  const from = Math.max(request.at, blockStart);
  const to = Math.min(request.at + request.lengthBytes, blockStart + blockBytes);
  const bytes = old.bytes.slice();
  if (request.data === null) bytes.fill(0, from - blockStart, to - blockStart);
  else bytes.set(request.data.subarray(from - request.at, to - request.at), from - blockStart);
  return bytes;
}
