/**
 * Replay: what a disk that was not closed still has to learn from its journal. Begins at the newest checkpoint and
 * goes on, record by record, until one is not whole: that one was being written when the power failed.
 *
 * Unless it was durable. Then it is damage, and everything behind it would be lost in silence. A later record, or
 * the checkpoint, that says so gives it away: with its head intact its blocks are kept, for those that rotted will
 * be met as media errors; without it the disk is refused.
 */

import { checksumOf } from '../../protocols/checksums.ts';
import type { BlockStore } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import { type CheckpointRecord, newestCheckpoint } from './checkpoint-record.ts';
import { applyEntry, type DeviceParts } from './device-parts.ts';
import type { DiskLayout } from './disk-layout.ts';
import { checkpointSlots } from './disk-layout.ts';
import type { JournalStart } from './journal.ts';
import { claimedHeadBytes, decodeRecordHead, type RecordHead } from './journal-record.ts';

/** Bytes looked at in one go for records behind the end. */
const searchBytes = 64 * blockBytes;

export type Replayed =
  | {
      readonly ok: true;
      readonly start: JournalStart;
      readonly checkpointNumber: number;
      readonly records: number;
      /** Behind them one was being written when the power failed, as far as what is left of it tells. */
      readonly isTorn: boolean;
      /** Those of them that were durable, and of which blocks are damaged now. */
      readonly damagedRecords: number;
    }
  | { readonly ok: false; readonly message: string };

export class Replay {
  readonly #parts: DeviceParts;
  readonly #done: (result: Replayed) => void;
  #checkpoint: CheckpointRecord = {
    number: 0,
    tailPosition: 0,
    tailSequence: 1,
    durableSequence: 0,
    instance: 0,
  };
  #position = 0;
  #sequence = 1;
  #instance = 0;
  #records = 0;
  #damagedRecords = 0;
  /** The record that is not whole, once met, if at least its head is. */
  #torn: RecordHead | null = null;

  /** Reads the checkpoint and the journal and applies every whole record to `parts`. */
  constructor(parts: DeviceParts, done: (result: Replayed) => void) {
    this.#parts = parts;
    this.#done = done;
  }

  start(): void {
    const { store, layout, salt } = this.#parts;
    const slots = Buffer.alloc(checkpointSlots * blockBytes);
    store.read(layout.checkpointStart, slots, (error) => {
      const newest = error === null ? newestCheckpoint(slots, salt) : null;
      if (newest === null) {
        this.#refuse(error === null ? 'its checkpoints are damaged' : error.detail);
        return;
      }
      this.#checkpoint = newest;
      this.#position = newest.tailPosition;
      this.#sequence = newest.tailSequence;
      this.#instance = newest.instance;
      this.#nextRecord();
    });
  }

  get #ringEnd(): number {
    return this.#checkpoint.tailPosition + this.#parts.layout.journalBytes;
  }

  #refuse(what: string): void {
    this.#done({ ok: false, message: what });
  }

  #nextRecord(): void {
    this.#torn = null;
    if (this.#position + blockBytes > this.#ringEnd) {
      this.#finish();
      return;
    }
    this.#read(this.#position, blockBytes, (first) => {
      const headBytes = first === null ? 0 : claimedHeadBytes(first, this.#parts.salt);
      if (headBytes === blockBytes) this.#onHead(first);
      else if (headBytes === 0 || this.#position + headBytes > this.#ringEnd) this.#onHead(null);
      else this.#read(this.#position, headBytes, (head) => this.#onHead(head));
    });
  }

  #onHead(bytes: Buffer | null): void {
    const head = bytes && decodeRecordHead(bytes, this.#parts.salt);
    if (head === null || !this.#isNext(head)) {
      this.#search(this.#position + blockBytes);
      return;
    }
    const payloadBytes = head.payloadBlocks * blockBytes;
    if (payloadBytes === 0) {
      this.#apply(head);
      return;
    }
    this.#read(this.#position + head.headBytes, payloadBytes, (payload) => {
      if (payload !== null && isPayloadWhole(head, payload)) {
        this.#apply(head);
        return;
      }
      this.#torn = head;
      this.#search(this.#position + head.headBytes + payloadBytes);
    });
  }

  #isNext(head: RecordHead): boolean {
    return (
      head.sequence === this.#sequence &&
      head.position === this.#position &&
      head.instance >= this.#instance &&
      this.#position + head.headBytes + head.payloadBlocks * blockBytes <= this.#ringEnd
    );
  }

  #apply(head: RecordHead): void {
    const { tags } = this.#parts;
    let payloadPosition = this.#position + head.headBytes;
    let next = 0;
    const applyRest = (): void => {
      for (let entry = head.entries[next]; entry !== undefined; entry = head.entries[next]) {
        const [first, last] = [entry.stretches[0], entry.stretches.at(-1)];
        const firstBlock = first?.firstBlock ?? 0;
        const lastBlock = last === undefined ? -1 : last.firstBlock + last.blocks - 1;
        const changesBlocks = entry.kind === 'write' && lastBlock >= firstBlock;
        if (changesBlocks && !tags.has(firstBlock, lastBlock)) {
          tags.load(firstBlock, lastBlock, applyRest);
          return;
        }
        applyEntry(this.#parts, entry, payloadPosition);
        payloadPosition += (entry.checksums?.length ?? 0) * blockBytes;
        next += 1;
      }
      this.#onApplied(head);
    };
    applyRest();
  }

  #onApplied(head: RecordHead): void {
    this.#position += head.headBytes + head.payloadBlocks * blockBytes;
    this.#sequence += 1;
    this.#instance = head.instance;
    this.#records += 1;
    this.#nextRecord();
  }

  /**
   * Looks behind the record that is not whole for one that says that it was durable; block by block from where the
   * medium does not give much at once, for bad sectors may lie close together.
   */
  #search(from: number, stepBytes = searchBytes): void {
    const bytes = Math.min(stepBytes, this.#ringEnd - from);
    if (this.#checkpoint.durableSequence >= this.#sequence) this.#onDurableDamage();
    else if (bytes <= 0) this.#finish();
    else
      this.#read(from, bytes, (chunk) => {
        if (chunk === null && bytes > blockBytes) this.#search(from, blockBytes);
        else if (chunk !== null && this.#holdsProof(chunk, from)) this.#onDurableDamage();
        else this.#search(from + bytes, stepBytes);
      });
  }

  #holdsProof(chunk: Buffer, from: number): boolean {
    for (let start = 0; start < chunk.length; start += blockBytes)
      if (this.#provesDurable(chunk.subarray(start), from + start)) return true;
    return false;
  }

  /** Looks at heads of one block only: every turn of the event loop writes one, larger ones are rare. */
  #provesDurable(bytes: Buffer, position: number): boolean {
    const { salt } = this.#parts;
    if (claimedHeadBytes(bytes, salt) !== blockBytes) return false;
    const head = decodeRecordHead(bytes.subarray(0, blockBytes), salt);
    return (
      head !== null &&
      head.position === position &&
      head.sequence > this.#sequence &&
      head.instance >= this.#instance &&
      head.durableSequence >= this.#sequence
    );
  }

  #onDurableDamage(): void {
    const { log } = this.#parts;
    if (this.#torn === null) {
      this.#refuse(`record ${this.#sequence} of its journal is damaged, and was durable`);
      return;
    }
    const what = { sequence: this.#sequence, position: this.#position };
    log.warn(what, 'blocks of a durable journal record are damaged; they answer media errors');
    this.#damagedRecords += 1;
    this.#apply(this.#torn);
  }

  #finish(): void {
    this.#done({
      ok: true,
      start: {
        tailPosition: this.#checkpoint.tailPosition,
        endPosition: this.#position,
        nextSequence: this.#sequence,
      },
      checkpointNumber: this.#checkpoint.number,
      records: this.#records,
      isTorn: this.#torn !== null,
      damagedRecords: this.#damagedRecords,
    });
  }

  #read(position: number, lengthBytes: number, done: (bytes: Buffer | null) => void): void {
    const { store, layout } = this.#parts;
    readRing(store, layout, position, lengthBytes, done);
  }
}

/** Reads from the journal's ring; null when the medium failed. */
function readRing(
  store: BlockStore,
  layout: DiskLayout,
  position: number,
  lengthBytes: number,
  done: (bytes: Buffer | null) => void,
): void {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  const start = position % layout.journalBytes;
  const before = Math.min(lengthBytes, layout.journalBytes - start);
  store.read(layout.journalStart + start, bytes.subarray(0, before), (error) => {
    if (error !== null) done(null);
    else if (before === lengthBytes) done(bytes);
    else
      store.read(layout.journalStart, bytes.subarray(before), (secondError) =>
        done(secondError === null ? bytes : null),
      );
  });
}

function isPayloadWhole(head: RecordHead, payload: Buffer): boolean {
  let start = 0;
  for (const { checksums } of head.entries)
    for (const checksum of checksums ?? []) {
      if (checksumOf(payload.subarray(start, start + blockBytes)) !== checksum) return false;
      start += blockBytes;
    }
  return true;
}
