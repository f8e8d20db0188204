/**
 * Which mirrors a virtualizer proposes to remove, for they gave too many read errors (DESIGN H5): never the last good
 * one of a set. A mirror that is proposed, or gives too many errors itself, is no good one. Nothing is removed from here.
 */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, MirrorSetId, VolumeId } from '../../protocols/ids.ts';
import { extentsOf, mirrorSetsOf } from '../../protocols/layout/layout.ts';
import type { Instant } from '../../protocols/units.ts';
import { type ReadErrorPolicy, ReadErrors } from './read-errors.ts';

/** The mirror of a set that lies on a disk is to be removed. */
export interface RemovalProposal {
  readonly disk: DiskId;
  readonly mirrorSet: MirrorSetId;
  /** Why, for people. */
  readonly reason: string;
}

/** What became of a proposal: it was made, or taken back. */
export interface ProposalChange extends RemovalProposal {
  readonly isOpen: boolean;
}

/** A mirror, by the disks that it lies on. */
type MirrorDisks = readonly DiskId[];

interface SetInSync {
  readonly set: MirrorSetId;
  /** Those that are in sync. */
  readonly mirrors: readonly MirrorDisks[];
}

export class RemovalProposals {
  readonly #policy: ReadErrorPolicy;
  readonly #errors: ReadErrors;
  readonly #open = new Map<VolumeId, readonly RemovalProposal[]>();

  constructor(policy: ReadErrorPolicy) {
    this.#policy = policy;
    this.#errors = new ReadErrors(policy);
  }

  /** A mirror could not be read. @returns what is proposed, or not any more, because of it */
  note(record: VolumeRecord, disk: DiskId, at: Instant): readonly ProposalChange[] {
    const { volume } = record;
    this.#errors.note(volume, disk, at);
    if (!this.#errors.areTooMany(volume, disk, at)) return [];
    const changes = setsOf(record).flatMap((set) => this.#judge(record, set, disk, at));
    const isSame = (one: RemovalProposal) => (other: RemovalProposal) =>
      one.disk === other.disk && one.mirrorSet === other.mirrorSet;
    const kept = this.of(record).filter((one) => !changes.some(isSame(one)));
    const made = changes
      .filter(({ isOpen }) => isOpen)
      .map(({ isOpen: _, ...proposal }) => proposal);
    this.#open.set(volume, [...kept, ...made]);
    return changes;
  }

  /** Those of a volume that hold: the mirror is in sync, and not the last one that is and is not proposed itself. */
  of(record: VolumeRecord): readonly RemovalProposal[] {
    const open = this.#open.get(record.volume) ?? [];
    const sets = setsOf(record);
    return open.filter(({ disk, mirrorSet }) => {
      const mirrors = sets.find(({ set }) => set === mirrorSet)?.mirrors ?? [];
      const isProposed = (one: DiskId) =>
        open.some((each) => each.mirrorSet === mirrorSet && each.disk === one);
      return (
        mirrors.some((disks) => disks.includes(disk)) &&
        mirrors.some((disks) => !disks.some(isProposed))
      );
    });
  }

  /** A volume is gone. */
  forget(volume: VolumeId): void {
    this.#open.delete(volume);
  }

  /** Proposes a mirror while a good one is left; one of those that was proposed before is so no more if it is needed. */
  #judge(
    record: VolumeRecord,
    { set, mirrors }: SetInSync,
    disk: DiskId,
    at: Instant,
  ): readonly ProposalChange[] {
    const { volume } = record;
    const proposed = this.of(record).filter(({ mirrorSet }) => mirrorSet === set);
    const isProposed = (one: DiskId) => proposed.some((each) => each.disk === one);
    if (isProposed(disk) || !mirrors.some((disks) => disks.includes(disk))) return [];
    const isBad = (one: DiskId) =>
      this.#errors.areTooMany(volume, one, at) ||
      (isProposed(one) && this.#errors.areSome(volume, one, at));
    const good = mirrors.filter((disks) => !disks.includes(disk) && !disks.some(isBad));
    if (good.length === 0) return [];
    const { readErrorsMax, readErrorsWithinMs } = this.#policy;
    const reason = `more than ${readErrorsMax} read errors in ${readErrorsWithinMs} ms`;
    const made: ProposalChange = { disk, mirrorSet: set, reason, isOpen: true };
    if (good.some((disks) => !disks.some(isProposed))) return [made];
    const quiet = `no read errors in ${readErrorsWithinMs} ms, and disk ${disk} gives too many`;
    const takenBack = proposed
      .filter((each) => good.some((disks) => disks.includes(each.disk)))
      .map((each) => ({ ...each, reason: quiet, isOpen: false }));
    return [...takenBack, made];
  }
}

function setsOf({ layout, mirrorSets }: VolumeRecord): readonly SetInSync[] {
  return mirrorSetsOf(layout).map(({ set, node }) => {
    const states = mirrorSets.find((each) => each.set === set)?.mirrors ?? [];
    const inSync = node.children.filter((_, mirror) => states[mirror] === 'in-sync');
    return { set, mirrors: inSync.map((child) => extentsOf(child).map(({ disk }) => disk)) };
  });
}
