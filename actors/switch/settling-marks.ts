/**
 * Where a settling has to look when hosts marked what they may be writing to (DESIGN H10): asks all mirrors in sync, for
 * a mark counts that any of them has. Once all is equal and durable there, the marks of hosts that are not attached any
 * more are taken back: nobody else would. Hosts that go on keep theirs.
 */
import { Operation } from '../../protocols/codes.ts';
import { blockBitsBytes } from '../../protocols/frames/block-bits.ts';
import { digestChunkBytes } from '../../protocols/frames/tag-records.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { LegRound, type RoundRequest } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { commonRange, cutRanges, markedRanges } from './marked-blocks.ts';
import { type MirrorRun, piecesIn, type RunPiece, type RunRange } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { ownMarkNumber } from './region-marks.ts';

/** What the settling gives. */
export interface SettlingMarksTask {
  /** By number: what is settled. */
  readonly partitions: ReadonlyMap<number, Partition>;
  readonly open: Set<LegRound>;
  /** Notes what is to be done when there is room for it. */
  readonly next: (step: () => void) => void;
  readonly stepDone: () => void;
  readonly fail: (what: string) => void;
}

interface MarkedRun {
  readonly run: MirrorRun;
  readonly ranges: readonly RunRange[];
}

export class SettlingMarks {
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #task: SettlingMarksTask;
  #marked: MarkedRun[] = [];

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: SettlingMarksTask) {
    this.#parts = parts;
    this.#volume = volume;
    this.#task = task;
  }

  /** Notes to ask what of a run is marked, and then to have that compared, piece by piece. */
  ask(run: MirrorRun, compare: (range: RunRange) => void): void {
    const { partitions, next, stepDone } = this.#task;
    const [partition] = partitions.values();
    if (partition === undefined) return;
    const { lengthBytes } = run;
    const start = unitOf<VolumeOffset>(run.pieces[0]?.start ?? 0);
    const asked = { operation: Operation.marks, answerBytes: blockBitsBytes(lengthBytes) };
    next(() =>
      this.#round({ partition, run, atBytes: 0, lengthBytes, start, ...asked }, (answers) => {
        const ranges = markedRanges(answers, lengthBytes);
        if (ranges.length > 0) this.#marked.push({ run, ranges });
        for (const range of cutRanges(ranges, digestChunkBytes)) next(() => compare(range));
        stepDone();
      }),
    );
  }

  /** All is equal: notes to take back what is nobody's any more; false when there is nothing. */
  takeBack(): boolean {
    const marked = this.#marked;
    this.#marked = [];
    for (const { run, ranges } of marked)
      for (const range of ranges)
        for (const piece of piecesIn(run, range, this.#task.partitions))
          this.#takeBackIn(run, range, piece);
    return marked.length > 0;
  }

  /** What others settle is left to them. */
  #takeBackIn(run: MirrorRun, range: RunRange, piece: RunPiece): void {
    const { next, partitions, stepDone } = this.#task;
    const partition = partitions.get(piece.partition);
    const own = commonRange(range, piece);
    if (partition === undefined || own === null) return;
    const start = unitOf<VolumeOffset>(piece.start + (own.atBytes - piece.atBytes));
    const asked = { operation: Operation.unmark, answerBytes: 0, writeNumber: ownMarkNumber };
    next(() => this.#round({ partition, run, ...own, start, ...asked }, () => stepDone()));
  }

  #round(
    round: Omit<RoundRequest, 'fail' | 'open'>,
    done: (answers: readonly Uint8Array[]) => void,
  ): void {
    const { fail, open } = this.#task;
    new LegRound(this.#parts, this.#volume, { ...round, fail, open }, (answers) =>
      done(answers.map(({ bytes }) => bytes)),
    ).sendToAll();
  }
}
