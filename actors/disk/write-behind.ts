/**
 * Write-behind: brings what the journal holds to its home locations and lets the journal's space be used again.
 * One checkpoint after the other, each in this order:
 *
 *   1. freeze: what is in the journal now belongs to this checkpoint; remembered I/O ids and marks are journaled anew
 *   2. flush: all of it is durable, so a home block is never written from a record that could still be lost
 *   3. home blocks, in the order of the journal, and then tag pages, in their order, some at a time
 *   4. flush; the checkpoint record, twice; flush
 *   5. release the journal's space
 *
 * What comes out of the journal is not verified on its way home: its tag goes with it, and a block that rotted is
 * met there as it would have been met here. Likewise one that the medium does not give: nothing is written home for
 * it, so that what lies there does not match its tag. Reads of it answer `media` until it is made good from a mirror.
 *
 * A crash at any point is harmless: until step 4 has ended the replay begins at the old tail and finds everything.
 */
import type { StoreDone, StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import { isDataTag, tagsPerPage, tagWordAt } from './block-tags.ts';
import { checkpointPlaces, encodeCheckpoint } from './checkpoint-record.ts';
import type { OpenDeviceParts } from './device-parts.ts';
import { joinRun, type Run, readRun } from './slice-runs.ts';
import { changedPagesMax, type TagPage } from './tag-pages.ts';

/** Blocks, and tag pages, that are moved without letting others have the event loop. */
const sliceBlocks = 64;
/** What of the journal is read for them: between the blocks lie heads of records, and blocks that were overwritten. */
const sliceBytes = 2 * sliceBlocks * blockBytes;
/** A gap larger than this is not read over. */
const gapBytesMax = 4 * blockBytes;
/** Blocks of a disk are fewer: a journal position and a block share one number, to be sorted. */
const blocksMax = 2 ** 36;
const noSpaceRetryMs = 1000;
/** A checkpoint begins when the journal is this full … */
const journalShareUsed = 0.5;
/** … or this many tag pages have changed. */
const changedPagesShare = 0.5;

/** A block in the slice, on its way home. */
interface Move {
  readonly block: number;
  readonly start: number;
}

export class WriteBehind {
  readonly #parts: OpenDeviceParts;
  #number: number;
  #running = false;
  #isStopped = false;
  /** Journal position in blocks, counted from the tail, times `blocksMax`, plus the block. */
  #blocks: Float64Array = new Float64Array();
  #pages: readonly TagPage[] = [];
  #nextBlock = 0;
  #nextPage = 0;
  #endPosition = 0;
  #endSequence = 0;
  #tailPosition = 0;
  readonly #slice = new Uint8Array(sliceBytes);
  #waiting: (() => void)[] = [];
  /** True while home locations cannot be written for lack of space. */
  isOutOfSpace = false;
  checkpoints = 0;
  /** Blocks that the journal did not give when they were to be moved home. */
  unreadBlocks = 0;

  /** @param lastNumber of the checkpoint that was found when the disk was opened. */
  constructor(parts: OpenDeviceParts, lastNumber: number) {
    this.#parts = parts;
    this.#number = lastNumber;
  }

  /** Begins a checkpoint when one is due. Cheap: called after every write. */
  beginIfDue(): void {
    if (this.#running || this.#isStopped) return;
    const { journal, layout, tags } = this.#parts;
    if (
      journal.usedBytes > layout.journalBytes * journalShareUsed ||
      tags.changedPages > changedPagesMax * changedPagesShare
    )
      this.#begin();
  }

  /** Begins a checkpoint, however little it may release: somebody lacks room. */
  makeRoom(): void {
    if (!this.#running && !this.#isStopped) this.#begin();
  }

  /** Calls when everything that is in the journal now is home. */
  drain(done: () => void): void {
    if (this.#running) this.#waiting.push(() => this.drain(done));
    else {
      this.#begin();
      this.#waiting.push(done);
    }
  }

  /** Begins nothing more: the store is about to be closed. What is not home yet stays in the journal. */
  stop(): void {
    this.#isStopped = true;
  }

  #begin(): void {
    const { journal, locations, marks, remembered, tags } = this.#parts;
    this.#running = true;
    journal.submit();
    this.#endPosition = journal.endPosition;
    this.#endSequence = journal.nextSequence;
    locations.freeze();
    tags.freeze();
    remembered.freeze();
    marks.freeze();
    journal.appendIds([...remembered.entries(), ...marks.entries()]);
    this.#tailPosition = journal.tailPosition;
    this.#blocks = this.#blocksInJournalOrder();
    this.#pages = tags.frozenPages;
    this.#nextBlock = 0;
    this.#nextPage = 0;
    journal.whenWritten((error) => {
      if (error === null) journal.commit.request((flushError) => this.#step(flushError));
    });
  }

  readonly #step = (error: StoreError | null): void => {
    if (error !== null || this.#isStopped || this.#parts.failure !== null) return;
    if (this.#nextBlock < this.#blocks.length) this.#moveBlocks();
    else if (this.#nextPage < this.#pages.length) this.#writePages();
    else this.#parts.journal.commit.request((flushError) => this.#record(flushError));
  };

  #blocksInJournalOrder(): Float64Array {
    const { locations } = this.#parts;
    const keys = new Float64Array(locations.frozenCount);
    let count = 0;
    locations.eachFrozen((block, position) => {
      if (!this.#isFrozenData(block)) return;
      keys[count] = ((position - this.#tailPosition) / blockBytes) * blocksMax + block;
      count += 1;
    });
    return keys.subarray(0, count).sort();
  }

  /** Reads one slice of blocks from the journal and writes them home. */
  #moveBlocks(): void {
    const { journal, store } = this.#parts;
    const reads: Run[] = [];
    const moves: Move[] = [];
    let usedBytes = 0;
    while (this.#nextBlock < this.#blocks.length && moves.length < sliceBlocks) {
      const key = this.#blocks[this.#nextBlock] ?? 0;
      const block = key % blocksMax;
      const place = journal.placeOf(this.#tailPosition + Math.floor(key / blocksMax) * blockBytes);
      const last = reads.at(-1);
      const gap = last === undefined ? -1 : place - (last.place + last.bytes);
      const goesOn = gap >= 0 && gap <= gapBytesMax;
      const bytes = goesOn ? gap + blockBytes : blockBytes;
      if (usedBytes + bytes > sliceBytes) break;
      if (goesOn && last !== undefined) last.bytes += bytes;
      else reads.push({ place, start: usedBytes, bytes });
      usedBytes += bytes;
      moves.push({ block, start: usedBytes - blockBytes });
      this.#nextBlock += 1;
    }
    const unread = new Set<number>();
    this.#each(
      reads,
      (run, done) => readRun({ store, slice: this.#slice }, run, unread, done),
      () => this.#writeHome(moves, unread),
    );
  }

  #writeHome(moves: readonly Move[], unread: ReadonlySet<number>): void {
    const { layout, log } = this.#parts;
    const writes: Run[] = [];
    for (const { block, start } of moves)
      if (unread.has(start)) {
        this.unreadBlocks += 1;
        log.warn({ block }, 'a block cannot be read from the journal; it answers media errors');
      } else joinRun(writes, layout.homeStart + block * blockBytes, start, blockBytes);
    this.#writeSlice(writes);
  }

  #writePages(): void {
    const { tags } = this.#parts;
    const end = Math.min(this.#nextPage + sliceBlocks, this.#pages.length);
    const runs: Run[] = [];
    for (let index = this.#nextPage; index < end; index++) {
      const page = this.#pages[index];
      if (page === undefined) continue;
      const start = (index - this.#nextPage) * blockBytes;
      tags.copyFrozen(page, this.#slice.subarray(start, start + blockBytes));
      joinRun(runs, tags.positionOf(page.number), start, blockBytes);
    }
    this.#nextPage = end;
    this.#writeSlice(runs);
  }

  #writeSlice(runs: readonly Run[]): void {
    const { store } = this.#parts;
    this.#each(
      runs,
      (run, done) =>
        store.write(run.place, [this.#slice.subarray(run.start, run.start + run.bytes)], done),
      () => this.#step(null),
    );
  }

  /** Does all runs; one that lacks space is tried again until it finds some, anything worse fails the disk. */
  #each(
    runs: readonly Run[],
    start: (run: Run, done: StoreDone) => void,
    allDone: () => void,
  ): void {
    const { clock, journal } = this.#parts;
    if (runs.length === 0) {
      clock.soon(allDone);
      return;
    }
    let left = runs.length;
    const attempt = (run: Run) =>
      start(run, (error) => {
        if (this.#isStopped) return;
        this.isOutOfSpace = error?.kind === 'no-space';
        if (this.isOutOfSpace) {
          clock.setTimeout(() => {
            if (!this.#isStopped) attempt(run);
          }, noSpaceRetryMs);
          return;
        }
        if (error !== null) journal.fail(error);
        left -= 1;
        if (left === 0 && this.#parts.failure === null) allDone();
      });
    for (const run of runs) attempt(run);
  }

  #record(error: StoreError | null): void {
    if (error !== null || this.#isStopped) return;
    const { journal, layout, salt, store } = this.#parts;
    this.#number += 1;
    const bytes = encodeCheckpoint(
      {
        number: this.#number,
        tailPosition: this.#endPosition,
        tailSequence: this.#endSequence,
        durableSequence: journal.durableSequence,
        instance: journal.instance,
      },
      salt,
    );
    const runs = checkpointPlaces(layout, this.#number).map((place) => ({
      place,
      start: 0,
      bytes: 0,
    }));
    this.#each(
      runs,
      (run, done) => store.write(run.place, [bytes], done),
      () => journal.commit.request((flushError) => this.#release(flushError)),
    );
  }

  #release(error: StoreError | null): void {
    if (error !== null) return;
    const { journal, locations, marks, remembered, tags } = this.#parts;
    journal.release(this.#endPosition);
    locations.release();
    remembered.release();
    marks.release();
    tags.release();
    this.#running = false;
    this.checkpoints += 1;
    for (const waiting of this.#waiting.splice(0)) waiting();
    this.beginIfDue();
  }

  /** False for a block that became zeros after it was written: it needs no home. */
  #isFrozenData(block: number): boolean {
    const words = this.#parts.tags.frozenWords(block);
    return words !== null && isDataTag(words, tagWordAt(block % tagsPerPage));
  }
}
