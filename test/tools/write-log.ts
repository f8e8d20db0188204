/**
 * A log of what disks do to their media: a decorator around the block store of each notes every write and every flush,
 * when it was asked for and when it was done, in one common order over all disks, and between them whatever marks a
 * workload makes. Every prefix of it is a moment at which the power may fail (`crash-replay.ts`).
 */
import type { BlockStore } from '../../protocols/ports.ts';
import { sectorBytes } from '../../protocols/units.ts';

/** Whole sectors, as they were handed to the store. */
export interface LoggedWrite {
  readonly atBytes: number;
  readonly bytes: Uint8Array;
}

/** Stands for one flush; what it covers follows from where in the log it was asked for. */
export type LoggedFlush = object;

export type StoreEntry =
  /** Asked for. */
  | { readonly kind: 'write'; readonly disk: string; readonly write: LoggedWrite }
  /** Confirmed to whoever asked. One that failed is never confirmed: it may be there or not. */
  | { readonly kind: 'written'; readonly disk: string; readonly write: LoggedWrite }
  /** The process that asked was killed before it was confirmed; what is there of it was logged anew. */
  | { readonly kind: 'abandoned'; readonly disk: string; readonly write: LoggedWrite }
  | { readonly kind: 'flush'; readonly disk: string; readonly flush: LoggedFlush }
  | { readonly kind: 'flushed'; readonly disk: string; readonly flush: LoggedFlush };

export type LogEntry<Mark> = StoreEntry | { readonly kind: 'mark'; readonly mark: Mark };

/** What a store shows of a range now. */
export type Shown = (atBytes: number, lengthBytes: number) => Uint8Array;

export class WriteLog<Mark> {
  readonly entries: LogEntry<Mark>[] = [];
  /** By disk, what was asked for and not confirmed. */
  readonly #open = new Map<string, Set<LoggedWrite>>();

  mark(mark: Mark): void {
    this.entries.push({ kind: 'mark', mark });
  }

  /**
   * Logs what goes through a store that a process has just opened. Without reading anything: what was there before is
   * the caller's to know.
   *
   * @throws RangeError at a write that is not of whole sectors.
   */
  around(disk: string, store: BlockStore, shown: Shown): BlockStore {
    const open = this.#openAnew(disk, shown);
    return {
      sizeBytes: store.sizeBytes,
      read: (atBytes, into, done) => store.read(atBytes, into, done),
      write: (atBytes, pieces, done) => {
        const write = { atBytes, bytes: Buffer.concat([...pieces]) };
        this.#asked(disk, open, write);
        store.write(atBytes, pieces, (error) => {
          if (error === null) this.#confirmed(disk, open, write);
          done(error);
        });
      },
      flush: (done) => {
        const flush = {};
        this.entries.push({ kind: 'flush', disk, flush });
        store.flush((error) => {
          if (error === null) this.entries.push({ kind: 'flushed', disk, flush });
          done(error);
        });
      },
      close: (done) => store.close(done),
    };
  }

  #asked(disk: string, open: Set<LoggedWrite>, write: LoggedWrite): void {
    if (write.atBytes % sectorBytes !== 0 || write.bytes.length % sectorBytes !== 0)
      throw new RangeError(`no whole sectors: ${write.bytes.length} bytes at ${write.atBytes}`);
    open.add(write);
    this.entries.push({ kind: 'write', disk, write });
  }

  #confirmed(disk: string, open: Set<LoggedWrite>, write: LoggedWrite): void {
    open.delete(write);
    this.entries.push({ kind: 'written', disk, write });
  }

  /** What an earlier process left open has ended one way or another: from now on it is what the store shows of it. */
  #openAnew(disk: string, shown: Shown): Set<LoggedWrite> {
    const left = this.#open.get(disk) ?? new Set();
    const open = new Set<LoggedWrite>();
    this.#open.set(disk, open);
    for (const write of left) this.entries.push({ kind: 'abandoned', disk, write });
    for (const { atBytes, bytes } of left) {
      const write = { atBytes, bytes: shown(atBytes, bytes.length) };
      this.#asked(disk, open, write);
      this.#confirmed(disk, open, write);
    }
    return open;
  }
}
