/**
 * The journal: every change goes here first, sequentially, and is acknowledged from here; the home locations follow
 * later (`write-behind.ts`). What arrives in one turn of the event loop becomes one record and one write.
 *
 * Records are acknowledged in order: one that is acknowledged has all before it on the store, so a replay, which
 * stops at the first record that is not whole, meets no gap. A flush makes durable whatever was acknowledged when
 * it began, and is shared by all who wait for one.
 */
import type { BlockStore, Clock, StoreError } from '../../protocols/ports.ts';
import { blockBytes, kibibyte, mebibyte } from '../../protocols/units.ts';
import type { DiskLayout } from './disk-layout.ts';
import { type Flushed, GroupCommit } from './group-commit.ts';
import { entryBytes, headBytesFor, type JournalEntry, RecordBuilder } from './journal-record.ts';

/** A record ends when it holds this much. */
const recordPayloadBlocksMax = mebibyte / blockBytes;
/** A record of entries without blocks ends when it holds this much. */
const idRecordBytesMax = 128 * kibibyte;

/** Told when a record, and with it all before it, is on the store, or cannot be. */
export type Written = (error: StoreError | null) => void;

/** Where a journal goes on: behind what was replayed. */
export interface JournalStart {
  /** Of the oldest record that is still needed. */
  readonly tailPosition: number;
  readonly endPosition: number;
  readonly nextSequence: number;
}

interface RecordInFlight {
  readonly sequence: number;
  readonly position: number;
  readonly builder: RecordBuilder;
  readonly pieces: Uint8Array[];
  readonly waiters: Written[];
  isWritten: boolean;
}

export class Journal {
  readonly #store: BlockStore;
  readonly #clock: Clock;
  readonly #layout: DiskLayout;
  readonly #salt: number;
  readonly instance: number;
  readonly #onFailure: (error: StoreError) => void;
  readonly commit: GroupCommit;
  #tailPosition: number;
  #endPosition: number;
  #nextSequence: number;
  #open: RecordInFlight | null = null;
  #inFlight: RecordInFlight[] = [];
  #writtenSequence: number;
  /** What the flush that runs will make durable. */
  #flushingSequence: number;
  #durableSequence: number;
  #failure: StoreError | null = null;
  readonly #submitSoon = () => this.submit();
  records = 0;
  writtenBytes = 0;

  constructor(
    parts: { store: BlockStore; clock: Clock; layout: DiskLayout; salt: number; instance: number },
    start: JournalStart,
    onFailure: (error: StoreError) => void,
  ) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#layout = parts.layout;
    this.#salt = parts.salt;
    this.instance = parts.instance;
    this.#onFailure = onFailure;
    this.#tailPosition = start.tailPosition;
    this.#endPosition = start.endPosition;
    this.#nextSequence = start.nextSequence;
    this.#writtenSequence = start.nextSequence - 1;
    this.#flushingSequence = this.#writtenSequence;
    this.#durableSequence = this.#writtenSequence;
    this.commit = new GroupCommit(
      parts.store,
      () => {
        this.#flushingSequence = this.#writtenSequence;
      },
      (error) => {
        if (error === null) this.#durableSequence = this.#flushingSequence;
        else this.fail(error);
      },
    );
  }

  get usedBytes(): number {
    return this.#endPosition - this.#tailPosition;
  }

  get tailPosition(): number {
    return this.#tailPosition;
  }

  get endPosition(): number {
    return this.#endPosition;
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  get durableSequence(): number {
    return this.#durableSequence;
  }

  /**
   * True when an entry of this size can be appended now.
   *
   * @param keptBytes of the entries that a checkpoint must be able to write before it can release anything
   */
  hasRoom(bytes: number, payloadBlocks: number, keptBytes: number): boolean {
    const needed = headBytesFor(bytes) + payloadBlocks * blockBytes;
    const room = this.#layout.journalBytes - this.usedBytes - idRecordsBytes(keptBytes);
    return needed <= room;
  }

  /** Where on the store a position of the journal is. */
  placeOf(position: number): number {
    return this.#layout.journalStart + (position % this.#layout.journalBytes);
  }

  /** True while the record at this position is not yet on its way to the store. */
  isUnsubmitted(position: number): boolean {
    return this.#open !== null && position >= this.#open.position;
  }

  /**
   * Adds an entry to the record of this turn.
   *
   * @param pieces its blocks' bytes, whole blocks together; they must not change until it is written
   * @returns the position of the first of its blocks
   */
  append(entry: JournalEntry, pieces: readonly Uint8Array[], written: Written | null): number {
    const bytes = entryBytes(entry);
    const blocks = entry.checksums?.length ?? 0;
    const open = this.#openRecord(bytes, blocks);
    const position = this.#endPosition;
    open.builder.add(entry);
    for (const piece of pieces) open.pieces.push(piece);
    if (written !== null) open.waiters.push(written);
    this.#endPosition += blocks * blockBytes;
    return position;
  }

  /** Writes records of entries without blocks, into the space that is kept for them. */
  appendIds(entries: readonly JournalEntry[]): void {
    let first = 0;
    while (first < entries.length) {
      let bytes = 0;
      let end = first;
      for (let entry = entries[end]; entry !== undefined; entry = entries[end]) {
        const more = bytes + entryBytes(entry);
        if (headBytesFor(more) > idRecordBytesMax) break;
        bytes = more;
        end += 1;
      }
      this.submit();
      const open = this.#begin(bytes);
      for (const entry of entries.slice(first, end)) open.builder.add(entry);
      first = end;
    }
    this.submit();
  }

  /** Calls when everything appended so far is on the store; never before this call has returned. */
  whenWritten(written: Written): void {
    const last = this.#open ?? this.#inFlight.at(-1);
    if (last !== undefined) last.waiters.push(written);
    else this.#clock.soon(() => written(this.#failure));
  }

  /** Calls when everything that has been acknowledged is durable. At once, without a flush, when it is already. */
  whenDurable(flushed: Flushed): void {
    if (this.#failure !== null || this.#durableSequence >= this.#writtenSequence)
      this.#clock.soon(() => flushed(this.#failure));
    else if (this.commit.isRunning && this.#flushingSequence >= this.#writtenSequence)
      this.commit.join(flushed);
    else this.commit.request(flushed);
  }

  /** Lets the space of all records before this position be used again; only once that is durable. */
  release(position: number): void {
    this.#tailPosition = position;
  }

  /** Sends the record of this turn to the store. */
  submit(): void {
    const record = this.#open;
    if (record === null) return;
    this.#open = null;
    const head = record.builder.seal({
      salt: this.#salt,
      sequence: record.sequence,
      position: record.position,
      instance: this.instance,
      durableSequence: this.#durableSequence,
    });
    record.pieces[0] = head;
    this.#inFlight.push(record);
    this.records += 1;
    this.#writeRing(record.position, this.#endPosition, record.pieces, (error) => {
      if (error !== null) this.fail(error);
      else this.#onWritten(record);
    });
  }

  /** Nothing more can be kept: everybody who waits is told, and everybody who comes. */
  fail(error: StoreError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    const records = this.#open === null ? this.#inFlight : [...this.#inFlight, this.#open];
    this.#inFlight = [];
    this.#open = null;
    for (const record of records) for (const written of record.waiters) written(error);
    this.#onFailure(error);
  }

  #openRecord(bytes: number, payloadBlocks: number): RecordInFlight {
    const open = this.#open;
    if (open !== null) {
      const blocks = open.builder.payloadBlocks + payloadBlocks;
      if (open.builder.roomBytes >= bytes && blocks <= recordPayloadBlocksMax) return open;
      this.submit();
    }
    this.#clock.soon(this.#submitSoon);
    return this.#begin(bytes);
  }

  #begin(bytes: number): RecordInFlight {
    const builder = new RecordBuilder(headBytesFor(bytes));
    const open = {
      sequence: this.#nextSequence,
      position: this.#endPosition,
      builder,
      pieces: [builder.head],
      waiters: [],
      isWritten: false,
    };
    this.#open = open;
    this.#nextSequence += 1;
    this.#endPosition += builder.head.length;
    return open;
  }

  #onWritten(record: RecordInFlight): void {
    record.isWritten = true;
    while (this.#inFlight[0]?.isWritten) {
      const first = this.#inFlight.shift();
      if (first === undefined) return;
      this.#writtenSequence = first.sequence;
      for (const written of first.waiters) written(null);
    }
  }

  #writeRing(start: number, end: number, pieces: readonly Uint8Array[], done: Written): void {
    const lengthBytes = end - start;
    this.writtenBytes += lengthBytes;
    const ringBytes = this.#layout.journalBytes;
    const untilEnd = ringBytes - (start % ringBytes);
    if (lengthBytes <= untilEnd) {
      this.#store.write(this.placeOf(start), pieces, done);
      return;
    }
    const [before, after] = splitPieces(pieces, untilEnd);
    let left = 2;
    let failed: StoreError | null = null;
    const partDone = (error: StoreError | null) => {
      failed ??= error;
      left -= 1;
      if (left === 0) done(failed);
    };
    this.#store.write(this.placeOf(start), before, partDone);
    this.#store.write(this.#layout.journalStart, after, partDone);
  }
}

/** The most that records of entries without blocks take, of `bytes` together: each may end a little early. */
function idRecordsBytes(bytes: number): number {
  return bytes + (Math.floor(bytes / (idRecordBytesMax - blockBytes)) + 1) * 2 * blockBytes;
}

function splitPieces(pieces: readonly Uint8Array[], at: number): [Uint8Array[], Uint8Array[]] {
  const before: Uint8Array[] = [];
  const after: Uint8Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const cut = Math.min(Math.max(at - start, 0), piece.length);
    if (cut > 0) before.push(piece.subarray(0, cut));
    if (cut < piece.length) after.push(piece.subarray(cut));
    start += piece.length;
  }
  return [before, after];
}
