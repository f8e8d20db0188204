/**
 * One write, or write of zeros: checks the bytes that came, decides per block by the tags, merges blocks that are
 * written in part with their verified old bytes, and hands one entry to the journal. Everything that must be waited
 * for (tag pages, old bytes) is brought first; then decision, journal and tags happen in one step, without a gap in
 * which another write could come between.
 */

import { firstBadPiece } from '../../protocols/checksums.ts';
import { Status } from '../../protocols/codes.ts';
import type { StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import { isStoredAsNew, tagsPerPage, tagWordAt, type WriteTag } from './block-tags.ts';
import { applyEntry, keptBytesOf, type OpenDeviceParts } from './device-parts.ts';
import { entryBytes, type Stretch } from './journal-record.ts';
import { OldBlock } from './old-block.ts';
import type { Ended, ReadOperation } from './read-operation.ts';
import { changedPagesMax } from './tag-pages.ts';
import { entriesOf, type WriteRequest } from './write-entries.ts';

/** What the device does for its writes. */
export interface WriteSupport {
  takeReadOperation(): ReadOperation;
  /** Called when a write was added to the journal. */
  onJournalUse(): void;
  /** Called when one could not be, for lack of room. */
  onNoRoom(): void;
  readonly isOutOfSpace: boolean;
}

export class WriteOperation {
  readonly #parts: OpenDeviceParts;
  readonly #support: WriteSupport;
  readonly #retire: (operation: WriteOperation) => void;
  #request: WriteRequest | null = null;
  #ended: Ended | null = null;
  #firstBlock = 0;
  #lastBlock = 0;
  /** The blocks at the two ends that are written in part, if any. */
  #head: OldBlock | null = null;
  #tail: OldBlock | null = null;
  readonly #resume = () => this.#attempt();
  readonly #onWritten = (error: StoreError | null) => this.#written(error);
  readonly #onDurable = (error: StoreError | null) => this.#durable(error);

  constructor(
    parts: OpenDeviceParts,
    support: WriteSupport,
    retire: (operation: WriteOperation) => void,
  ) {
    this.#parts = parts;
    this.#support = support;
    this.#retire = retire;
  }

  start(request: WriteRequest, ended: Ended): void {
    this.#request = request;
    this.#ended = ended;
    const { at, lengthBytes, data, checksums } = request;
    const end = at + lengthBytes;
    this.#firstBlock = Math.floor(at / blockBytes);
    this.#lastBlock = Math.ceil(end / blockBytes) - 1;
    this.#head = null;
    this.#tail = null;
    if (data !== null && checksums !== null && firstBadPiece(data, at, checksums) !== -1) {
      this.#endSoon(Status.invalid, 'the bytes that arrived do not match their checksums');
      return;
    }
    const { tag } = request;
    if (at % blockBytes !== 0) this.#head = this.#oldBlock(this.#firstBlock, tag);
    const tailIsHead = this.#head !== null && this.#lastBlock === this.#firstBlock;
    if (end % blockBytes !== 0 && !tailIsHead) this.#tail = this.#oldBlock(this.#lastBlock, tag);
    this.#attempt();
  }

  #oldBlock(block: number, tag: WriteTag): OldBlock {
    return new OldBlock(this.#parts, block, tag);
  }

  #attempt(): void {
    const request = this.#request;
    if (request === null) return;
    const { tags, failure } = this.#parts;
    if (failure !== null) {
      this.#endSoon(Status.media, `the disk has failed: ${failure.detail}`);
      return;
    }
    if (request.isSettled) {
      this.#parts.journal.whenWritten(this.#onWritten);
      return;
    }
    if (!tags.has(this.#firstBlock, this.#lastBlock)) {
      tags.load(this.#firstBlock, this.#lastBlock, this.#resume);
      return;
    }
    for (const old of [this.#head, this.#tail]) if (old !== null && !this.#isReady(old)) return;
    this.#journal(request);
  }

  /** True when the old bytes are at hand; else sees to it that they will be, or ends the operation. */
  #isReady(old: OldBlock): boolean {
    switch (old.state()) {
      case 'ready':
      case 'not-needed':
        return true;
      case 'unread':
        old.read(this.#support.takeReadOperation(), (status, what) => {
          if (status === Status.ok) this.#attempt();
          else this.#end(status, `the old bytes are needed: ${what}`);
        });
        return false;
      case 'damaged':
        this.#endSoon(Status.media, `the tag of block ${old.block} is damaged`);
        return false;
    }
  }

  /** Decides, journals and applies, in one step. */
  #journal(request: WriteRequest): void {
    const stretches = this.#newerStretches(request.tag);
    const { journal, tags, remembered } = this.#parts;
    if (stretches.length === 0) {
      journal.whenWritten(this.#onWritten);
      return;
    }
    const entries = entriesOf(request, stretches, this.#head, this.#tail);
    let bytes = 0;
    let payload = 0;
    for (const { entry } of entries) {
      bytes += entryBytes(entry);
      payload += entry.checksums?.length ?? 0;
    }
    const pages = Math.floor((this.#lastBlock - this.#firstBlock) / tagsPerPage) + 2;
    const isRemembered = remembered.hasRoom(request);
    const kept = keptBytesOf(this.#parts) + bytes;
    const hasRoom =
      journal.hasRoom(bytes, payload, kept) && tags.changedPages + pages <= changedPagesMax;
    if (!hasRoom || !isRemembered) {
      this.#refuse(hasRoom ? 'too many I/Os to remember' : 'the journal is full', hasRoom);
      return;
    }
    const last = entries.at(-1);
    for (const each of entries) {
      const written = each === last ? this.#onWritten : null;
      applyEntry(this.#parts, each.entry, journal.append(each.entry, each.pieces, written));
    }
    this.#support.onJournalUse();
  }

  /** For now: watermarks rise, and a checkpoint makes room in the journal. */
  #refuse(what: string, hasRoom: boolean): void {
    if (!hasRoom) this.#support.onNoRoom();
    if (!hasRoom && this.#support.isOutOfSpace)
      this.#endSoon(Status.noSpace, 'the store of this disk has no space left');
    else this.#endSoon(Status.busy, what);
  }

  /** The blocks whose stored tag is older than this write's. */
  #newerStretches(tag: WriteTag): Stretch[] {
    const { tags } = this.#parts;
    const stretches: Stretch[] = [];
    let start = -1;
    let page = tags.cached(this.#firstBlock);
    for (let block = this.#firstBlock; block <= this.#lastBlock; block++) {
      if (page === undefined || block >= (page.number + 1) * tagsPerPage) page = tags.cached(block);
      if (page === undefined) throw new RangeError(`the tag of block ${block} is not in the cache`);
      const at = tagWordAt(block - page.number * tagsPerPage);
      if (!isStoredAsNew(page.words, at, tag)) {
        if (start === -1) start = block;
      } else if (start !== -1) {
        stretches.push({ firstBlock: start, blocks: block - start });
        start = -1;
      }
    }
    if (start !== -1) stretches.push({ firstBlock: start, blocks: this.#lastBlock + 1 - start });
    return stretches;
  }

  #written(error: StoreError | null): void {
    if (error !== null) this.#end(Status.media, `the journal cannot be written: ${error.detail}`);
    else if (this.#request?.fua) this.#parts.journal.whenDurable(this.#onDurable);
    else this.#end(Status.ok, '');
  }

  #durable(error: StoreError | null): void {
    if (error === null) this.#end(Status.ok, '');
    else this.#end(Status.media, `the journal cannot be flushed: ${error.detail}`);
  }

  #endSoon(status: Status, what: string): void {
    this.#parts.clock.soon(() => this.#end(status, what));
  }

  #end(status: Status, what: string): void {
    const ended = this.#ended;
    this.#request = null;
    this.#ended = null;
    this.#head = null;
    this.#tail = null;
    this.#retire(this);
    ended?.(status, what);
  }
}
