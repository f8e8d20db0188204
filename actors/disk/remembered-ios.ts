/**
 * The I/O ids above each host's watermark, with the tags that they got (DESIGN I6): what a new coordinator asks for
 * to learn which unfinished writes were done here. Kept in memory and in the journal; a checkpoint writes them again
 * before it releases their records.
 *
 * No count of them is a reason to refuse a write that is near its host's watermark: as long as that one is not done
 * nothing above it is forgotten.
 */
import type { HostId } from '../../protocols/ids.ts';
import { ioWindowMax, ioWindowNear } from '../../protocols/io-window.ts';
import { type Incarnation, type IoNumber, mebibyte } from '../../protocols/units.ts';
import { idEntryBytes, type JournalEntry, type Stretch } from './journal-record.ts';
import type { WriteRequest } from './write-entries.ts';

/**
 * What they may take of a journal, as entries: a whole window of a host even in the smallest journal, and together
 * with what is kept for those near the watermarks less than half of it, for a checkpoint writes all of them before it
 * releases those that it wrote before. The most bounds what they take of memory.
 */
const shareOfJournal = 3 / 8;
const bytesMax = 4 * mebibyte;
const shareForNear = 1 / 16;

/** One write that was done here. */
export interface RememberedIo {
  readonly reference: number;
  readonly epoch: number;
  readonly writeNumber: number;
  readonly range: Stretch;
}

/** Whose write it is, and what its host has seen the end of. */
type WriteId = Pick<WriteRequest, 'host' | 'hostIncarnation' | 'ioNumber' | 'watermark'>;

interface HostWindow {
  readonly host: HostId;
  readonly incarnation: number;
  /** Of each of its entries. */
  readonly entryBytes: number;
  watermark: number;
  readonly ios: Map<number, RememberedIo>;
}

export class RememberedIos {
  readonly #bytesMax: number;
  readonly #bytesMaxNear: number;
  #windows: HostWindow[] = [];
  /** Of all of them, as entries. */
  #bytes = 0;
  #journaledBytes = 0;
  #frozenBytes = 0;

  constructor(journalBytes: number) {
    this.#bytesMax = Math.min(journalBytes * shareOfJournal, bytesMax);
    this.#bytesMaxNear = this.#bytesMax + journalBytes * shareForNear;
  }

  get count(): number {
    return this.#windows.reduce((sum, { ios }) => sum + ios.size, 0);
  }

  /**
   * Of the entries with ids that the journal holds: after a crash no more is remembered than that, even if watermarks
   * rose that are not in the journal.
   */
  get journaledBytes(): number {
    return this.#frozenBytes + this.#journaledBytes;
  }

  /** Takes what a write's entry says. A coordinator's own copies are nobody's. */
  note(entry: Omit<JournalEntry, 'kind' | 'stretches' | 'checksums'>): void {
    if (entry.host === '') return;
    const window = this.#windowOf(entry.host, entry.hostIncarnation);
    this.#journaledBytes += window.entryBytes;
    this.#raise(window, entry.watermark);
    if (entry.ioNumber < window.watermark) return;
    if (!window.ios.has(entry.ioNumber)) this.#bytes += window.entryBytes;
    window.ios.set(entry.ioNumber, {
      reference: entry.reference,
      epoch: entry.epoch,
      writeNumber: entry.writeNumber,
      range: entry.range,
    });
  }

  /** True when a write can be remembered; the watermark that it carries is noted first. */
  hasRoom({ host, hostIncarnation, ioNumber, watermark }: WriteId): boolean {
    if (host === '') return true;
    const window = this.#windowOf(host, hostIncarnation);
    this.#raise(window, watermark);
    const ahead = ioNumber - window.watermark;
    if (ahead < ioWindowNear) return this.#bytes < this.#bytesMaxNear;
    return ahead < ioWindowMax && this.#bytes < this.#bytesMax;
  }

  /** What the journal holds by now is going to be released. */
  freeze(): void {
    this.#frozenBytes = this.#journaledBytes;
    this.#journaledBytes = this.#bytes;
  }

  /** It was released. What is still remembered was journaled anew. */
  release(): void {
    this.#frozenBytes = 0;
  }

  /** The write that a host's I/O became here; undefined when it did not come, or was forgotten. */
  find(host: HostId, incarnation: Incarnation, ioNumber: IoNumber): RememberedIo | undefined {
    return this.#windows
      .find((window) => window.host === host && window.incarnation === incarnation)
      ?.ios.get(ioNumber);
  }

  /** Forgets all hosts but these incarnations: the others are fenced and have nothing unfinished. */
  keepOnly(isKept: (host: HostId, incarnation: number) => boolean): void {
    this.#windows = this.#windows.filter(({ host, incarnation }) => isKept(host, incarnation));
    this.#bytes = this.#windows.reduce(
      (sum, { ios, entryBytes }) => sum + ios.size * entryBytes,
      0,
    );
  }

  /** All of them, as entries that change nothing. */
  entries(): JournalEntry[] {
    return this.#windows.flatMap(({ host, incarnation, watermark, ios }) =>
      [...ios].map(([ioNumber, io]) => ({
        kind: 'write' as const,
        host,
        hostIncarnation: incarnation,
        ioNumber,
        watermark,
        ...io,
        stretches: [],
        checksums: null,
      })),
    );
  }

  #windowOf(host: HostId, incarnation: number): HostWindow {
    for (const window of this.#windows)
      if (window.host === host && window.incarnation === incarnation) return window;
    const ios = new Map<number, RememberedIo>();
    const window = { host, incarnation, entryBytes: idEntryBytes(host), watermark: 0, ios };
    this.#windows.push(window);
    return window;
  }

  /** Ids come roughly in order, so those to forget are at the front; stragglers go when the front has passed them. */
  #raise(window: HostWindow, watermark: number): void {
    if (watermark <= window.watermark) return;
    window.watermark = watermark;
    for (const ioNumber of window.ios.keys()) {
      if (ioNumber >= watermark) break;
      window.ios.delete(ioNumber);
      this.#bytes -= window.entryBytes;
    }
  }
}
