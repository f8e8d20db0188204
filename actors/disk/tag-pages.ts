/**
 * The tags of a disk, by page: a cache over the store that holds at least the pages that changed since the last
 * checkpoint. Memory is bounded by the cache, whatever the size of the disk.
 *
 * Changes belong to one of two generations. What is current when a checkpoint begins is frozen: it stays as it is,
 * because its journal records are durable and later ones may not be. A frozen page that changes again keeps an
 * image of what was frozen.
 */
import type { BlockStore, Log, StoreError } from '../../protocols/ports.ts';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import { checkPage, markLost, sealPage, tagsPerPage, wordsPerPage } from './block-tags.ts';
import type { DiskLayout } from './disk-layout.ts';

/** Pages that may have changed in the current generation before writes are answered with `busy`. */
export const changedPagesMax = 2048;
/**
 * Pages in the cache: 24 MiB, the tags of about 6 GiB of disk. Two generations of changed pages must stay; what
 * remains is enough for the largest request. Images of frozen pages come on top of it, at most 8 MiB.
 */
export const cachedPagesMax = 3 * changedPagesMax;
/** Pages read from the store in one call. */
const loadPagesMax = 64;

export interface TagPage {
  readonly number: number;
  readonly words: Uint32Array;
  used: boolean;
  /** Changed in the current generation. */
  changed: boolean;
  /** Part of the frozen generation and not yet written. */
  frozen: boolean;
  /** What was frozen, when the page has changed since. */
  image: Uint32Array | null;
}

export class TagPages {
  readonly #store: BlockStore;
  readonly #layout: DiskLayout;
  readonly #salt: number;
  readonly #log: Log;
  readonly #pagesMax: number;
  readonly #pages = new Map<number, TagPage>();
  #changedPages: TagPage[] = [];
  #frozenPages: TagPage[] = [];
  /** Sectors of tag pages that were found rotten or misplaced. */
  badSectors = 0;
  loads = 0;

  /** @param pagesMax in the cache; more only where that is too few for those that changed and those asked for */
  constructor(
    store: BlockStore,
    layout: DiskLayout,
    salt: number,
    log: Log,
    pagesMax = cachedPagesMax,
  ) {
    this.#pagesMax = pagesMax;
    this.#store = store;
    this.#layout = layout;
    this.#salt = salt;
    this.#log = log;
  }

  get cachedPages(): number {
    return this.#pages.size;
  }

  get changedPages(): number {
    return this.#changedPages.length;
  }

  /** The page with the tag of `block`, if it is in the cache. */
  cached(block: number): TagPage | undefined {
    const page = this.#pages.get(Math.floor(block / tagsPerPage));
    if (page !== undefined) page.used = true;
    return page;
  }

  /** True when the tags of all these blocks are in the cache. */
  has(firstBlock: number, lastBlock: number): boolean {
    const last = Math.floor(lastBlock / tagsPerPage);
    for (let page = Math.floor(firstBlock / tagsPerPage); page <= last; page++) {
      const cached = this.#pages.get(page);
      if (cached === undefined) return false;
      cached.used = true;
    }
    return true;
  }

  /**
   * Brings the tags of these blocks into the cache. Whether they still are there when `done` is called must be
   * looked at: other loads may have evicted them.
   */
  load(firstBlock: number, lastBlock: number, done: () => void): void {
    const last = Math.floor(lastBlock / tagsPerPage);
    let waitFor = 1;
    const oneDone = () => {
      waitFor -= 1;
      if (waitFor === 0) done();
    };
    let page = Math.floor(firstBlock / tagsPerPage);
    while (page <= last) {
      if (this.#pages.has(page)) {
        page += 1;
        continue;
      }
      const start = page;
      while (page <= last && page - start < loadPagesMax && !this.#pages.has(page)) page += 1;
      waitFor += 1;
      this.#loadRun(start, page - start, oneDone);
    }
    oneDone();
  }

  /** Must be called before the words of a page are changed. */
  change(page: TagPage): void {
    if (page.frozen && page.image === null) page.image = page.words.slice();
    if (page.changed) return;
    page.changed = true;
    this.#changedPages.push(page);
  }

  /** Ends the current generation; the one frozen before must have been written. */
  freeze(): void {
    for (const page of this.#changedPages) {
      page.changed = false;
      page.frozen = true;
    }
    this.#frozenPages = this.#changedPages.sort((one, other) => one.number - other.number);
    this.#changedPages = [];
  }

  /** The frozen pages, in order. */
  get frozenPages(): readonly TagPage[] {
    return this.#frozenPages;
  }

  /** The words of a page as they were frozen. */
  frozenWords(block: number): Uint32Array | null {
    const page = this.#pages.get(Math.floor(block / tagsPerPage));
    if (page === undefined || !page.frozen) return null;
    return page.image ?? page.words;
  }

  /** Copies a frozen page, with its heads, to where it will be written from. */
  copyFrozen(page: TagPage, into: Uint8Array): void {
    const words = new Uint32Array(into.buffer, into.byteOffset, wordsPerPage);
    words.set(page.image ?? page.words);
    sealPage(words, page.number, this.#salt);
  }

  /** Where a page lies on the store. */
  positionOf(page: number): number {
    return this.#layout.tagsStart + page * blockBytes;
  }

  /** Ends the frozen generation: its pages are on the store. */
  release(): void {
    for (const page of this.#frozenPages) {
      page.frozen = false;
      page.image = null;
    }
    this.#frozenPages = [];
    this.#evict();
  }

  #loadRun(firstPage: number, pages: number, done: () => void): void {
    const bytes = new Uint8Array(pages * blockBytes);
    this.loads += 1;
    this.#store.read(this.positionOf(firstPage), bytes, (error) => {
      if (error === null) {
        for (let page = 0; page < pages; page++) this.#insert(firstPage + page, bytes, page);
        this.#evict();
        done();
      } else if (pages > 1) this.#loadOneByOne(firstPage, pages, done);
      else this.#loadSectors(firstPage, bytes, done, error);
    });
  }

  #loadOneByOne(firstPage: number, pages: number, done: () => void): void {
    let left = pages;
    for (let page = 0; page < pages; page++)
      this.#loadRun(firstPage + page, 1, () => {
        left -= 1;
        if (left === 0) done();
      });
  }

  /** The medium failed somewhere in a page: what can be read of it is kept. */
  #loadSectors(page: number, bytes: Uint8Array, done: () => void, error: StoreError): void {
    this.#log.warn({ page, error: error.detail }, 'a tag page could not be read as a whole');
    const sectors = blockBytes / sectorBytes;
    const lost: number[] = [];
    let left = sectors;
    for (let sector = 0; sector < sectors; sector++) {
      const start = sector * sectorBytes;
      const into = bytes.subarray(start, start + sectorBytes);
      this.#store.read(this.positionOf(page) + start, into, (sectorError) => {
        if (sectorError !== null) lost.push(sector);
        left -= 1;
        if (left > 0) return;
        this.#insert(page, bytes, 0, lost);
        this.#evict();
        done();
      });
    }
  }

  #insert(number: number, bytes: Uint8Array, at: number, lost: readonly number[] = []): void {
    // Another load may have been faster, and the page may have changed since.
    if (this.#pages.has(number)) return;
    const start = at * blockBytes;
    const words = new Uint32Array(bytes.slice(start, start + blockBytes).buffer);
    const bad = checkPage(words, number, this.#salt);
    if (bad > 0) {
      this.badSectors += bad;
      this.#log.error({ page: number, bad }, 'tags are damaged; their blocks answer media errors');
    }
    for (const sector of lost) markLost(words, sector);
    const page = { number, words, used: true, changed: false, frozen: false, image: null };
    this.#pages.set(number, page);
  }

  /** Second chance: a page that was used since it was last looked at goes to the end of the line. */
  #evict(): void {
    const mustStay = this.#changedPages.length + this.#frozenPages.length;
    const pagesMax = Math.max(this.#pagesMax, mustStay + loadPagesMax);
    let looks = 2 * this.#pages.size;
    for (const [number, page] of this.#pages) {
      if (this.#pages.size <= pagesMax || looks === 0) return;
      looks -= 1;
      if (!page.used && !page.changed && !page.frozen) this.#pages.delete(number);
      else {
        page.used = false;
        this.#pages.delete(number);
        this.#pages.set(number, page);
      }
    }
  }
}
