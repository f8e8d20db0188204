/**
 * Sparse bytes with holes: which sectors an image has, and what is in them. Images are laid over each other to make
 * what a store shows and what a power cut leaves.
 */
import { sectorBytes } from '../../protocols/units.ts';

const pageBytes = 4096;
const sectorsPerPage = pageBytes / sectorBytes;
const allSectors = (1 << sectorsPerPage) - 1;
const zeroPage = new Uint8Array(pageBytes);

interface Page {
  readonly bytes: Uint8Array;
  /** One bit per sector that this image has. */
  present: number;
}

/** Decides whether one sector arrives. */
export type SectorFilter = () => boolean;

export class SectorImage {
  readonly #pages = new Map<number, Page>();

  get isEmpty(): boolean {
    return this.#pages.size === 0;
  }

  get residentBytes(): number {
    return this.#pages.size * pageBytes;
  }

  /** Fills `into` from this image, where it has holes from `below`, and where that has holes with zeros. */
  read(atBytes: number, into: Uint8Array, below: SectorImage): void {
    let done = 0;
    while (done < into.length) {
      const at = atBytes + done;
      const inPage = at % pageBytes;
      const length = Math.min(into.length - done, pageBytes - inPage);
      const number = (at - inPage) / pageBytes;
      const page = this.#pages.get(number);
      if (page?.present === allSectors)
        into.set(page.bytes.subarray(inPage, inPage + length), done);
      else {
        const under = below.#pages.get(number);
        into.set((under?.bytes ?? zeroPage).subarray(inPage, inPage + length), done);
        if (page !== undefined) overlay(page, inPage, into.subarray(done, done + length));
      }
      done += length;
    }
  }

  /** Takes whole sectors: those that the filter lets through. */
  write(atBytes: number, pieces: readonly Uint8Array[], filter: SectorFilter | null): void {
    let at = atBytes;
    for (const piece of pieces) {
      let done = 0;
      while (done < piece.length) {
        const inPage = (at + done) % pageBytes;
        const whole = filter === null && inPage === 0 && piece.length - done >= pageBytes;
        const length = whole ? pageBytes : sectorBytes;
        if (filter === null || filter())
          this.#put(at + done, piece.subarray(done, done + length), whole);
        done += length;
      }
      at += piece.length;
    }
  }

  /** Lays the sectors of this image, those that the filter lets through, over `target`. */
  copyInto(target: SectorImage, filter: SectorFilter | null): void {
    for (const [number, page] of this.#pages) {
      if (filter === null && page.present === allSectors) {
        target.#put(number * pageBytes, page.bytes, true);
        continue;
      }
      for (let sector = 0; sector < sectorsPerPage; sector++) {
        if ((page.present & (1 << sector)) === 0) continue;
        if (filter !== null && !filter()) continue;
        const start = sector * sectorBytes;
        const bytes = page.bytes.subarray(start, start + sectorBytes);
        target.#put(number * pageBytes + start, bytes, false);
      }
    }
  }

  /** Lays all sectors of this image over `target`, which takes over whole pages as they are. Ends this image. */
  moveInto(target: SectorImage): void {
    for (const [number, page] of this.#pages)
      if (page.present === allSectors) {
        target.#pages.set(number, page);
        this.#pages.delete(number);
      }
    this.copyInto(target, null);
    this.#pages.clear();
  }

  #put(atBytes: number, bytes: Uint8Array, wholePage: boolean): void {
    const inPage = atBytes % pageBytes;
    const number = (atBytes - inPage) / pageBytes;
    let page = this.#pages.get(number);
    if (page === undefined) {
      const memory = wholePage ? Buffer.allocUnsafeSlow(pageBytes) : new Uint8Array(pageBytes);
      page = { bytes: memory, present: 0 };
      this.#pages.set(number, page);
    }
    page.bytes.set(bytes, inPage);
    page.present = wholePage ? allSectors : page.present | (1 << (inPage / sectorBytes));
  }
}

function overlay(page: Page, inPage: number, into: Uint8Array): void {
  for (let sector = 0; sector < sectorsPerPage; sector++) {
    if ((page.present & (1 << sector)) === 0) continue;
    const start = Math.max(sector * sectorBytes, inPage);
    const end = Math.min((sector + 1) * sectorBytes, inPage + into.length);
    if (start < end) into.set(page.bytes.subarray(start, end), start - inPage);
  }
}
