/**
 * Which mirrors have been in sync when, as the config database was told: so that what only one mirror could give can be
 * told from what others could have given too, and a step that no decision may make is seen (DESIGN I3, I4, I8). What an
 * operator orders by force may be decided once.
 */
import { eventCountLeap } from '../../actors/virtualizer/forced-mirrors.ts';
import type { MirrorSetRecord, MirrorState, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { extentsOf, mirrorSetsOf } from '../../protocols/layout/layout.ts';

/** What a mirror may become in one step. What comes back may first be found stale or equal in a decision of its own. */
const steps: Readonly<Record<MirrorState, readonly MirrorState[]>> = {
  'in-sync': ['in-sync', 'stale', 'resyncing'],
  stale: ['stale', 'resyncing'],
  resyncing: ['resyncing', 'stale', 'in-sync'],
  detached: ['detached'],
};

interface Known {
  readonly record: VolumeRecord;
  /** By disk: when it was last not in sync with all that lies on it; absent: never. */
  readonly lackedAtMs: ReadonlyMap<DiskId, number>;
}

export class MembershipHistory {
  readonly #known = new Map<VolumeId, Known>();
  /** Whose mirrors an operator takes for right, until that is decided. */
  readonly #orders = new Map<VolumeId, readonly DiskId[]>();

  /** An operator has a volume assembled from these disks, whatever others have that are away (DESIGN I4). */
  ordered(volume: VolumeId, disks: readonly DiskId[]): void {
    this.#orders.set(volume, disks);
  }

  /** It was refused, and is not asked for again. */
  withdrawn(volume: VolumeId): void {
    this.#orders.delete(volume);
  }

  /**
   * A decision was written.
   *
   * @param isRemembered false when the database may have lost the one before
   * @returns what is wrong with it, as a sentence; null when nothing is
   */
  decided(record: VolumeRecord, nowMs: number, isRemembered: boolean): string | null {
    const before = this.#known.get(record.volume);
    const lackedAtMs = new Map(before?.lackedAtMs);
    for (const disk of [
      ...(before === undefined ? [] : lackingIn(before.record)),
      ...lackingIn(record),
    ])
      lackedAtMs.set(disk, nowMs);
    this.#known.set(record.volume, { record, lackedAtMs });
    if (before === undefined || !isRemembered) return null;
    const order = this.#orders.get(record.volume) ?? null;
    if (isForcedIn(before.record, record)) this.#orders.delete(record.volume);
    return badStep(before.record, record, order);
  }

  /** What comes under that name later is another volume. */
  ended(volume: VolumeId): void {
    this.#known.delete(volume);
  }

  /** Whether all that a volume has on a disk has been in sync since then. */
  wasInSync(volume: VolumeId, disk: DiskId, sinceMs: number): boolean {
    const known = this.#known.get(volume);
    if (known === undefined || lackingIn(known.record).has(disk)) return known === undefined;
    return (known.lackedAtMs.get(disk) ?? Number.NEGATIVE_INFINITY) < sinceMs;
  }
}

function lackingIn({ layout, mirrorSets }: VolumeRecord): ReadonlySet<DiskId> {
  const states = extentStatesOf(layout, mirrorSets);
  const lacking = extentsOf(layout).filter(({ extent }) => states.get(extent) !== 'in-sync');
  return new Set(lacking.map(({ disk }) => disk));
}

/** True when a set is from now on what an operator says, whatever has been told of it. */
export function isForced(before: MirrorSetRecord, after: MirrorSetRecord): boolean {
  return after.eventCount - before.eventCount >= eventCountLeap;
}

function isForcedIn(before: VolumeRecord, after: VolumeRecord): boolean {
  return after.mirrorSets.some((set) => {
    const former = before.mirrorSets.find((each) => each.set === set.set);
    return former !== undefined && isForced(former, set);
  });
}

/** Why a set must not have been decided by force, as a sentence; null when it is what was ordered. */
function badForce(
  { layout }: VolumeRecord,
  former: MirrorSetRecord,
  { set, mirrors }: MirrorSetRecord,
  order: readonly DiskId[] | null,
): string | null {
  if (order === null) return 'no operator ordered that, or it had been done before';
  if (former.mirrors[mirrors.indexOf('in-sync')] === 'in-sync') return 'nothing was missing';
  const place = mirrorSetsOf(layout).find((each) => each.set === set);
  const right = (place?.node.children ?? []).filter((_, mirror) => mirrors[mirror] === 'in-sync');
  const isOrdered = right.every((child) =>
    extentsOf(child).every(({ disk }) => order.includes(disk)),
  );
  return right.length === 1 && isOrdered ? null : `ordered was to go on with ${order.join(', ')}`;
}

function badStep(
  before: VolumeRecord,
  after: VolumeRecord,
  order: readonly DiskId[] | null,
): string | null {
  for (const record of after.mirrorSets) {
    const { set, eventCount, mirrors } = record;
    const former = before.mirrorSets.find((each) => each.set === set);
    if (former === undefined) continue;
    const name = `decision ${after.generation} about ${set} of volume ${after.volume}`;
    const told = `${former.mirrors.join(', ')} at ${former.eventCount} to ${mirrors.join(', ')} at ${eventCount}`;
    if (isForced(former, record)) {
      const problem = badForce(after, former, record, order);
      if (problem !== null) return `${name} goes from ${told} by force: ${problem}`;
      continue;
    }
    const isStep = mirrors.every((state, mirror) =>
      steps[former.mirrors[mirror] ?? state].includes(state),
    );
    const isChange = mirrors.some((state, mirror) => state !== former.mirrors[mirror]);
    if (!isStep) return `${name} goes from ${told}, which is no step`;
    if (eventCount < former.eventCount || (isChange && eventCount === former.eventCount))
      return `${name} goes from ${told} without counting`;
    if (!mirrors.includes('in-sync')) return `${name} leaves no mirror in sync: ${told}`;
  }
  return null;
}
