/**
 * Makes mirrors equal to those in sync, in partitions that are served meanwhile (DESIGN I8). They get every write, and
 * are read by nobody; what they missed is found by comparing digests of tags, then tags, and copied. Membership
 * outranks tags: a copy in sync is the source, however old its tag is, and a copy is ordered like a write, so that it
 * goes over nothing newer. It has no end while no mirror in sync can be read somewhere: a consumer may write there.
 * At its end the disks make durable what they have. It begins anew with each epoch; equal tags make that cheap.
 */
import { Operation } from '../../protocols/codes.ts';
import {
  digestBytes,
  digestChunkBytes,
  digestCount,
  tagRecordsBytes,
} from '../../protocols/frames/tag-records.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import type { Leg } from '../../protocols/layout/geometry.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { MarkTransfer } from './mark-transfer.ts';
import { bytesIn, type MirrorRun, mirrorRunsOf, piecesIn, type RunRange } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { ResyncCopies, type Step } from './resync-copies.ts';
import { copyBytesMax } from './settling.ts';
import { type OwnWindow, ownWindowsOf, type SettlingRange } from './settling-windows.ts';
import { blocksUnlikeFirst, unequalChunks } from './tag-comparison.ts';

/** Before a partition is looked at again that others were to take over: when they do not, nobody says so. */
const yieldingRetryMs = 200;

export interface ResyncTask {
  /** All of one volume, owned by this switch and served; at least one. */
  readonly partitions: readonly Partition[];
  /** Called when there may be something to begin, or nothing is to be done any more. */
  readonly stepDone: () => void;
  readonly copied: (blocks: number) => void;
  /** A block could not be read, for the first time. */
  readonly stuck: () => void;
  /** Something happened that only a new decision mends. */
  readonly trouble: (partition: Partition, what: string) => void;
}

export class Resync {
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #task: ResyncTask;
  /** By number: under the epochs that they had when it began. It is told to leave them out when these end. */
  readonly #partitions: Map<number, Partition>;
  readonly #cut = new PartList();
  /** What is to be looked at, the last first. */
  #windows: OwnWindow[];
  /** What is known to be done, the last first. */
  #steps: Step[] = [];
  readonly #running = new Map<Step, Set<LegRound>>();
  /** Where mirrors lie that are made equal: any leg of each. */
  readonly #targets = new Map<DiskId, Leg>();
  readonly #copies: ResyncCopies;
  readonly #marks: MarkTransfer;
  #totalBytes: number;
  #isFlushed = false;
  /** Something became unequal since the last flush was begun. */
  #isUnequalAgain = false;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: ResyncTask) {
    this.#parts = parts;
    this.#volume = volume;
    this.#task = task;
    this.#partitions = new Map(task.partitions.map((each) => [each.number, each]));
    this.#windows = ownWindowsOf(volume, this.#partitions);
    this.#totalBytes = bytesOf(this.#windows);
    const steps = { ...task, ended: this.#ended.bind(this), partitions: this.#partitions };
    const next = (step: Step) => this.#steps.push(step);
    this.#copies = new ResyncCopies(parts, volume, { ...steps, next });
    this.#marks = new MarkTransfer(parts, volume, { ...steps, next });
  }

  /** What is in the way, for people; '' when nothing is. */
  get problem(): string {
    return this.#copies.problem;
  }

  /** Equal, copied and flushed. */
  get isDone(): boolean {
    return this.#isFlushed;
  }

  /** Steps that have not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** Bytes of the volume in its partitions. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Of these, those that are not known to be equal. */
  get remainingBytes(): number {
    const left = [...this.#windows, ...this.#steps, ...this.#running.keys()];
    return Math.min(this.#totalBytes, bytesOf(left) + this.#copies.waitingBytes);
  }

  get partitions(): readonly Partition[] {
    return [...this.#partitions.values()];
  }

  /** True for a partition that it makes equal. */
  covers(partition: Partition): boolean {
    return this.#partitions.get(partition.number) === partition;
  }

  /** How long nothing may be begun, ms: nothing is while a partition of it is not served. */
  waitMs(nowMs: number): number {
    const modes = this.partitions.map(({ mode }) => mode);
    if (this.#isFlushed || modes.some((mode) => mode !== 'serving' && mode !== 'yielding'))
      return Number.POSITIVE_INFINITY;
    // A partition that others were to take over is served again without a word when they do not.
    if (modes.includes('yielding')) return yieldingRetryMs;
    return this.#isAllBegun ? this.#copies.waitMs(nowMs) : 0;
  }

  /** True when there may be more to begin once another part of the volume was looked at. */
  get isToLook(): boolean {
    return this.#steps.length === 0 && this.#windows.length > 0;
  }

  /** Looks at the next part of the volume, and notes what is to be compared there. */
  look(): void {
    const window = this.#windows.pop();
    if (window === undefined) return;
    const { lengthBytes } = window;
    const start = unitOf<VolumeOffset>(window.offset);
    for (const run of mirrorRunsOf(this.#volume, start, lengthBytes, this.#cut, 'resyncing')) {
      const range = { atBytes: 0, lengthBytes: run.lengthBytes };
      if (bytesIn(run, range, this.#partitions) === 0) continue;
      for (const leg of run.legs.slice(run.inSyncLegs)) this.#targets.set(leg.disk, leg);
      this.#marks.note(run);
      if (run.lengthBytes > digestChunkBytes) this.#noteDigests(run);
      else this.#noteTags(run, range);
    }
  }

  /** Something has become unequal there. False when it is done: that may have been told, and is not taken back. */
  lookAgain(range: SettlingRange): boolean {
    if (this.#isFlushed) return false;
    this.#isUnequalAgain = true;
    const isThere = ({ offset, lengthBytes }: OwnWindow) =>
      offset < range.offset + range.lengthBytes && range.offset < offset + lengthBytes;
    const ahead = this.#windows.filter((window) => !isThere(window));
    const again = ownWindowsOf(this.#volume, this.#partitions).filter(isThere);
    this.#windows = [...ahead, ...again];
    return true;
  }

  /** Begins one step, if there is any now: gives how many bytes it copies; null when none was begun. */
  beginStep(): number | null {
    if (this.#isAllBegun) this.#copies.retry();
    const step = this.#steps.pop() ?? this.#lastStep();
    if (step === null) return null;
    const open = new Set<LegRound>();
    this.#running.set(step, open);
    step.begin(step, open);
    return step.copyBytes;
  }

  /** Partitions whose epoch ends are left out. What was compared meanwhile is compared again. */
  keep(isKept: (partition: Partition) => boolean): void {
    const leaving = this.partitions.filter((partition) => !isKept(partition));
    if (leaving.length === 0) return;
    for (const { number } of leaving) this.#partitions.delete(number);
    for (const [step, open] of [...this.#running]) {
      const { partition } = step;
      if (partition !== null && !leaving.includes(partition)) continue;
      for (const round of [...open]) round.stop();
      this.#running.delete(step);
      if (partition === null) this.#steps.push(step);
    }
    this.#steps = this.#steps.filter(
      ({ partition }) => partition === null || !leaving.includes(partition),
    );
    this.#copies.leave(leaving);
    const ahead = new Set(this.#windows.map(({ offset }) => offset));
    const windows = ownWindowsOf(this.#volume, this.#partitions);
    this.#windows = windows.filter(({ offset }) => ahead.has(offset));
    this.#totalBytes = bytesOf(windows);
  }

  /** But for what could not be read. */
  get #isAllBegun(): boolean {
    return this.#steps.length === 0 && this.#windows.length === 0;
  }

  #noteDigests(run: MirrorRun): void {
    const range = { atBytes: 0, lengthBytes: run.lengthBytes };
    const answerBytes = digestCount(run.lengthBytes) * digestBytes;
    const asked = { operation: Operation.tagDigest, answerBytes };
    this.#noteComparison(run, range, asked, (digests) => {
      for (const chunk of unequalChunks(digests, run.lengthBytes)) this.#noteTags(run, chunk);
    });
  }

  #noteTags(run: MirrorRun, range: RunRange): void {
    const answerBytes = tagRecordsBytes(range.lengthBytes);
    const asked = { operation: Operation.tags, answerBytes };
    this.#noteComparison(run, range, asked, (records) => {
      const unlike = blocksUnlikeFirst(records, range.lengthBytes / blockBytes);
      for (const { first, count } of unlike) {
        const atBytes = range.atBytes + first * blockBytes;
        this.#noteCopies(run, { atBytes, lengthBytes: count * blockBytes });
      }
    });
  }

  /** Asks one mirror in sync, and those that are made equal to it. */
  #noteComparison(
    run: MirrorRun,
    range: RunRange,
    asked: { readonly operation: Operation; readonly answerBytes: number },
    judge: (answers: readonly DataView[]) => void,
  ): void {
    const legs = [...run.legs.slice(0, 1), ...run.legs.slice(run.inSyncLegs)];
    const bytes = bytesIn(run, range, this.#partitions);
    if (bytes === 0) return;
    this.#noteRound({ ...run, legs, inSyncLegs: 1 }, range, bytes, asked, judge);
  }

  #noteRound(
    run: MirrorRun,
    range: RunRange,
    bytes: number,
    asked: { readonly operation: Operation; readonly answerBytes: number },
    judge: (answers: readonly DataView[]) => void,
  ): void {
    const begin = (step: Step, open: Set<LegRound>): void => {
      const [partition] = this.partitions;
      if (partition === undefined) return;
      const fail = (what: string) => this.#task.trouble(partition, what);
      const start = unitOf<VolumeOffset>(run.pieces[0]?.start ?? 0);
      const round = { partition, run, ...range, start, ...asked, fail, open };
      new LegRound(this.#parts, this.#volume, round, (answers) => {
        judge(answers.map(({ bytes }) => viewOf(bytes)));
        this.#ended(step);
      }).sendToAll();
    };
    this.#steps.push({ partition: null, bytes, copyBytes: 0, begin });
  }

  #noteCopies(run: MirrorRun, range: RunRange): void {
    const rangeEnd = range.atBytes + range.lengthBytes;
    for (const piece of piecesIn(run, range, this.#partitions)) {
      const partition = this.#partitions.get(piece.partition);
      if (partition === undefined) continue;
      const end = Math.min(piece.atBytes + piece.lengthBytes, rangeEnd);
      for (let at = Math.max(piece.atBytes, range.atBytes); at < end; at += copyBytesMax) {
        const lengthBytes = Math.min(copyBytesMax, end - at);
        const start = unitOf<VolumeOffset>(piece.start + (at - piece.atBytes));
        this.#copies.note({ run, partition, start, atBytes: at, lengthBytes });
      }
    }
  }

  /** What was written there, by whomever, is made durable once all is equal; then there is nothing more. */
  #lastStep(): Step | null {
    if (this.#running.size > 0 || this.#windows.length > 0 || this.#isFlushed) return null;
    const legs = [...this.#targets.values()];
    const begin = (step: Step, open: Set<LegRound>): void => {
      const [partition] = this.partitions;
      if (partition === undefined) return;
      const run = { legs, inSyncLegs: 0, set: null, lengthBytes: 0, pieces: [] };
      const start = unitOf<VolumeOffset>(0);
      const asked = { operation: Operation.flush, answerBytes: 0 };
      const fail = (what: string) => this.#task.trouble(partition, what);
      const round = { partition, run, atBytes: 0, lengthBytes: 0, start, ...asked, fail, open };
      this.#isUnequalAgain = false;
      const flushed = (): void => {
        this.#isFlushed = !this.#isUnequalAgain;
        this.#ended(step);
      };
      if (legs.length === 0) flushed();
      else new LegRound(this.#parts, this.#volume, round, flushed).sendToAll();
    };
    return { partition: null, bytes: 0, copyBytes: 0, begin };
  }

  #ended(step: Step): void {
    this.#running.delete(step);
    this.#task.stepDone();
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function bytesOf(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
