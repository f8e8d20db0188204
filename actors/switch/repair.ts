/**
 * Makes blocks good again on every mirror (DESIGN H5, I13). Who begins it holds the blocks like a write's; then the
 * tags of all mirrors and their verified bytes are read, and each block that is bad somewhere is written whole, under a
 * fresh write number, to all of them from one that is in sync and right; those that are resyncing are judged by it.
 * Where none is known to be right nothing is changed. It dies with the partition's epoch: who began it stops it.
 */
import { checksumOf } from '../../protocols/checksums.ts';
import { Operation, Status } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import { tagRecordsBytes } from '../../protocols/frames/tag-records.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { blockBytes, unitOf, type VolumeOffset, type WriteNumber } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { noData } from './frame-data.ts';
import { LegRound, type RoundRequest } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { MirrorRun } from './mirror-runs.ts';
import type { NumberedIo, Partition } from './partition.ts';
import { chooseSource, type MirrorBlock } from './repair-choice.ts';

/** What is read of each mirror at a time; where that fails, less and less, down to one block. */
const readBytesMax = 64 * 1024;

export interface RepairJob {
  readonly partition: Partition;
  /** The copies, each with the disk offset at which the range begins. */
  readonly run: MirrorRun;
  /** Where the range begins in the volume; whole blocks. */
  readonly start: VolumeOffset;
  readonly ended: (result: RepairResult) => void;
  /** Something happened in the middle of a write to all mirrors, which only a new assembly mends. */
  readonly failed: (what: string) => void;
}

export interface RepairResult {
  readonly repairedBlocks: number;
  /** Of the blocks that were repaired: where they were bad, and where they were copied from. */
  readonly disks: ReadonlySet<DiskId>;
  readonly source: DiskId | '';
  /** Why some of the blocks stayed as they were, for people; '' when none did. */
  readonly keptReason: string;
  readonly keptDisks: ReadonlySet<DiskId>;
  /** Not all of them were looked at, for what says nothing of a disk's medium: fences, or silence. */
  readonly isGivenUp: boolean;
}

interface Range {
  readonly atBytes: number;
  readonly lengthBytes: number;
}

export class Repair implements NumberedIo {
  writeNumber = unitOf<WriteNumber>(0);
  earlier: NumberedIo | null = null;
  later: NumberedIo | null = null;
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #job: RepairJob;
  readonly #open = new Set<LegRound>();
  /** What is still to be looked at, the next one last. */
  readonly #left: Range[] = [];
  #records: readonly DataView[] = [];
  readonly #disks = new Set<DiskId>();
  readonly #keptDisks = new Set<DiskId>();
  #repairedBlocks = 0;
  #source: DiskId | '' = '';
  #keptReason = '';
  #isGivenUp = false;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, job: RepairJob) {
    this.#parts = parts;
    this.#volume = volume;
    this.#job = job;
  }

  start(): void {
    const { lengthBytes } = this.#job.run;
    for (let at = 0; at < lengthBytes; at += readBytesMax)
      this.#left.unshift({ atBytes: at, lengthBytes: Math.min(readBytesMax, lengthBytes - at) });
    const round = {
      ...this.#round({ atBytes: 0, lengthBytes }, this.#giveUp),
      operation: Operation.tags,
      answerBytes: tagRecordsBytes(lengthBytes),
    };
    new LegRound(this.#parts, this.#volume, round, (answers) => {
      this.#records = answers.map(({ bytes }) => viewOf(bytes));
      this.#next();
    }).sendToAll();
  }

  /** Waits for nothing any more: the epoch has ended. */
  stop(): void {
    for (const round of [...this.#open]) round.stop();
  }

  #next(): void {
    const range = this.#left.pop();
    if (range === undefined) this.#end();
    else this.#read(range);
  }

  #read(range: Range): void {
    const unreadable = new Set<number>();
    const round = {
      ...this.#round(range, this.#giveUp),
      operation: Operation.read,
      answerBytes: range.lengthBytes,
      unreadable,
    };
    new LegRound(this.#parts, this.#volume, round, (answers) =>
      this.#judge(range, answers, unreadable),
    ).sendToAll();
  }

  /** Where something is wrong in several blocks, each half of them is looked at. */
  #judge(range: Range, answers: readonly FrameData[], unreadable: ReadonlySet<number>): void {
    const { atBytes, lengthBytes } = range;
    if (lengthBytes === blockBytes) {
      this.#judgeBlock(range, this.#blockOn(range, answers, unreadable));
      return;
    }
    if (unreadable.size > 0 || !this.#isGood(range, answers)) {
      const halfBytes = Math.floor(lengthBytes / blockBytes / 2) * blockBytes;
      this.#left.push({ atBytes: atBytes + halfBytes, lengthBytes: lengthBytes - halfBytes });
      this.#left.push({ atBytes, lengthBytes: halfBytes });
    }
    this.#next();
  }

  #isGood({ atBytes, lengthBytes }: Range, answers: readonly FrameData[]): boolean {
    for (let at = 0; at < lengthBytes; at += blockBytes) {
      const blocks = this.#records.map((records, mirror) => ({
        records,
        index: (atBytes + at) / blockBytes,
        bytes: answers[mirror]?.bytes.subarray(at, at + blockBytes) ?? null,
      }));
      if (chooseSource(blocks, this.#job.run.inSyncLegs).kind !== 'good') return false;
    }
    return true;
  }

  #blockOn(
    { atBytes }: Range,
    answers: readonly FrameData[],
    unreadable: ReadonlySet<number>,
  ): readonly MirrorBlock[] {
    return this.#records.map((records, mirror) => ({
      records,
      index: atBytes / blockBytes,
      bytes: unreadable.has(mirror) ? null : (answers[mirror]?.bytes ?? null),
    }));
  }

  #judgeBlock(range: Range, mirrors: readonly MirrorBlock[]): void {
    const choice = chooseSource(mirrors, this.#job.run.inSyncLegs);
    if (choice.kind === 'good') {
      this.#next();
      return;
    }
    const disks = this.#job.run.legs.map(({ disk }) => disk);
    const bad = choice.bad.flatMap((mirror) => disks[mirror] ?? []);
    if (choice.kind === 'kept') {
      this.#keptReason = choice.reason;
      for (const disk of bad) this.#keptDisks.add(disk);
      this.#next();
      return;
    }
    for (const disk of bad) this.#disks.add(disk);
    this.#source = disks[choice.source] ?? '';
    this.#write(range, mirrors[choice.source]?.bytes ?? null);
  }

  /** All mirrors get it, so that they have the same tag again. What is all zeros takes no room. */
  #write(range: Range, bytes: Uint8Array | null): void {
    const { partition, failed } = this.#job;
    if (bytes === null) throw new RangeError('a block without bytes cannot be copied');
    if (this.writeNumber === 0) partition.giveNumber(this);
    const isZero = bytes.every((byte) => byte === 0);
    const operation = isZero ? Operation.writeZeroes : Operation.write;
    const { writeNumber } = this;
    const round = { ...this.#round(range, failed), operation, answerBytes: 0, writeNumber };
    new LegRound(this.#parts, this.#volume, round, () => {
      this.#repairedBlocks++;
      this.#next();
    }).sendToAll(isZero ? noData : blockOf(bytes));
  }

  /** Nothing has been half done. What was repaired before is. */
  readonly #giveUp = (what: string, status: Status | null): void => {
    this.#keptReason = what;
    this.#isGivenUp = status !== Status.media;
    this.#end();
  };

  #end(): void {
    if (this.writeNumber !== 0) this.#job.partition.endNumber(this);
    this.#job.ended({
      repairedBlocks: this.#repairedBlocks,
      disks: this.#disks,
      source: this.#source,
      keptReason: this.#keptReason,
      keptDisks: this.#keptDisks,
      isGivenUp: this.#isGivenUp,
    });
  }

  #round(
    range: Range,
    fail: RoundRequest['fail'],
  ): Omit<RoundRequest, 'operation' | 'answerBytes'> {
    const { partition, run, start } = this.#job;
    const at = unitOf<VolumeOffset>(start + range.atBytes);
    return { partition, run, ...range, start: at, fail, open: this.#open };
  }
}

function blockOf(bytes: Uint8Array): FrameData {
  const checksums = new DataView(new ArrayBuffer(4));
  checksums.setUint32(0, checksumOf(bytes), true);
  return { bytes, checksums };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
