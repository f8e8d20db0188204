/**
 * Which mirrors have been in sync when, as the config database was told: so that what only one mirror could give can be
 * told from what others could have given too, and a step that no decision may make is seen (DESIGN I3, I4, I8).
 */
import type { MirrorState, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { extentsOf } from '../../protocols/layout/layout.ts';

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
    return before === undefined || !isRemembered ? null : badStep(before.record, record);
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

function badStep(before: VolumeRecord, after: VolumeRecord): string | null {
  for (const { set, eventCount, mirrors } of after.mirrorSets) {
    const former = before.mirrorSets.find((each) => each.set === set);
    if (former === undefined) continue;
    const name = `decision ${after.generation} about ${set} of volume ${after.volume}`;
    const told = `${former.mirrors.join(', ')} at ${former.eventCount} to ${mirrors.join(', ')} at ${eventCount}`;
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
