/**
 * The copies of a resync: neighbouring blocks, each from a mirror in sync to all mirrors that are written. Where the
 * first one cannot be read every half is tried alone, down to single blocks: those may be had from another. A block
 * that none can read is in nobody's way but that of the end: it is tried again now and then once all else is done, for a
 * consumer may have written there.
 */
import type { VolumeOffset } from '../../protocols/units.ts';
import { blockBytes, unitOf } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { CopyIo } from './copy-io.ts';
import type { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { MirrorRun, RunRange } from './mirror-runs.ts';
import type { Partition } from './partition.ts';

/** Before blocks are tried again that no mirror in sync could read. */
export const unreadableRetryMs = 5000;

/** A comparison, a copy, or the flush at the end. */
export interface Step {
  /** Whose blocks it holds; null for what can be begun again. */
  readonly partition: Partition | null;
  /** Of the volume: as many are not known to be equal before it has ended. */
  readonly bytes: number;
  /** Of these, what it copies. */
  readonly copyBytes: number;
  readonly begin: (step: Step, open: Set<LegRound>) => void;
}

/** Neighbouring blocks of a run that are copied together. */
export interface Blocks extends RunRange {
  readonly run: MirrorRun;
  readonly partition: Partition;
  /** Where they begin in the volume. */
  readonly start: VolumeOffset;
}

/** What the resync gives. */
export interface ResyncCopyTask {
  /** Notes what is to be done when there is room for it. */
  readonly next: (step: Step) => void;
  readonly ended: (step: Step) => void;
  readonly copied: (blocks: number) => void;
  /** A block cannot be read, and all could be before. */
  readonly stuck: () => void;
  /** Something happened that only a new decision mends. */
  readonly trouble: (partition: Partition, what: string) => void;
}

export class ResyncCopies {
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #task: ResyncCopyTask;
  /** By offset: no mirror in sync could read them, and they were not copied since. */
  readonly #unreadable = new Map<VolumeOffset, Blocks>();
  /** Those of them that are not being tried again. */
  readonly #waiting = new Map<VolumeOffset, Blocks>();
  #retryAtMs = 0;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: ResyncCopyTask) {
    this.#parts = parts;
    this.#volume = volume;
    this.#task = task;
  }

  /** Notes a copy. */
  note(blocks: Blocks): void {
    this.#note(blocks, 0);
  }

  /** What is in the way, for people; '' when nothing is. */
  get problem(): string {
    const [first] = this.#unreadable.keys();
    if (first === undefined) return '';
    const more = this.#unreadable.size - 1;
    const others = more === 0 ? '' : ` and ${more} ${more === 1 ? 'other' : 'others'}`;
    return `the block at offset ${first}${others} can be read on no mirror that is in sync`;
  }

  /** Bytes of what waits to be tried again. */
  get waitingBytes(): number {
    return this.#waiting.size * blockBytes;
  }

  /** How long nothing that waits may be tried again, ms; 0 when nothing waits. */
  waitMs(nowMs: number): number {
    return this.#waiting.size === 0 ? 0 : Math.max(0, this.#retryAtMs - nowMs);
  }

  /** Notes all that waits. */
  retry(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const block of waiting) this.note(block);
  }

  /** These are left to others. */
  leave(partitions: readonly Partition[]): void {
    for (const blocks of [this.#unreadable, this.#waiting])
      for (const [start, { partition }] of [...blocks])
        if (partitions.includes(partition)) blocks.delete(start);
  }

  /** @param source the mirror to copy from; those before it could not be read: of one block */
  #note(blocks: Blocks, source: number): void {
    const { run, partition, lengthBytes, atBytes, start } = blocks;
    const { trouble, ended, next } = this.#task;
    const begin = (step: Step, open: Set<LegRound>): void => {
      new CopyIo(this.#parts, this.#volume, partition, {
        ...{ run, atBytes, lengthBytes, start, source, fua: false, open },
        fail: (what) => trouble(partition, what),
        done: () => {
          this.#copied(blocks, source);
          ended(step);
        },
        unreadable: () => {
          if (lengthBytes > blockBytes) this.#halve(blocks);
          else if (source + 1 < run.inSyncLegs) this.#note(blocks, source + 1);
          else this.#wait(blocks);
          ended(step);
        },
      }).start();
    };
    next({ partition, bytes: lengthBytes, copyBytes: lengthBytes, begin });
  }

  #halve(blocks: Blocks): void {
    const { atBytes, lengthBytes, start } = blocks;
    const halfBytes = Math.floor(lengthBytes / blockBytes / 2) * blockBytes;
    const rest = {
      atBytes: atBytes + halfBytes,
      lengthBytes: lengthBytes - halfBytes,
      start: unitOf<VolumeOffset>(start + halfBytes),
    };
    this.note({ ...blocks, ...rest });
    this.note({ ...blocks, lengthBytes: halfBytes });
  }

  #wait(block: Blocks): void {
    const { start } = block;
    const isFirst = this.#unreadable.size === 0;
    this.#unreadable.set(start, block);
    this.#waiting.set(start, block);
    this.#retryAtMs = this.#parts.commands.clock.now() + unreadableRetryMs;
    if (isFirst) this.#task.stuck();
  }

  #copied({ run, start, lengthBytes }: Blocks, source: number): void {
    this.#task.copied(lengthBytes / blockBytes);
    this.#unreadable.delete(start);
    if (source === 0) return;
    const { volume } = this.#volume.load;
    const disks = run.legs.slice(0, source).map(({ disk }) => disk);
    const range = { volume, offset: start, lengthBytes, blocks: 1 };
    const from = run.legs[source]?.disk ?? '';
    this.#parts.tellRepair({ ...range, outcome: 'repaired', disks, source: from, reason: '' });
  }
}
