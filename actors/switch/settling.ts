/**
 * Makes the mirrors of newly owned partitions equal before anybody uses them (DESIGN I8): compares digests of tags,
 * looks closer where they differ, and copies each differing block from the mirror with the highest tag to all. Works
 * through the volume window by window with a bounded number of steps at a time. Where the tags cannot tell which bytes
 * are right, or the source cannot be read, it stops: that is not guessed.
 */
import { Operation } from '../../protocols/codes.ts';
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import {
  digestBytes,
  digestChunkBytes,
  digestCount,
  tagRecordsBytes,
} from '../../protocols/frames/tag-records.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import { blockBytes, roundUp, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { CopyIo } from './copy-io.ts';
import { LegRound } from './leg-round.ts';
import { copiesOf, type LoadedVolume } from './loaded-volume.ts';
import { type MirrorRun, mirrorRunsOf, type RunPiece } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { compareTags } from './tag-comparison.ts';

/** Steps (a comparison or a copy) that are under way at a time. */
export const settlingStepsMax = 16;
/** The most bytes that one copy moves. */
export const copyBytesMax = 256 * 1024;
const windowBytes = rangeBytesMax;

export interface SettlingCounters {
  comparedBytes: number;
  copiedBlocks: number;
}

type Step = () => void;

export class Settling {
  readonly #counters: SettlingCounters;
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #partitions: ReadonlyMap<number, Partition>;
  readonly #onEnd: () => void;
  readonly #cut = new PartList();
  readonly #endBytes: number;
  /** What is known to be done, the last first: so that what was found is mended before more is looked for. */
  readonly #steps: Step[] = [];
  readonly #open = new Set<LegRound>();
  #windowStart = 0;
  #running = 0;
  #state: 'running' | 'finished' | 'failed' | 'stopped' = 'running';

  /**
   * @param partitions all of one volume, owned by this switch; at least one
   * @param counters counted on
   * @param onEnd called once, when all is equal or nothing more can be done
   */
  constructor(
    parts: CoordinatorParts,
    volume: LoadedVolume,
    partitions: readonly Partition[],
    { counters, onEnd }: { readonly counters: SettlingCounters; readonly onEnd: () => void },
  ) {
    this.#counters = counters;
    this.#parts = parts;
    this.#volume = volume;
    this.#partitions = new Map(partitions.map((partition) => [partition.number, partition]));
    this.#onEnd = onEnd;
    this.#endBytes = copiesOf(volume) < 2 ? 0 : roundUp(volume.load.sizeBytes, blockBytes);
  }

  /** True while it is neither finished nor given up. */
  get active(): boolean {
    return this.#state === 'running';
  }

  /** Bytes of the volume that were not looked at yet. */
  get remainingBytes(): number {
    if (this.#state !== 'running') return 0;
    return Math.max(0, this.#endBytes - this.#windowStart) + (this.#running > 0 ? blockBytes : 0);
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
    this.#state = 'finished';
    for (const partition of this.#partitions.values()) this.#parts.steering.settled(partition);
    this.#onEnd();
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
    this.#onEnd();
  };

  /** Notes the comparisons of the next window; false when there is none. */
  #nextWindow(): boolean {
    if (this.#windowStart >= this.#endBytes) return false;
    const start = unitOf<VolumeOffset>(this.#windowStart);
    const lengthBytes = Math.min(windowBytes, this.#endBytes - start);
    this.#windowStart += lengthBytes;
    if (this.#ownsAnyOf(start, start + lengthBytes))
      for (const run of mirrorRunsOf(this.#volume, start, lengthBytes, this.#cut))
        this.#steps.push(() => this.#compareDigests(run));
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
      const [first, ...others] = digests;
      for (let at = 0; at < run.lengthBytes; at += digestChunkBytes) {
        const place = (at / digestChunkBytes) * digestBytes;
        const digest = first?.getUint32(place, true);
        if (others.every((other) => other.getUint32(place, true) === digest)) continue;
        const lengthBytes = Math.min(digestChunkBytes, run.lengthBytes - at);
        this.#steps.push(() => this.#compareBlocks(run, { atBytes: at, lengthBytes }));
      }
      this.#counters.comparedBytes += run.lengthBytes;
      this.#stepDone();
    });
  }

  #compareBlocks(run: MirrorRun, range: RunRange): void {
    this.#ask(run, range, Operation.tags, tagRecordsBytes(range.lengthBytes), (records) => {
      for (const piece of this.#ownPiecesIn(run, range))
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
    const begin = tagRecordsBytes(from - range.atBytes);
    const views = records.map(
      ({ buffer, byteOffset }) =>
        new DataView(buffer, byteOffset + begin, tagRecordsBytes(to - from)),
    );
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
        this.#steps.push(() => this.#copy(run, { atBytes: at, lengthBytes }, start, source));
      }
    }
  }

  #copy(run: MirrorRun, range: RunRange, start: VolumeOffset, source: number): void {
    const { coordinatorMap } = this.#volume.load;
    const partition = this.#partitions.get(partitionOf(coordinatorMap, start));
    if (partition === undefined) throw new RangeError('a copy outside of the partitions to settle');
    const done = () => {
      this.#counters.copiedBlocks += range.lengthBytes / blockBytes;
      this.#stepDone();
    };
    const copy = { run, ...range, start, source, done, fail: this.#fail, open: this.#open };
    new CopyIo(this.#parts, this.#volume, partition, copy).start();
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

  #ownPiecesIn(run: MirrorRun, range: RunRange): readonly RunPiece[] {
    const end = range.atBytes + range.lengthBytes;
    return run.pieces.filter(
      ({ atBytes, lengthBytes, partition }) =>
        atBytes < end && atBytes + lengthBytes > range.atBytes && this.#partitions.has(partition),
    );
  }
}

interface RunRange {
  readonly atBytes: number;
  readonly lengthBytes: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
