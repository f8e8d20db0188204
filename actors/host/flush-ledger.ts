/**
 * Which disks of a volume hold acknowledged writes that no flush has covered yet (DESIGN I11), and under which
 * instance of the disk's process they were acknowledged. A disk that restarts may have lost them, but as long as one
 * mirror of each set went on they were copied back before the volume served again. Outlives control data and
 * attachments, because what a consumer was told does.
 */
import { Status } from '../../protocols/codes.ts';
import type { DiskId } from '../../protocols/ids.ts';
import type { DiskInstance } from '../../protocols/units.ts';
import type { ConsumerIo } from './consumer-io.ts';

export interface FlushEntry {
  readonly disk: DiskId;
  /** Writes of this host acknowledged so far that are not durable by themselves. */
  acknowledged: number;
  /** The value of `acknowledged` when the last flush that succeeded was sent. */
  flushed: number;
  /** Something else may be unflushed: what an earlier process of this host wrote, or what settling copied. */
  inDoubt: boolean;
  instance: DiskInstance;
}

/** What holds the same bytes: for each mirror of a set its disks, by their indices. */
export type MirrorDisks = readonly (readonly number[])[];

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
  readonly #open = new Set<ConsumerIo>();
  #isBroken = false;

  /** In the order of the disks given last. */
  get entries(): readonly FlushEntry[] {
    return this.#entries;
  }

  /** Takes the disks of new control data, with their instances. Settling may have copied to any of them. */
  adopt(
    disks: readonly DiskId[],
    instances: readonly DiskInstance[],
    sets: readonly MirrorDisks[],
  ): void {
    const known = new Map(this.#entries.map((entry) => [entry.disk, entry]));
    const lossy = new Set<number>();
    this.#entries = disks.flatMap((disk, index) => {
      const instance = instances[index];
      if (instance === undefined) return [];
      const entry = known.get(disk);
      if (entry === undefined)
        return [{ disk, acknowledged: 0, flushed: 0, inDoubt: true, instance }];
      if (entry.instance !== instance && entry.acknowledged > entry.flushed) lossy.add(index);
      entry.instance = instance;
      entry.inDoubt = true;
      return [entry];
    });
    const isLossy = (mirror: readonly number[]) => mirror.some((index) => lossy.has(index));
    if (sets.some((mirrors) => mirrors.every(isLossy))) this.#broke();
  }

  /**
   * A consumer's flush begins. False when it must fail at once: acknowledged writes may be lost on every mirror, which
   * a consumer is told once.
   */
  begin(flush: ConsumerIo): boolean {
    const mayBegin = !this.#isBroken;
    this.#isBroken = false;
    if (mayBegin) this.#open.add(flush);
    return mayBegin;
  }

  ended(flush: ConsumerIo): void {
    this.#open.delete(flush);
  }

  /** Those that are under way must fail; when there is none, the next one. */
  #broke(): void {
    for (const flush of this.#open) flush.fail(Status.media);
    this.#isBroken = this.#open.size === 0;
  }
}

/** A flush of the disk, sent when `acknowledged` was `mark`, succeeded. */
export function noteFlushed(entry: FlushEntry, mark: number): void {
  entry.flushed = Math.max(entry.flushed, mark);
  entry.inDoubt = false;
}
