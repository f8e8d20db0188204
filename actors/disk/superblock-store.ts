/** Reads and writes the superblock's slots, in the order that makes it survive (`superblock.ts`). */
import type { BlockStore, StoreError } from '../../protocols/ports.ts';
import { type DiskLayout, layoutOf, superblockSlotBytes } from './disk-layout.ts';
import {
  decodeSlot,
  encodeSlot,
  judgeSlots,
  newestOf,
  type Slot,
  type Superblock,
  type SuperblockContent,
} from './superblock.ts';

export type FoundSuperblock =
  | { readonly kind: 'valid'; readonly superblock: Superblock; readonly layout: DiskLayout }
  | { readonly kind: 'blank' | 'foreign' | 'damaged' | 'too-small' }
  | { readonly kind: 'other-format'; readonly version: number }
  | { readonly kind: 'truncated'; readonly sizeBytes: number }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** Finds the superblock of a store. The store may have grown since it was formatted. */
export function readSuperblock(store: BlockStore, done: (found: FoundSuperblock) => void): void {
  const asNew = layoutOf(store.sizeBytes);
  if (asNew === null) {
    readSlots(store, [0], (slots) => done(smallStore(store, slots)));
    return;
  }
  readSlots(store, asNew.superblockStarts[0] ?? [], (first) => {
    const formattedBytes = newestOf(first)?.content.sizeBytes ?? asNew.sizeBytes;
    const layout = layoutOf(formattedBytes);
    if (formattedBytes > store.sizeBytes || layout === null) {
      done({ kind: 'truncated', sizeBytes: formattedBytes });
      return;
    }
    readSlots(store, layout.superblockStarts[1] ?? [], (second) => {
      const judged = judgeSlots([...first, ...second]);
      done('content' in judged ? { kind: 'valid', superblock: judged, layout } : judged);
    });
  });
}

/** Too small for a disk now; what is left may tell that it was one. */
function smallStore(store: BlockStore, slots: readonly Slot[]): FoundSuperblock {
  const formattedBytes = newestOf(slots)?.content.sizeBytes ?? 0;
  if (formattedBytes > store.sizeBytes) return { kind: 'truncated', sizeBytes: formattedBytes };
  return { kind: 'too-small' };
}

/** Reads the slots at these places of the store. Those that cannot be read count as damaged. */
export function readSlots(
  store: BlockStore,
  places: readonly number[],
  done: (slots: Slot[]) => void,
): void {
  const slots: Slot[] = [];
  let left = places.length;
  places.forEach((place, index) => {
    const bytes = Buffer.alloc(Math.min(superblockSlotBytes, Math.max(store.sizeBytes - place, 0)));
    store.read(place, bytes, (error) => {
      slots[index] = error === null && bytes.length >= 32 ? decodeSlot(bytes) : { kind: 'damaged' };
      left -= 1;
      if (left === 0) done(slots);
    });
  });
}

export type SuperblockWritten = (error: StoreError | null) => void;

/** Keeps the superblock of an open disk: one change after the other, each durable before it is confirmed. */
export class SuperblockKeeper {
  readonly #store: BlockStore;
  readonly #layout: DiskLayout;
  #current: Superblock;
  #isWriting = false;
  #waiting: SuperblockWritten[] = [];
  #written: SuperblockContent;

  constructor(store: BlockStore, layout: DiskLayout, current: Superblock) {
    this.#store = store;
    this.#layout = layout;
    this.#current = current;
    this.#written = current.content;
  }

  /** As last asked for; it may not be durable yet. */
  get content(): SuperblockContent {
    return this.#current.content;
  }

  /** True when a content fits; one that does not must not be kept. */
  fits(content: SuperblockContent): boolean {
    return encodeSlot({ sequence: this.#current.sequence, content }) !== null;
  }

  /**
   * Makes `content` the superblock, at once for `content`, and durable before `done`. Calls that come while one is
   * being written share the next write.
   */
  keep(content: SuperblockContent, done: SuperblockWritten): void {
    this.#current = { sequence: this.#current.sequence, content };
    this.#waiting.push(done);
    if (!this.#isWriting) this.#write();
  }

  #write(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isWriting = true;
    const next = { sequence: this.#current.sequence + 1, content: this.#current.content };
    this.#current = next;
    writeBothCopies(this.#store, this.#layout, next, (error) => {
      this.#isWriting = false;
      if (error === null) this.#written = next.content;
      if (this.#waiting.length > 0) this.#write();
      for (const done of waiting) done(error);
    });
  }

  /** What is known to be durable. */
  get durableContent(): SuperblockContent {
    return this.#written;
  }
}

/** One copy, flush, the other copy, flush: so that a crash spoils at most one of them. */
function writeBothCopies(
  store: BlockStore,
  layout: DiskLayout,
  superblock: Superblock,
  done: SuperblockWritten,
): void {
  const bytes = encodeSlot(superblock);
  if (bytes === null) throw new RangeError('the superblock is too large: `fits` was not asked');
  const places = layout.superblockStarts.map((starts) => starts[superblock.sequence % 2] ?? 0);
  const writeCopy = (copy: number): void => {
    const place = places[copy];
    if (place === undefined) {
      done(null);
      return;
    }
    store.write(place, [bytes], (error) => {
      if (error !== null) done(error);
      else
        store.flush((flushError) => {
          if (flushError === null) writeCopy(copy + 1);
          else done(flushError);
        });
    });
  };
  writeCopy(0);
}

/** Writes the first superblocks of a disk into all four slots. */
export function writeFirstSuperblocks(
  store: BlockStore,
  layout: DiskLayout,
  content: SuperblockContent,
  done: SuperblockWritten,
): void {
  writeBothCopies(store, layout, { sequence: 1, content }, (error) => {
    if (error === null) writeBothCopies(store, layout, { sequence: 2, content }, done);
    else done(error);
  });
}
