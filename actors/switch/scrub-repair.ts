/**
 * Blocks that a scrub found wanting, looked at again while nobody writes them: it holds them like a write, and what is
 * bad on a mirror is repaired. It goes on whatever becomes of the scrub, until it has ended or its epoch has.
 */
import type { BlockRange } from './block-ranges.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import { writtenRunOf } from './mirror-runs.ts';
import type { Partition, PartitionIo } from './partition.ts';
import { PartitionEntry } from './partition-entry.ts';
import { Repair, type RepairResult } from './repair.ts';

export interface ScrubRepairJob {
  readonly partition: Partition;
  /** The blocks: of one part of the volume. */
  readonly blocks: BlockRange;
  /** As it is by then. */
  readonly volume: () => LoadedVolume;
  /** Null: the partition's epoch has ended before, or the layout has changed. */
  readonly ended: (result: RepairResult | null) => void;
  /** Something happened in the middle of a write to all mirrors, which only a new assembly mends. */
  readonly failed: (what: string) => void;
}

export class ScrubRepair extends PartitionEntry implements PartitionIo {
  readonly isRead = false;
  readonly #parts: CoordinatorParts;
  readonly #job: ScrubRepairJob;
  #repair: Repair | null = null;

  constructor(parts: CoordinatorParts, job: ScrubRepairJob) {
    super(job.blocks.start, job.blocks.lengthBytes);
    this.#parts = parts;
    this.#job = job;
  }

  /** Begins once nothing is in its way. */
  start(): void {
    if (this.#job.partition.enter(this)) this.granted();
  }

  granted(): void {
    const { partition, blocks, failed } = this.#job;
    const volume = this.#job.volume();
    const run = writtenRunOf(volume, blocks);
    if (run === null || run.inSyncLegs === 0) {
      this.#end(null);
      return;
    }
    const ended = (result: RepairResult) => this.#end(result);
    const repair = { partition, run, start: blocks.start, failed, ended };
    this.#repair = new Repair(this.#parts, volume, repair);
    this.#repair.start();
  }

  dropped(): void {
    this.#repair?.stop();
    this.#job.ended(null);
  }

  #end(result: RepairResult | null): void {
    this.#job.partition.leave(this);
    this.#job.ended(result);
  }
}
