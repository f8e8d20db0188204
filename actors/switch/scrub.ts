/**
 * Scrubs a range of a volume in partitions that are served meanwhile (DESIGN D5, I13): every disk in sync verifies what
 * it has, where it lies, and the tags of the mirrors are compared. Nobody waits for that. What looks wrong may only be
 * a write under way: it is looked at again while it is held, and repaired if it is bad. One step at a time.
 */
import { Operation } from '../../protocols/codes.ts';
import { blockBitsBytes, hasBlockBit, verifyBytesMax } from '../../protocols/frames/block-bits.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { rangeBytesMax } from '../../protocols/frames/request.ts';
import { tagRecordsBytes } from '../../protocols/frames/tag-records.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import type { ScrubAnswer } from '../../protocols/scrub.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { BlockRange } from './block-ranges.ts';
import type { CoordinatorCounters, CoordinatorParts } from './coordinator-parts.ts';
import { LegRound, type RoundRequest } from './leg-round.ts';
import { inSyncLegsOf, type LoadedVolume } from './loaded-volume.ts';
import { type MirrorRun, mirrorRunsOf, piecesIn, type RunRange } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import type { RepairResult } from './repair.ts';
import { tellRepair } from './repair-telling.ts';
import { ScrubRepair } from './scrub-repair.ts';
import type { SettlingRange } from './settling-windows.ts';
import { type BlockStretch, blocksUnlikeFirst } from './tag-comparison.ts';

export interface ScrubTask {
  /** Whole blocks, of the volume. */
  readonly range: SettlingRange;
  /** By number: those that it lies in, all owned by this switch and served. */
  readonly partitions: ReadonlyMap<number, Partition>;
  readonly counters: CoordinatorCounters;
  /** The volume as it is decided by then. */
  readonly volume: () => LoadedVolume;
  /** Something happened that only a new assembly mends. */
  readonly trouble: (partition: Partition, what: string) => void;
  /** Called once, unless it is stopped before. */
  readonly ended: (result: ScrubResult) => void;
}

export interface ScrubResult extends ScrubAnswer {
  /** Why it is not complete, for people; '' when it is. */
  readonly problem: string;
}

/** What looks wrong: a stretch of blocks of a run. */
interface Suspect extends BlockStretch {
  readonly run: MirrorRun;
}

export class Scrub {
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #task: ScrubTask;
  readonly #open = new Set<LegRound>();
  /** What is still to be verified, the next one last. */
  readonly #left: { readonly run: MirrorRun; readonly range: RunRange }[] = [];
  /** What is still to be looked at again, the next one last. */
  #repairs: ScrubRepair[] = [];
  #isOver = false;
  #result: ScrubResult = {
    ...{ verifiedBytes: 0, skippedBytes: 0, repairedBlocks: 0, keptBlocks: 0 },
    ...{ keptAt: -1, keptReason: '', problem: '' },
  };

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: ScrubTask) {
    this.#parts = parts;
    this.#volume = volume;
    this.#task = task;
    const { offset, lengthBytes } = task.range;
    const start = unitOf<VolumeOffset>(offset);
    this.#result = { ...this.#result, skippedBytes: bytesNotInSync(volume, task.range) };
    for (const run of mirrorRunsOf(volume, start, lengthBytes, new PartList(), 'single'))
      for (let atBytes = 0; atBytes < run.lengthBytes; atBytes += verifyBytesMax) {
        const length = Math.min(verifyBytesMax, run.lengthBytes - atBytes);
        this.#left.unshift({ run, range: { atBytes, lengthBytes: length } });
      }
  }

  start(): void {
    this.#next();
  }

  /** Ends it without result. Blocks that are held are looked at to the end. */
  stop(): void {
    this.#isOver = true;
    for (const round of [...this.#open]) round.stop();
  }

  #next(): void {
    if (this.#isOver) return;
    if ([...this.#task.partitions.values()].some(({ mode }) => mode !== 'serving')) {
      this.#end('a partition of it is not served any more');
      return;
    }
    const repair = this.#repairs.pop();
    const next = repair === undefined ? this.#left.pop() : undefined;
    if (repair !== undefined) repair.start();
    else if (next !== undefined) this.#verify(next.run, next.range);
    else this.#end('');
  }

  #verify(run: MirrorRun, range: RunRange): void {
    const answerBytes = blockBitsBytes(range.lengthBytes);
    this.#ask(run, range, Operation.verify, answerBytes, (answers) => {
      const { verifiedBytes } = this.#result;
      const bytes = verifiedBytes + range.lengthBytes * run.legs.length;
      this.#result = { ...this.#result, verifiedBytes: bytes };
      const blocks = range.lengthBytes / blockBytes;
      const isBad = (index: number) => answers.some((answer) => hasBlockBit(answer.bytes, index));
      const bad = stretchesOf(blocks, isBad);
      if (run.legs.length > 1) this.#compare(run, range, bad);
      else this.#lookAgain(run, range, bad);
    });
  }

  /** Bad blocks are looked at again anyway. */
  #compare(run: MirrorRun, range: RunRange, bad: readonly BlockStretch[]): void {
    const answerBytes = tagRecordsBytes(range.lengthBytes);
    this.#ask(run, range, Operation.tags, answerBytes, (answers) => {
      const records = answers.map(({ bytes }) => viewOf(bytes));
      const blocks = range.lengthBytes / blockBytes;
      const all = [...bad, ...blocksUnlikeFirst(records, blocks)];
      const isSuspect = (index: number) =>
        all.some(({ first, count }) => index >= first && index < first + count);
      this.#lookAgain(run, range, all.length === 0 ? [] : stretchesOf(blocks, isSuspect));
    });
  }

  #lookAgain(run: MirrorRun, range: RunRange, suspects: readonly BlockStretch[]): void {
    this.#repairs = suspects
      .flatMap(({ first, count }) =>
        this.#repairsOf({ run, first: first + range.atBytes / blockBytes, count }),
      )
      .reverse();
    this.#next();
  }

  /** One block at a time: where a disk is bad, looking at it takes long, and somebody may want the others. */
  #repairsOf({ run, first, count }: Suspect): readonly ScrubRepair[] {
    const range = { atBytes: first * blockBytes, lengthBytes: count * blockBytes };
    const end = range.atBytes + range.lengthBytes;
    return piecesIn(run, range, this.#task.partitions).flatMap((piece) => {
      const repairs: ScrubRepair[] = [];
      const pieceEnd = Math.min(piece.atBytes + piece.lengthBytes, end);
      for (let at = Math.max(piece.atBytes, range.atBytes); at < pieceEnd; at += blockBytes) {
        const start = piece.start + (at - piece.atBytes);
        const partition = this.#task.partitions.get(piece.partition);
        const lengthBytes = blockBytes;
        if (partition !== undefined)
          repairs.push(
            this.#repairOf(partition, { start: unitOf<VolumeOffset>(start), lengthBytes }),
          );
      }
      return repairs;
    });
  }

  #repairOf(partition: Partition, blocks: BlockRange): ScrubRepair {
    const { trouble, volume } = this.#task;
    return new ScrubRepair(this.#parts, {
      ...{ partition, blocks, volume },
      ended: (result) => this.#repaired(blocks, result),
      failed: (what) => trouble(partition, what),
    });
  }

  #repaired(blocks: BlockRange, result: RepairResult | null): void {
    if (result === null) {
      this.#end('its partition was decided anew meanwhile');
      return;
    }
    const { counters } = this.#task;
    tellRepair(this.#parts, counters, this.#volume.load.volume, blocks, result);
    if (result.isGivenUp) {
      this.#end(result.keptReason);
      return;
    }
    const { repairedBlocks, keptBlocks, keptAt, keptReason } = this.#result;
    const isKept = result.keptReason !== '';
    this.#result = {
      ...this.#result,
      repairedBlocks: repairedBlocks + result.repairedBlocks,
      keptBlocks: keptBlocks + (isKept ? 1 : 0),
      keptAt: isKept && keptAt < 0 ? blocks.start : keptAt,
      keptReason: keptReason === '' ? result.keptReason : keptReason,
    };
    this.#next();
  }

  #ask(
    run: MirrorRun,
    range: RunRange,
    operation: Operation,
    answerBytes: number,
    done: (answers: readonly FrameData[]) => void,
  ): void {
    const [partition] = this.#task.partitions.values();
    if (partition === undefined) return;
    const start = unitOf<VolumeOffset>(run.pieces[0]?.start ?? 0);
    const fail = (what: string) => this.#end(what);
    const asked = { partition, run, ...range, start, operation, answerBytes };
    const round: RoundRequest = { ...asked, fail, open: this.#open };
    new LegRound(this.#parts, this.#volume, round, (answers) => {
      if (!this.#isOver) done(answers);
    }).sendToAll();
  }

  #end(problem: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#task.ended({ ...this.#result, problem });
  }
}

/** Of a range, on mirrors that are not in sync. */
function bytesNotInSync(volume: LoadedVolume, { offset, lengthBytes }: SettlingRange): number {
  const parts = new PartList();
  volume.layout.cut(unitOf<VolumeOffset>(offset), lengthBytes, rangeBytesMax, parts);
  let bytes = 0;
  for (const part of parts)
    bytes += part.lengthBytes * (part.legs.length - inSyncLegsOf(volume, part));
  return bytes;
}

function stretchesOf(blocks: number, isIn: (index: number) => boolean): readonly BlockStretch[] {
  const stretches: { first: number; count: number }[] = [];
  for (let index = 0; index < blocks; index++) {
    if (!isIn(index)) continue;
    const last = stretches.at(-1);
    if (last !== undefined && last.first + last.count === index) last.count++;
    else stretches.push({ first: index, count: 1 });
  }
  return stretches;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
