/**
 * One read: from the tags to verified bytes. What is contiguous on the store is one store read. A block whose bytes
 * do not match its tag is looked at again if it changed meanwhile (it may have moved home while it was read), else
 * it is a media error. The objects are used again; an I/O allocates nothing that lasts.
 */

import { checksumOf, zeroBlockChecksum } from '../../protocols/checksums.ts';
import { Status } from '../../protocols/codes.ts';
import type { StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import { atHome } from './block-locations.ts';
import { TagKind, tagChecksum, tagKind, tagsPerPage, tagWordAt } from './block-tags.ts';
import type { OpenDeviceParts } from './device-parts.ts';

/** How an operation ended; `what` says what is wrong, for people. */
export type Ended = (status: Status, what: string) => void;

/** How often a block may change under a read before it is answered with `busy`. */
const attemptsMax = 16;
/** Stands for a block that needs no bytes from the store. */
const noBytes = -1;

export interface ReadRequest {
  /** Position in the home area, and length: any alignment. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Of the extent that is read; blocks of another one read as zeros. */
  readonly reference: number;
  readonly into: Uint8Array;
  /** Gets the checksum of each piece (`protocols/checksums.ts`), if given. */
  readonly checksums: DataView | null;
}

export class ReadOperation {
  readonly #parts: OpenDeviceParts;
  readonly #retire: (operation: ReadOperation) => void;
  #request: ReadRequest | null = null;
  #ended: Ended | null = null;
  #attempts = 0;
  #firstBlock = 0;
  #blocks = 0;
  #target: Uint8Array = new Uint8Array();
  #expected = new Float64Array(64);
  #position = new Float64Array(64);
  #readsLeft = 0;
  #error: StoreError | null = null;
  #damagedBlock = noBytes;
  readonly #onRead = (error: StoreError | null) => this.#readDone(error);
  readonly #resume = () => this.#attempt();

  constructor(parts: OpenDeviceParts, retire: (operation: ReadOperation) => void) {
    this.#parts = parts;
    this.#retire = retire;
  }

  start(request: ReadRequest, ended: Ended): void {
    this.#request = request;
    this.#ended = ended;
    this.#attempts = 0;
    this.#firstBlock = Math.floor(request.at / blockBytes);
    this.#blocks = Math.ceil((request.at + request.lengthBytes) / blockBytes) - this.#firstBlock;
    if (this.#blocks > this.#expected.length) {
      this.#expected = new Float64Array(this.#blocks);
      this.#position = new Float64Array(this.#blocks);
    }
    this.#attempt();
  }

  #attempt(): void {
    const request = this.#request;
    if (request === null) return;
    const { tags, failure } = this.#parts;
    if (failure !== null) {
      this.#endSoon(Status.media, `the disk has failed: ${failure.detail}`);
      return;
    }
    if (!tags.has(this.#firstBlock, this.#firstBlock + this.#blocks - 1)) {
      tags.load(this.#firstBlock, this.#firstBlock + this.#blocks - 1, this.#resume);
      return;
    }
    const aligned = request.at % blockBytes === 0 && request.lengthBytes % blockBytes === 0;
    this.#target = aligned ? request.into : new Uint8Array(this.#blocks * blockBytes);
    this.#error = null;
    this.#damagedBlock = noBytes;
    this.#readsLeft = 1;
    this.#submitReads(request.reference);
    this.#readsLeft -= 1;
    if (this.#readsLeft === 0) this.#parts.clock.soon(() => this.#verify());
  }

  #submitReads(reference: number): void {
    const { tags, locations, journal, layout } = this.#parts;
    let page = tags.cached(this.#firstBlock);
    let runStart = 0;
    let runBlocks = 0;
    let runPlace = 0;
    for (let index = 0; index < this.#blocks; index++) {
      const block = this.#firstBlock + index;
      if (page === undefined || block >= (page.number + 1) * tagsPerPage) page = tags.cached(block);
      if (page === undefined) throw new RangeError(`the tag of block ${block} is not in the cache`);
      const at = tagWordAt(block - page.number * tagsPerPage);
      const kind = tagKind(page.words, at, reference);
      if (kind !== TagKind.data) {
        if (kind === TagKind.damaged) this.#damagedBlock = block;
        this.#expected[index] = noBytes;
        this.#target.fill(0, index * blockBytes, (index + 1) * blockBytes);
        continue;
      }
      const position = locations.find(block);
      this.#expected[index] = tagChecksum(page.words, at);
      this.#position[index] = position;
      if (journal.isUnsubmitted(position)) journal.submit();
      const place =
        position === atHome ? layout.homeStart + block * blockBytes : journal.placeOf(position);
      const goesOn = runStart + runBlocks === index && place === runPlace + runBlocks * blockBytes;
      if (runBlocks > 0 && goesOn) runBlocks += 1;
      else {
        if (runBlocks > 0) this.#submitRun(runPlace, runStart, runBlocks);
        runStart = index;
        runBlocks = 1;
        runPlace = place;
      }
    }
    if (runBlocks > 0) this.#submitRun(runPlace, runStart, runBlocks);
  }

  #submitRun(place: number, startIndex: number, blocks: number): void {
    const start = startIndex * blockBytes;
    this.#readsLeft += 1;
    const whole = blocks === this.#blocks;
    const into = whole ? this.#target : this.#target.subarray(start, start + blocks * blockBytes);
    this.#parts.store.read(place, into, this.#onRead);
  }

  #readDone(error: StoreError | null): void {
    this.#error ??= error;
    this.#readsLeft -= 1;
    if (this.#readsLeft === 0) this.#verify();
  }

  #verify(): void {
    if (this.#damagedBlock !== noBytes) {
      this.#end(Status.media, `the tag of block ${this.#damagedBlock} is damaged`);
      return;
    }
    if (this.#error !== null) {
      this.#end(Status.media, this.#error.detail);
      return;
    }
    for (let index = 0; index < this.#blocks; index++) {
      const expected = this.#expected[index] ?? noBytes;
      if (expected === noBytes || checksumOf(this.#blockAt(index)) === expected) continue;
      this.#onMismatch(index, expected);
      return;
    }
    this.#handOut();
  }

  #blockAt(index: number): Uint8Array {
    if (this.#blocks === 1) return this.#target;
    return this.#target.subarray(index * blockBytes, (index + 1) * blockBytes);
  }

  #onMismatch(index: number, expected: number): void {
    const block = this.#firstBlock + index;
    const { tags, locations } = this.#parts;
    const page = tags.cached(block);
    const isSame =
      page !== undefined &&
      tagChecksum(page.words, tagWordAt(block % tagsPerPage)) === expected &&
      locations.find(block) === this.#position[index];
    this.#attempts += 1;
    if (isSame) this.#end(Status.media, `block ${block} does not match its checksum`);
    else if (this.#attempts < attemptsMax) this.#attempt();
    else this.#end(Status.busy, `block ${block} changes faster than it can be read`);
  }

  #handOut(): void {
    const request = this.#request;
    if (request === null) return;
    const { at, lengthBytes, into, checksums } = request;
    const skipBytes = at - this.#firstBlock * blockBytes;
    if (this.#target !== into) into.set(this.#target.subarray(skipBytes, skipBytes + lengthBytes));
    if (checksums !== null) this.#putChecksums(checksums, skipBytes, skipBytes + lengthBytes);
    this.#end(Status.ok, '');
  }

  /** Whole blocks have the checksum of their tag; for a part of one it is computed. */
  #putChecksums(checksums: DataView, start: number, end: number): void {
    for (let index = 0; index < this.#blocks; index++) {
      const from = Math.max(start, index * blockBytes);
      const to = Math.min(end, (index + 1) * blockBytes);
      const expected = this.#expected[index] ?? noBytes;
      const whole = expected === noBytes ? zeroBlockChecksum : expected;
      const isWhole = to - from === blockBytes;
      const checksum = isWhole ? whole : checksumOf(this.#target.subarray(from, to));
      checksums.setUint32(index * 4, checksum, true);
    }
  }

  #endSoon(status: Status, what: string): void {
    this.#parts.clock.soon(() => this.#end(status, what));
  }

  #end(status: Status, what: string): void {
    const ended = this.#ended;
    this.#request = null;
    this.#ended = null;
    this.#retire(this);
    ended?.(status, what);
  }
}
