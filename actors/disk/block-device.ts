/**
 * The block device of a disk: journal in front, home behind, a tag and a checksum per block (DESIGN §6). It reads,
 * writes, zeroes and flushes ranges of its home area for one extent reference at a time. Whether a request may do
 * that is decided before it comes here (`fences.ts`).
 */
import { Status } from '../../protocols/codes.ts';
import type { StoreError } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { DeviceParts, OpenDeviceParts } from './device-parts.ts';
import { Journal, type JournalStart } from './journal.ts';
import { type Ended, ReadOperation, type ReadRequest } from './read-operation.ts';
import type { TagRange } from './tag-queries.ts';
import { WriteBehind } from './write-behind.ts';
import type { WriteRequest } from './write-entries.ts';
import { WriteOperation, type WriteSupport } from './write-operation.ts';

/** How often a query of tags is tried before it is answered with `busy`. */
const queryAttemptsMax = 16;

export class BlockDevice implements WriteSupport {
  readonly parts: OpenDeviceParts;
  readonly writeBehind: WriteBehind;
  readonly #idleReads: ReadOperation[] = [];
  readonly #idleWrites: WriteOperation[] = [];
  readonly #retireRead = (operation: ReadOperation) => this.#idleReads.push(operation);
  readonly #retireWrite = (operation: WriteOperation) => this.#idleWrites.push(operation);

  /**
   * @param onFailure called once, when the store failed in a way after which nothing can be believed or kept: from
   * then on every operation ends with `media`
   */
  constructor(
    parts: DeviceParts,
    start: JournalStart & { readonly instance: number; readonly checkpointNumber: number },
    onFailure: (error: StoreError) => void,
  ) {
    const journal = new Journal({ ...parts, instance: start.instance }, start, (error) => {
      this.parts.failure = error;
      onFailure(error);
    });
    this.parts = { ...parts, journal, failure: null };
    this.writeBehind = new WriteBehind(this.parts, start.checkpointNumber);
  }

  get isOutOfSpace(): boolean {
    return this.writeBehind.isOutOfSpace;
  }

  read(request: ReadRequest, ended: Ended): void {
    this.#check(request);
    this.takeReadOperation().start(request, ended);
  }

  /** Writes data or zeros. Ends once it is on the store, or with `fua` once it is durable. */
  write(request: WriteRequest, ended: Ended): void {
    this.#check(request);
    const idle = this.#idleWrites.pop();
    (idle ?? new WriteOperation(this.parts, this, this.#retireWrite)).start(request, ended);
  }

  /** Extents were checked when they were assembled; a mistake here would overwrite a superblock. */
  #check({ at, lengthBytes }: { readonly at: number; readonly lengthBytes: number }): void {
    const { homeBlocks } = this.parts.layout;
    if (at < 0 || lengthBytes < 1 || at + lengthBytes > homeBlocks * blockBytes)
      throw new RangeError(`outside the home area: ${lengthBytes} bytes at ${at}`);
  }

  /** Makes everything durable that has been acknowledged. */
  flush(ended: Ended): void {
    const { journal } = this.parts;
    journal.whenDurable((error) => {
      if (error === null) ended(Status.ok, '');
      else ended(Status.media, `the journal cannot be flushed: ${error.detail}`);
    });
  }

  /**
   * Asks something of the tags of a range.
   *
   * @param ask gets called with all these tags in the cache
   */
  query<Result>(
    range: TagRange,
    ask: (parts: OpenDeviceParts) => Result,
    ended: (status: Status, what: string, result: Result | null) => void,
  ): void {
    this.#check({ at: range.firstBlock * blockBytes, lengthBytes: range.blocks * blockBytes });
    const last = range.firstBlock + range.blocks - 1;
    let attempts = 0;
    const attempt = () => {
      const { failure, tags } = this.parts;
      attempts += 1;
      if (failure !== null) ended(Status.media, `the disk has failed: ${failure.detail}`, null);
      else if (tags.has(range.firstBlock, last)) ended(Status.ok, '', ask(this.parts));
      else if (attempts > queryAttemptsMax) ended(Status.busy, 'too many tags at once', null);
      else tags.load(range.firstBlock, last, attempt);
    };
    this.parts.clock.soon(attempt);
  }

  /** Sends on what is open and lets go of the store. What was not flushed is still there unless power is lost. */
  close(closed: () => void): void {
    const { journal, store } = this.parts;
    this.writeBehind.stop();
    journal.submit();
    journal.whenWritten(() => store.close(closed));
  }

  takeReadOperation(): ReadOperation {
    return this.#idleReads.pop() ?? new ReadOperation(this.parts, this.#retireRead);
  }

  onJournalUse(): void {
    this.writeBehind.beginIfDue();
  }

  onNoRoom(): void {
    this.writeBehind.makeRoom();
  }

  /** Counters for telemetry. */
  counters(): Readonly<Record<string, number>> {
    const { journal, layout, marks, remembered, tags } = this.parts;
    return {
      homeBytes: layout.homeBlocks * blockBytes,
      journalUsedBytes: journal.usedBytes,
      journalBytes: layout.journalBytes,
      journalRecords: journal.records,
      journalWrittenBytes: journal.writtenBytes,
      flushes: journal.commit.flushes,
      checkpoints: this.writeBehind.checkpoints,
      unreadBlocks: this.writeBehind.unreadBlocks,
      tagPagesCached: tags.cachedPages,
      tagPageLoads: tags.loads,
      tagSectorsBad: tags.badSectors,
      rememberedIos: remembered.count,
      markedBlocks: marks.markedBlocks,
    };
  }
}
