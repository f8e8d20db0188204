/**
 * Makes the mirrors of newly owned partitions equal before anybody uses them (DESIGN I8): anywhere, under some writes, or
 * where hosts have marked that they may be writing. It compares digests of tags, looks closer where they differ, and
 * copies each differing block from the mirror with the highest tag to all. Works through the volume window by window
 * with a bounded number of steps at a time. Where that mirror cannot be read, `settling-source` says from where. Where
 * the tags cannot tell which bytes are right, or no mirror can be read, it stops: that is not guessed.
 */
import { Operation } from '../../protocols/codes.ts';
import {
  digestBytes,
  digestChunkBytes,
  digestCount,
  tagRecordsBytes,
} from '../../protocols/frames/tag-records.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import {
  type MirrorRun,
  mirrorRunsOf,
  piecesIn,
  type RunPiece,
  type RunRange,
} from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { recordsIn, SettlingCopies } from './settling-copies.ts';
import { SettlingMarks } from './settling-marks.ts';
import { type SettlingRange, windowsOf } from './settling-windows.ts';
import { compareTags, unequalChunks } from './tag-comparison.ts';
import type { HostWrites, OwedTo } from './unfinished-writes.ts';

/** Steps (a comparison or a copy) that are under way at a time. */
export const settlingStepsMax = 16;
/** The most bytes that one copy moves. */
export const copyBytesMax = 256 * 1024;

export interface SettlingCounters {
  comparedBytes: number;
  copiedBlocks: number;
}

export interface SettlingTask {
  /** All of one volume, owned by this switch; at least one. */
  readonly partitions: readonly Partition[];
  /** Where the mirrors may differ: in these ranges, where hosts have marked them, or anywhere. */
  readonly where: readonly SettlingRange[] | 'marked' | 'all';
  /** What hosts have open that go on. */
  readonly hosts: readonly HostWrites[];
  /** Whether what is copied must be durable before it counts. */
  readonly fua: boolean;
  /** Counted on. */
  readonly counters: SettlingCounters;
  /** Called once, when nothing more can be done. */
  readonly onEnd: (result: SettlingResult) => void;
}

/** `equal`: but for the blocks of writes that are owed, all mirrors are. */
export type SettlingResult =
  | { readonly kind: 'equal'; readonly owed: readonly OwedTo[] }
  | { readonly kind: 'failed' };

type Step = () => void;

export class Settling {
  readonly #task: SettlingTask;
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #partitions: ReadonlyMap<number, Partition>;
  readonly #cut = new PartList();
  /** What is to be looked at, in windows, the last first. */
  readonly #windows: SettlingRange[];
  /** What is known to be done, the last first: so that what was found is mended before more is looked for. */
  readonly #steps: Step[] = [];
  readonly #open = new Set<LegRound>();
  readonly #copies: SettlingCopies;
  readonly #marks: SettlingMarks;
  #running = 0;
  #state: 'running' | 'finished' | 'failed' | 'stopped' = 'running';

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: SettlingTask) {
    this.#task = task;
    this.#parts = parts;
    this.#volume = volume;
    this.#partitions = new Map(task.partitions.map((partition) => [partition.number, partition]));
    this.#windows = windowsOf(volume, typeof task.where === 'string' ? null : task.where);
    this.#marks = new SettlingMarks(parts, volume, {
      partitions: this.#partitions,
      open: this.#open,
      next: (step) => this.#steps.push(step),
      stepDone: this.#stepDone,
      fail: this.#fail,
    });
    this.#copies = new SettlingCopies(parts, volume, {
      hosts: task.hosts,
      fua: task.fua,
      open: this.#open,
      partitionAt: (start) =>
        this.#partitions.get(partitionOf(volume.load.coordinatorMap, start)) ?? null,
      next: (step) => this.#steps.push(step),
      copied: (blocks) => {
        task.counters.copiedBlocks += blocks;
      },
      stepDone: this.#stepDone,
      fail: this.#fail,
    });
  }

  /** True while it is neither finished nor given up. */
  get active(): boolean {
    return this.#state === 'running';
  }

  /** Bytes of the volume that were not looked at yet. */
  get remainingBytes(): number {
    if (this.#state !== 'running') return 0;
    const aheadBytes = this.#windows.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    return aheadBytes + (this.#running > 0 ? blockBytes : 0);
  }

  /** Begins. May end before it returns. */
  start(): void {
    this.#pump();
  }

  /** Ends it without result: the decision that it worked by is no more. Copies under way are forgotten. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
    for (const round of [...this.#open]) round.stop();
    if (this.#state !== 'finished')
      for (const partition of this.#partitions.values()) partition.clear();
  }

  #pump(): void {
    while (this.#state === 'running' && this.#running < settlingStepsMax) {
      const step = this.#steps.pop();
      if (step !== undefined) {
        this.#running++;
        step();
      } else if (!this.#nextWindow()) break;
    }
    if (this.#state !== 'running' || this.#running > 0 || this.#steps.length > 0) return;
    if (this.#copies.owed.size === 0 && this.#marks.takeBack()) {
      this.#pump();
      return;
    }
    this.#state = 'finished';
    this.#task.onEnd({ kind: 'equal', owed: [...this.#copies.owed.values()] });
  }

  readonly #stepDone = (): void => {
    this.#running--;
    this.#pump();
  };

  readonly #fail = (what: string): void => {
    if (this.#state !== 'running') return;
    this.#state = 'failed';
    for (const round of [...this.#open]) round.stop();
    for (const partition of this.#partitions.values())
      this.#parts.steering.troubled(partition, what);
    this.#task.onEnd({ kind: 'failed' });
  };

  /** Notes the comparisons of the next window; false when there is none. */
  #nextWindow(): boolean {
    const window = this.#windows.pop();
    if (window === undefined) return false;
    const { lengthBytes } = window;
    const start = unitOf<VolumeOffset>(window.offset);
    if (!this.#ownsAnyOf(start, start + lengthBytes)) return true;
    for (const run of mirrorRunsOf(this.#volume, start, lengthBytes, this.#cut, 'in-sync'))
      if (this.#task.where === 'marked')
        this.#marks.ask(run, (range) => this.#compareBlocks(run, range));
      else
        this.#steps.push(
          run.lengthBytes > digestChunkBytes
            ? () => this.#compareDigests(run)
            : () => this.#compareBlocks(run, { atBytes: 0, lengthBytes: run.lengthBytes }),
        );
    return true;
  }

  #ownsAnyOf(start: number, end: number): boolean {
    const { coordinatorMap } = this.#volume.load;
    for (let at = start; at < end; at = partitionEnd(coordinatorMap, unitOf(at)))
      if (this.#partitions.has(partitionOf(coordinatorMap, unitOf(at)))) return true;
    return false;
  }

  #compareDigests(run: MirrorRun): void {
    const range = { atBytes: 0, lengthBytes: run.lengthBytes };
    const answerBytes = digestCount(run.lengthBytes) * digestBytes;
    this.#ask(run, range, Operation.tagDigest, answerBytes, (digests) => {
      for (const chunk of unequalChunks(digests, run.lengthBytes))
        this.#steps.push(() => this.#compareBlocks(run, chunk));
      this.#task.counters.comparedBytes += run.lengthBytes;
      this.#stepDone();
    });
  }

  #compareBlocks(run: MirrorRun, range: RunRange): void {
    this.#ask(run, range, Operation.tags, tagRecordsBytes(range.lengthBytes), (records) => {
      for (const piece of piecesIn(run, range, this.#partitions))
        this.#comparePiece(run, range, piece, records);
      this.#stepDone();
    });
  }

  #comparePiece(
    run: MirrorRun,
    range: RunRange,
    piece: RunPiece,
    records: readonly DataView[],
  ): void {
    const from = Math.max(piece.atBytes, range.atBytes);
    const to = Math.min(piece.atBytes + piece.lengthBytes, range.atBytes + range.lengthBytes);
    const views = recordsIn(records, from - range.atBytes, to - from);
    const { unequal, conflict } = compareTags(views, (to - from) / blockBytes);
    const volumeAt = (runAt: number) => piece.start + (runAt - piece.atBytes);
    if (conflict >= 0) {
      const offset = volumeAt(from + conflict * blockBytes);
      this.#fail(
        `the mirrors hold different bytes with the same tag at offset ${offset}; both are kept, ` +
          'which of them is right an operator must say',
      );
      return;
    }
    for (const { first, count, source } of unequal) {
      const end = from + (first + count) * blockBytes;
      for (let at = from + first * blockBytes; at < end; at += copyBytesMax) {
        const lengthBytes = Math.min(copyBytesMax, end - at);
        const start = unitOf<VolumeOffset>(volumeAt(at));
        const tags = recordsIn(views, at - from, lengthBytes);
        const copy = { run, atBytes: at, lengthBytes, start, source, records: tags };
        this.#steps.push(() => this.#copies.copy(copy));
      }
    }
  }

  /** Asks all mirrors of a run about a range of it. */
  #ask(
    run: MirrorRun,
    range: RunRange,
    operation: Operation,
    answerBytes: number,
    done: (answers: readonly DataView[]) => void,
  ): void {
    const [partition] = this.#partitions.values();
    if (partition === undefined) return;
    const start = unitOf<VolumeOffset>(run.pieces[0]?.start ?? 0);
    const numbers = { operation, answerBytes, fail: this.#fail, open: this.#open };
    const round = { partition, run, ...range, start, ...numbers };
    new LegRound(this.#parts, this.#volume, round, (answers) => {
      if (this.#state === 'running') done(answers.map(({ bytes }) => viewOf(bytes)));
    }).sendToAll();
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
