/**
 * The I/O ids above each host's watermark, with the tags that they got (DESIGN I6): what a new coordinator asks for
 * to learn which unfinished writes were done here. Kept in memory and in the journal; a checkpoint writes them again
 * before it releases their records.
 */
import type { HostId } from '../../protocols/ids.ts';
import type { Incarnation, IoNumber } from '../../protocols/units.ts';
import type { JournalEntry, Stretch } from './journal-record.ts';

/** Of all hosts together, and of one; more make writes answer `busy` until watermarks rise. */
export const rememberedIosMax = 4096;
export const rememberedIosPerHostMax = 1024;

/** One write that was done here. */
export interface RememberedIo {
  readonly reference: number;
  readonly epoch: number;
  readonly writeNumber: number;
  readonly range: Stretch;
}

interface HostWindow {
  readonly host: HostId;
  readonly incarnation: number;
  watermark: number;
  readonly ios: Map<number, RememberedIo>;
}

export class RememberedIos {
  #windows: HostWindow[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes what a write's entry says. A coordinator's own copies are nobody's. */
  note(entry: Omit<JournalEntry, 'stretches' | 'checksums'>): void {
    if (entry.host === '') return;
    const window = this.#windowOf(entry.host, entry.hostIncarnation);
    this.#raise(window, entry.watermark);
    if (entry.ioNumber < window.watermark) return;
    if (!window.ios.has(entry.ioNumber)) this.#count += 1;
    window.ios.set(entry.ioNumber, {
      reference: entry.reference,
      epoch: entry.epoch,
      writeNumber: entry.writeNumber,
      range: entry.range,
    });
  }

  /** True when a write of this host can be remembered; its watermark is noted first. */
  hasRoom(host: HostId | '', incarnation: number, watermark: number): boolean {
    if (host === '') return true;
    const window = this.#windowOf(host, incarnation);
    this.#raise(window, watermark);
    return this.#count < rememberedIosMax && window.ios.size < rememberedIosPerHostMax;
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
    this.#count = this.#windows.reduce((sum, window) => sum + window.ios.size, 0);
  }

  /** All of them, as entries that change nothing. */
  entries(): JournalEntry[] {
    return this.#windows.flatMap(({ host, incarnation, watermark, ios }) =>
      [...ios].map(([ioNumber, io]) => ({
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
    const window = { host, incarnation, watermark: 0, ios: new Map<number, RememberedIo>() };
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
      this.#count -= 1;
    }
  }
}
