/**
 * Which disks of a volume hold acknowledged writes that no flush has covered yet (DESIGN I11), and under which
 * instance of the disk's process they were acknowledged. A disk that restarts may have lost them, but as long as one
 * in-sync mirror of each set went on they were copied back before the volume served again; a mirror that is stale or
 * resyncing saves nothing. What became of a mirror set, also by decisions that this host has missed, is told by its
 * `heldSince`; only of what lies in no set must the host see it itself. Outlives control data, membership and
 * attachments, because what a consumer was told does.
 */
import { assertNever, Status } from '../../protocols/codes.ts';
import type { ControlData } from '../../protocols/control-data.ts';
import type { DiskId, MirrorSetId } from '../../protocols/ids.ts';
import { extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import { type DiskInstance, type PartitionEpoch, unitOf } from '../../protocols/units.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { VolumeView } from './volume-view.ts';

export interface FlushEntry {
  readonly disk: DiskId;
  /**
   * Writes of this host acknowledged so far that are not durable by themselves. Those that the disk missed while it was
   * no member count, too: they were copied to it since, and another process of it may have lost the copies.
   */
  acknowledged: number;
  /** The value of `acknowledged` when the last flush that succeeded was sent. */
  flushed: number;
  /** Something else may be unflushed: what an earlier process of this host wrote, or what settling copied. */
  inDoubt: boolean;
  /** The last that was a member; null: none was yet. */
  instance: DiskInstance | null;
  /** False while every mirror on it is stale or detached: the others answer for what it lacks. */
  isMember: boolean;
}

/**
 * True when a flush has to visit the disk.
 *
 * @param othersWrite in shared attach a flush covers what was acknowledged to any host before it (DESIGN I1), and only
 *   the disks know of that
 */
export function needsFlush(entry: FlushEntry, othersWrite: boolean): boolean {
  if (!entry.isMember) return false;
  return othersWrite || entry.inDoubt || entry.acknowledged > entry.flushed;
}

type Membership = Pick<ControlData, 'layout' | 'mirrorSets'>;

/** What there is to be lost, and where it may be lost. */
interface Exposure {
  /** Disks that may lack acknowledged writes. */
  readonly lossy: ReadonlySet<DiskId>;
  /** Disks that may have had some that no flush has covered. */
  readonly unflushed: ReadonlySet<DiskId>;
  /** The last that writes were acknowledged under. */
  readonly epoch: PartitionEpoch;
  /** The sets say what they have lost; what their disks lack was copied back where they have not. */
  readonly doSetsTell: boolean;
}

export class FlushLedger {
  #entries: readonly FlushEntry[] = [];
  /** The highest in the control data adopted last: no later one has had writes acknowledged. */
  #epoch: PartitionEpoch = unitOf(0);
  readonly #open = new Set<ConsumerIo>();
  #isBroken = false;

  /** In the order of the disks given last. */
  get entries(): readonly FlushEntry[] {
    return this.#entries;
  }

  /**
   * Takes the disks and mirror sets of new control data. Nothing is acknowledged under it before the volume serves: its
   * mirrors in sync are equal then, and settling may have copied to any of them.
   *
   * @param othersWrite in shared attach every member may have had writes that were acknowledged to other hosts, and a
   *   flush that is to cover them must not succeed where they may be lost (DESIGN I1)
   */
  adopt(
    { disks, instances, data }: Pick<VolumeView, 'disks' | 'instances' | 'data'>,
    othersWrite: boolean,
  ): void {
    const known = new Map(this.#entries.map((entry) => [entry.disk, entry]));
    const mayLose = ({ acknowledged, flushed }: FlushEntry) =>
      othersWrite || acknowledged > flushed;
    const exposed = this.#entries.filter((entry) => entry.isMember && mayLose(entry));
    const unflushed = new Set(exposed.map(({ disk }) => disk));
    // Also of disks that the layout has no more.
    for (const entry of this.#entries) entry.isMember = false;
    const lossy = new Set<DiskId>();
    this.#entries = disks.map((disk, index) => {
      const entry = known.get(disk) ?? entryOf(disk);
      const instance = instances[index] ?? null;
      entry.isMember = instance !== null;
      entry.inDoubt = true;
      if (instance === null) return entry;
      const isAnother = entry.instance !== null && entry.instance !== instance;
      if (isAnother && mayLose(entry)) lossy.add(disk);
      entry.instance = instance;
      return entry;
    });
    const exposure = { lossy, unflushed, epoch: this.#epoch, doSetsTell: true };
    if (isAnyLost(data, exposure)) this.#broke();
    this.#epoch = unitOf(Math.max(...data.partitions.map(({ epoch }) => epoch)));
  }

  /** True when a disk that lacks acknowledged writes leaves no mirror that has them; `data` was adopted last. */
  isAnyLostWithout(disk: DiskId, data: Membership): boolean {
    const lossy = new Set([disk]);
    const exposure = { lossy, unflushed: lossy, epoch: this.#epoch, doSetsTell: false };
    return isAnyLost(data, exposure);
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

function entryOf(disk: DiskId): FlushEntry {
  return { disk, acknowledged: 0, flushed: 0, inDoubt: true, instance: null, isMember: false };
}

/** True when all mirrors of a set that are in sync lack something. What part of it each of them lacks is not compared. */
function isAnyLost({ layout, mirrorSets }: Membership, exposure: Exposure): boolean {
  const { lossy, unflushed, epoch, doSetsTell } = exposure;
  const records = new Map(mirrorSets.map((record) => [record.set, record]));
  const isExposed = ({ disk }: { readonly disk: DiskId }) => lossy.has(disk) || unflushed.has(disk);
  const hasAll = (set: MirrorSetId, mirror: number) => {
    const record = records.get(set);
    return record?.mirrors[mirror] === 'in-sync' && record.heldSince <= epoch;
  };
  const isLost = (node: Layout, isInSet: boolean): boolean => {
    switch (node.kind) {
      case 'extent':
        return lossy.has(node.disk) && !(isInSet && doSetsTell);
      case 'concat':
      case 'stripe':
      case 'parity':
        return node.children.some((child) => isLost(child, isInSet));
      case 'mirror':
        return (
          extentsOf(node).some(isExposed) &&
          node.children.every((child, mirror) => !hasAll(node.set, mirror) || isLost(child, true))
        );
      default:
        return assertNever(node, 'layout');
    }
  };
  return isLost(layout, false);
}
