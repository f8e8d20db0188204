/**
 * Who may serve a volume alone, by what its consumer was told (DESIGN I3, I4, I8): a disk that was away when a write was
 * acknowledged lacks it until it was made equal, whatever anybody has decided or forgotten since. Holds every decision
 * against that.
 */

import { MembershipHistory } from '../../../cluster/simulation/membership-history.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { extentsOf, mirrorSetsOf } from '../../../protocols/layout/layout.ts';

/** By disk, what its mirror is in a decision; of a volume that is one mirror set of single disks. */
export function statesOf(record: VolumeRecord): ReadonlyMap<DiskId, string> {
  const [set] = record.mirrorSets;
  const [place] = mirrorSetsOf(record.layout);
  return new Map(
    (place?.node.children ?? []).flatMap((child, mirror) =>
      extentsOf(child).map(({ disk }) => [disk, set?.mirrors[mirror] ?? ''] as const),
    ),
  );
}

export class ExpectedMembers {
  readonly #history = new MembershipHistory();
  /** Killed and not started again: since when. */
  readonly #awaySinceMs = new Map<DiskId, number>();
  /** Those that lack a write that was acknowledged. */
  readonly #lacking = new Set<DiskId>();
  /** Of these, those that are being made equal. */
  readonly #resyncing = new Set<DiskId>();

  killed(disk: DiskId, nowMs: number): void {
    this.#awaySinceMs.set(disk, nowMs);
  }

  started(disk: DiskId): void {
    this.#awaySinceMs.delete(disk);
  }

  isAway(disk: DiskId): boolean {
    return this.#awaySinceMs.has(disk);
  }

  /** True when it may not serve unless another one made it equal. */
  isLacking(disk: DiskId): boolean {
    return this.#lacking.has(disk);
  }

  /** A decision was written. @returns what is wrong with it, as sentences */
  decided(record: VolumeRecord, nowMs: number, isRemembered: boolean): readonly string[] {
    const problem = this.#history.decided(record, nowMs, isRemembered);
    const problems = problem === null ? [] : [problem];
    for (const [disk, state] of statesOf(record)) {
      if (!this.#lacking.has(disk)) continue;
      if (state === 'resyncing') this.#resyncing.add(disk);
      if (state !== 'in-sync') continue;
      if (!this.#resyncing.has(disk))
        problems.push(
          `decision ${record.generation} has ${disk} in sync, which lacks acknowledged writes`,
        );
      this.#lacking.delete(disk);
    }
    return problems;
  }

  /** A write was acknowledged that had been begun at that time. @returns what is wrong with that, as sentences */
  acknowledged(begunMs: number, record: VolumeRecord): readonly string[] {
    const states = statesOf(record);
    return [...this.#awaySinceMs].flatMap(([disk, sinceMs]) => {
      // What had been begun before may have reached it.
      if (sinceMs >= begunMs) return [];
      this.#lacking.add(disk);
      this.#resyncing.delete(disk);
      return states.get(disk) === 'in-sync'
        ? [
            `a write was acknowledged that ${disk} has missed, which is in sync by the last decision`,
          ]
        : [];
    });
  }
}
