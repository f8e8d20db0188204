/**
 * The resyncs of a volume's partitions on this switch: one for those that began to be served together. How many steps
 * are under way, and how much is copied in a second, is bounded for all of them: consumers' I/O goes on beside.
 */
import type { Timer } from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { continues } from './ownership.ts';
import type { Partition } from './partition.ts';
import { Resync } from './resync.ts';
import type { SettlingRange } from './settling-windows.ts';

/** Steps (a comparison or a copy) that are under way at a time. */
export const resyncStepsMax = 4;
/** Parts of a volume that are looked at in a row: most of a large one may lie on mirrors that are all in sync. */
export const looksMax = 8;

/** How far the mirrors that are made equal are, in the partitions that this switch owns. */
export interface ResyncReport {
  /** Of the volume. */
  readonly totalBytes: number;
  /** Of these, what is not known to be equal. */
  readonly remainingBytes: number;
  /** Since the volume was loaded for the first time. */
  readonly copiedBlocks: number;
  /** Nothing is to be made equal, or all is: copied and durable. */
  readonly isDone: boolean;
  /** What is in the way, for people; '' when nothing is. */
  readonly problem: string;
}

export interface ResyncDirector {
  /** Something happened that only a new decision mends. */
  trouble(partition: Partition, what: string): void;
  /** A resync ended, or cannot go on for now. */
  ended(): void;
}

export class Resyncs {
  readonly #parts: CoordinatorParts;
  readonly #director: ResyncDirector;
  #resyncs: readonly Resync[] = [];
  #copiedBlocks = 0;
  /** What was copied is paid for from then on. */
  #paidAtMs = 0;
  #timer: Timer | null = null;

  constructor(parts: CoordinatorParts, director: ResyncDirector) {
    this.#parts = parts;
    this.#director = director;
  }

  /** These partitions are served from now on. */
  begin(volume: LoadedVolume, partitions: readonly Partition[]): void {
    if (!volume.isResyncing) return;
    const resync: Resync = new Resync(this.#parts, volume, {
      partitions,
      stepDone: () => {
        if (resync.isDone) this.#director.ended();
        this.goOn();
      },
      copied: (blocks) => {
        this.#copiedBlocks += blocks;
      },
      stuck: () => this.#director.ended(),
      trouble: (partition, what) => this.#director.trouble(partition, what),
    });
    this.#resyncs = [...this.#resyncs, resync];
    this.goOn();
  }

  /** Something has become unequal there. False when it is known to be equal, and was told to be. */
  compareAgain(partition: Partition, range: SettlingRange): boolean {
    const resync = this.#resyncs.find((each) => each.covers(partition));
    if (resync?.lookAgain(range) === false) return false;
    this.goOn();
    return true;
  }

  /** A newer decision is about to be taken over: what ends with the epochs before it is forgotten. */
  load(volume: LoadedVolume): void {
    for (const resync of this.#resyncs)
      resync.keep((partition) => continues(this.#parts, volume, partition));
    this.#resyncs = this.#resyncs.filter((resync) => resync.partitions.length > 0);
  }

  /** Ends all. */
  stop(): void {
    for (const resync of this.#resyncs) resync.keep(() => false);
    this.#resyncs = [];
    this.#clearTimer();
  }

  /** Begins what may be begun. */
  goOn(): void {
    const waits = this.#resyncs.map((resync) => this.#advance(resync));
    this.#clearTimer();
    const waitMs = Math.min(...waits);
    if (waitMs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#parts.commands.clock.setTimeout(() => {
      this.#timer = null;
      this.goOn();
    }, waitMs);
  }

  /** @param partitions all that this switch owns */
  report(volume: LoadedVolume, partitions: readonly Partition[]): ResyncReport {
    const resyncs = this.#resyncs;
    const sum = (of: (resync: Resync) => number) =>
      resyncs.reduce((before, each) => before + of(each), 0);
    const isEqual = (partition: Partition) =>
      resyncs.some((resync) => resync.isDone && resync.covers(partition));
    return {
      totalBytes: sum(({ totalBytes }) => totalBytes),
      remainingBytes: sum(({ remainingBytes }) => remainingBytes),
      copiedBlocks: this.#copiedBlocks,
      isDone: !volume.isResyncing || partitions.every(isEqual),
      problem: resyncs.find(({ problem }) => problem !== '')?.problem ?? '',
    };
  }

  /** Gives after how long there may be more to begin, ms: `Infinity` when something else says so before. */
  #advance(resync: Resync): number {
    const { clock } = this.#parts.commands;
    const bytesPerMs = Math.max(blockBytes, this.#parts.resyncBytesPerSecond) / 1000;
    const running = () => this.#resyncs.reduce((count, each) => count + each.running, 0);
    let looksLeft = looksMax;
    while (running() < resyncStepsMax) {
      const nowMs = clock.now();
      const waitMs = Math.max(resync.waitMs(nowMs), this.#paidAtMs - nowMs);
      if (waitMs > 0) return waitMs;
      if (resync.isToLook) {
        if (looksLeft-- === 0) return 1;
        resync.look();
        continue;
      }
      const bytes = resync.beginStep();
      if (bytes === null) return Number.POSITIVE_INFINITY;
      this.#paidAtMs = Math.max(nowMs, this.#paidAtMs) + bytes / bytesPerMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#parts.commands.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
