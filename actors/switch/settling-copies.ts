/**
 * The copies of a settling: neighbouring blocks that differ, each from the mirror that is right to all. Where that one
 * cannot be read, every half is tried alone, down to single blocks: those may be had from another mirror, or are owed.
 */
import { assertNever } from '../../protocols/codes.ts';
import type { UnfinishedWrite } from '../../protocols/commands.ts';
import { isTagLost, tagRecordsBytes } from '../../protocols/frames/tag-records.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import { CopyIo } from './copy-io.ts';
import type { LegRound } from './leg-round.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { MirrorRun, RunRange } from './mirror-runs.ts';
import type { Partition } from './partition.ts';
import { nextSource } from './settling-source.ts';
import type { HostWrites, OwedTo } from './unfinished-writes.ts';

/** Neighbouring blocks of a run that differ. */
export interface Difference extends RunRange {
  readonly run: MirrorRun;
  /** Where they begin in the volume. */
  readonly start: VolumeOffset;
  /** The first mirror with their highest tags. */
  readonly source: number;
  /** By mirror: their tags. */
  readonly records: readonly DataView[];
}

/** What the settling gives. */
export interface CopyTask {
  readonly hosts: readonly HostWrites[];
  readonly fua: boolean;
  readonly open: Set<LegRound>;
  /** Null outside of what is being settled. */
  partitionAt(start: VolumeOffset): Partition | null;
  /** Notes what is to be done when there is room for it. */
  next(step: () => void): void;
  copied(blocks: number): void;
  readonly stepDone: () => void;
  readonly fail: (what: string) => void;
}

const nobody: ReadonlySet<number> = new Set();

/** The mirrors on which the tag of a block is lost. */
function lostOf({ records }: Difference): ReadonlySet<number> {
  return new Set(records.flatMap((record, mirror) => (isTagLost(record, 0) ? [mirror] : [])));
}

export class SettlingCopies {
  /** The writes whose blocks were left as they are. */
  readonly owed = new Map<UnfinishedWrite, OwedTo>();
  readonly #parts: CoordinatorParts;
  readonly #volume: LoadedVolume;
  readonly #task: CopyTask;

  constructor(parts: CoordinatorParts, volume: LoadedVolume, task: CopyTask) {
    this.#parts = parts;
    this.#volume = volume;
    this.#task = task;
  }

  /** Copies from the source of the blocks: where its tag is lost, each from another. */
  copy(blocks: Difference): void {
    const { source, records, lengthBytes } = blocks;
    const record = records[source];
    if (record === undefined || !isTagLost(record, 0)) {
      this.#copy(blocks, source, nobody);
      return;
    }
    if (lengthBytes > blockBytes) this.#halve(blocks);
    else this.#lookElsewhere(blocks, lostOf(blocks));
    this.#task.stepDone();
  }

  /** @param failed mirrors that could not be read: of one block */
  #copy(blocks: Difference, source: number, failed: ReadonlySet<number>): void {
    const { fua, open, fail, stepDone, copied } = this.#task;
    const { run, atBytes, lengthBytes, start } = blocks;
    const partition = this.#task.partitionAt(start);
    if (partition === null) throw new RangeError('a copy outside of the partitions to settle');
    new CopyIo(this.#parts, this.#volume, partition, {
      ...{ run, atBytes, lengthBytes, start, source, fua, fail, open },
      done: () => {
        copied(lengthBytes / blockBytes);
        if (failed.size > 0) this.#tell(blocks, source, failed);
        stepDone();
      },
      unreadable: () => {
        if (lengthBytes > blockBytes) this.#halve(blocks);
        else this.#lookElsewhere(blocks, new Set(failed).add(source));
        stepDone();
      },
    }).start();
  }

  #halve(blocks: Difference): void {
    const { atBytes, lengthBytes, start, records } = blocks;
    const halfBytes = Math.floor(lengthBytes / blockBytes / 2) * blockBytes;
    const halves = [
      { skip: 0, length: halfBytes },
      { skip: halfBytes, length: lengthBytes - halfBytes },
    ];
    for (const { skip, length } of halves) {
      const half: Difference = {
        ...blocks,
        atBytes: atBytes + skip,
        lengthBytes: length,
        start: unitOf<VolumeOffset>(start + skip),
        records: recordsIn(records, skip, length),
      };
      this.#task.next(() => this.copy(half));
    }
  }

  #lookElsewhere(block: Difference, failed: ReadonlySet<number>): void {
    const { records, run, start } = block;
    const disks = run.legs.map(({ disk }) => disk);
    const found = nextSource({ records, index: 0, disks, start }, failed, this.#task.hosts);
    switch (found.kind) {
      case 'copy':
        this.#task.next(() => this.#copy(block, found.source, failed));
        return;
      case 'owed':
        for (const each of found.writes) this.owed.set(each.write, each);
        return;
      case 'none':
        this.#task.fail(`a block that differs, at offset ${start}, can be read on no mirror`);
        return;
      default:
        assertNever(found, 'next source');
    }
  }

  #tell({ run, start }: Difference, source: number, failed: ReadonlySet<number>): void {
    const { volume } = this.#volume.load;
    const disks = [...failed].map((mirror) => run.legs[mirror]?.disk as DiskId);
    const range = { volume, offset: start, lengthBytes: blockBytes, blocks: 1 };
    const from = run.legs[source]?.disk ?? '';
    this.#parts.tellRepair({ ...range, outcome: 'repaired', disks, source: from, reason: '' });
  }
}

/** The records of some of the blocks. */
export function recordsIn(
  records: readonly DataView[],
  atBytes: number,
  lengthBytes: number,
): readonly DataView[] {
  return records.map(
    ({ buffer, byteOffset }) =>
      new DataView(buffer, byteOffset + tagRecordsBytes(atBytes), tagRecordsBytes(lengthBytes)),
  );
}
