/**
 * Ends a write that no mirror in sync could carry out, because the old block that it changes a part of is bad on all of them:
 * its host gets an error for it, and nothing else fails. First it must be dead (DESIGN I6, I12), for a late copy of it
 * may meet a block that can be read again. Every disk is told that its number is settled, and then asked whether a copy
 * of it was carried out all the same: that only a new assembly mends. One that is being made equal may well have carried
 * it out, over an old block that is good there: who began this sees to it that it becomes what those in sync have.
 */
import { Operation } from '../../protocols/codes.ts';
import {
  recordEpoch,
  recordWriteNumber,
  tagRecordBytes,
  tagRecordsBytes,
} from '../../protocols/frames/tag-records.ts';
import { sectorBytes, unitOf, type VolumeOffset, type WriteNumber } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { MirrorRun } from './mirror-runs.ts';
import type { NumberedIo, Partition } from './partition.ts';

export interface BurialJob {
  readonly partition: Partition;
  /** The mirrors that it was sent to; the range is that of all blocks that it touches. */
  readonly run: MirrorRun;
  readonly start: VolumeOffset;
  /** Its number, which it has no more: the partition counts it as ended. */
  readonly writeNumber: WriteNumber;
  /** It is dead, and has changed nothing that is in sync. `isElsewhere`: but something that is being made so. */
  readonly buried: (isElsewhere: boolean) => void;
  readonly failed: (what: string) => void;
}

export class Burial implements NumberedIo {
  writeNumber = unitOf<WriteNumber>(0);
  earlier: NumberedIo | null = null;
  later: NumberedIo | null = null;
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #job: BurialJob;
  readonly #open = new Set<LegRound>();
  #isStopped = false;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, job: BurialJob) {
    this.#parts = parts;
    this.#volume = volume;
    this.#job = job;
  }

  /** Disks take all numbers below the lowest unsettled one for settled: those before it must have ended. */
  start(): void {
    const { partition, writeNumber } = this.#job;
    partition.whenSettled(writeNumber, () => {
      if (!this.#isStopped) this.#tellSettled();
    });
  }

  /** The epoch has ended, and every copy with it. */
  stop(): void {
    this.#isStopped = true;
    for (const round of [...this.#open]) round.stop();
  }

  /** A trim of less than a block changes nothing, and carries the numbers. */
  #tellSettled(): void {
    const { partition } = this.#job;
    partition.giveNumber(this);
    const { writeNumber } = this;
    const numbers = { operation: Operation.trim, answerBytes: 0, writeNumber };
    const round = { ...this.#round(sectorBytes), ...numbers };
    new LegRound(this.#parts, this.#volume, round, () => {
      partition.endNumber(this);
      this.#lookForCopies();
    }).sendToAll();
  }

  #lookForCopies(): void {
    const { run, buried, failed } = this.#job;
    const { lengthBytes, inSyncLegs } = run;
    const asked = { operation: Operation.tags, answerBytes: tagRecordsBytes(lengthBytes) };
    const round = { ...this.#round(lengthBytes), ...asked };
    new LegRound(this.#parts, this.#volume, round, (answers) => {
      const isDone = answers.map(({ bytes }) => this.#isCopy(bytes));
      if (isDone.slice(0, inSyncLegs).includes(true))
        failed('a late copy of a write was carried out that no mirror could carry out');
      else buried(isDone.includes(true));
    }).sendToAll();
  }

  #isCopy(bytes: Uint8Array): boolean {
    const { partition, writeNumber } = this.#job;
    const records = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const blocks = Array.from({ length: bytes.length / tagRecordBytes }, (_, at) => at);
    return blocks.some(
      (block) =>
        recordEpoch(records, block) === partition.epoch &&
        recordWriteNumber(records, block) === writeNumber,
    );
  }

  #round(lengthBytes: number) {
    const { partition, run, start, failed } = this.#job;
    return { partition, run, atBytes: 0, lengthBytes, start, fail: failed, open: this.#open };
  }
}
