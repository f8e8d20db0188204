/**
 * Which disks of a volume hold acknowledged writes that no flush has covered yet (DESIGN I11), and under which
 * instance of the disk's process they were acknowledged. Outlives control data and attachments, because what a
 * consumer was told does.
 */
import type { DiskId } from '../../protocols/ids.ts';
import type { DiskInstance } from '../../protocols/units.ts';

export interface FlushEntry {
  readonly disk: DiskId;
  /** Writes of this host acknowledged so far that are not durable by themselves. */
  acknowledged: number;
  /** The value of `acknowledged` when the last flush that succeeded was sent. */
  flushed: number;
  /** Something else may be unflushed: what an earlier process of this host wrote, or what settling copied. */
  inDoubt: boolean;
  instance: DiskInstance;
  /** The disk's process ended while acknowledged writes of this host were not flushed: the next flush fails. */
  broken: boolean;
}

/**
 * True when a flush has to visit the disk.
 *
 * @param othersWrite in shared attach a flush covers what was acknowledged to any host before it (DESIGN I1), and only
 *   the disks know of that
 */
export function needsFlush(entry: FlushEntry, othersWrite: boolean): boolean {
  return othersWrite || entry.inDoubt || entry.acknowledged > entry.flushed;
}

export class FlushLedger {
  #entries: readonly FlushEntry[] = [];

  /** In the order of the disks given last. */
  get entries(): readonly FlushEntry[] {
    return this.#entries;
  }

  /** Takes the disks of new control data, with their instances. Settling may have copied to any of them. */
  adopt(disks: readonly DiskId[], instances: readonly DiskInstance[]): void {
    const known = new Map(this.#entries.map((entry) => [entry.disk, entry]));
    this.#entries = disks.flatMap((disk, index) => {
      const instance = instances[index];
      if (instance === undefined) return [];
      const entry = known.get(disk);
      if (entry === undefined)
        return [{ disk, acknowledged: 0, flushed: 0, inDoubt: true, instance, broken: false }];
      if (entry.instance !== instance) restarted(entry, instance);
      entry.inDoubt = true;
      return [entry];
    });
  }

  /** True when acknowledged writes met a restart unflushed since this was asked last: a consumer is told once. */
  takeBroken(): boolean {
    let broken = false;
    for (const entry of this.#entries) {
      broken ||= entry.broken;
      entry.broken = false;
    }
    return broken;
  }
}

/** A flush of the disk, sent when `acknowledged` was `mark`, succeeded. */
export function noteFlushed(entry: FlushEntry, mark: number): void {
  entry.flushed = Math.max(entry.flushed, mark);
  entry.inDoubt = false;
}

function restarted(entry: FlushEntry, instance: DiskInstance): void {
  entry.broken ||= entry.acknowledged > entry.flushed;
  entry.flushed = entry.acknowledged;
  entry.instance = instance;
}
