/**
 * What an operator has decided about the mirrors of a volume that cannot be assembled (DESIGN I4), until the next decision
 * is written. It counts only as long as it is needed: when whoever was to be done without is back, nothing is lost.
 */
import type { MirrorSetRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { type PartitionEpoch, unitOf } from '../../protocols/units.ts';
import type { AssembleOrder } from '../../protocols/volume-orders.ts';
import { forcedSets, forcedText } from './forced-mirrors.ts';
import { newestSets } from './mirror-changes.ts';
import type { GracedSurvey } from './volume-members.ts';

export interface ForcedChoiceParts {
  readonly record: () => VolumeRecord | null;
  /** Looks at who is there, by the choice that is made. */
  readonly survey: () => GracedSurvey;
}

/** What it means, and the decision that it is about; or why it cannot be. */
export type ForceVerdict =
  | { readonly ok: true; readonly what: string; readonly generation: number }
  | { readonly ok: false; readonly reason: 'refused' | 'fenced'; readonly message: string };

export class ForcedChoice {
  readonly #parts: ForcedChoiceParts;
  /** The mirrors on these are right. */
  #disks: readonly DiskId[] | null = null;
  /** What disks that are there were told last, at the last look. */
  #told: readonly MirrorSetRecord[] = [];

  constructor(parts: ForcedChoiceParts) {
    this.#parts = parts;
  }

  get isMade(): boolean {
    return this.#disks !== null;
  }

  /** It has been decided by, or is needed no more. */
  drop(): void {
    this.#disks = null;
  }

  noteTold(told: readonly MirrorSetRecord[]): void {
    this.#told = told;
  }

  /** Looks without it; null when it is needed. */
  surveyWithout(): GracedSurvey | null {
    const disks = this.#disks;
    if (disks === null) return null;
    this.#disks = null;
    const survey = this.#parts.survey();
    // As long as that is not known, it may be needed.
    if (survey.outcome === 'missing' || survey.outcome === 'unknown') this.#disks = disks;
    return survey.outcome === 'missing' ? null : survey;
  }

  /** Who is in sync by all that is recorded and told, and by this. */
  newestSets(
    record: VolumeRecord,
    told: readonly MirrorSetRecord[],
    knownEpoch = 0,
  ): readonly MirrorSetRecord[] {
    const mirrorSets = newestSets(record.mirrorSets, told);
    if (this.#disks === null) return mirrorSets;
    const epochMin = epochAfter(record, knownEpoch);
    const forced = forcedSets({ ...record, mirrorSets }, this.#disks, epochMin);
    const changed = forced.outcome === 'forced' ? forced.sets.map((each) => each.record) : [];
    return mirrorSets.map((each) => changed.find(({ set }) => set === each.set) ?? each);
  }

  /**
   * The mirrors on some disks are right, where the volume cannot be assembled otherwise. Who only asks what that would
   * mean changes nothing: a choice that was made before stands.
   */
  make({ disks, isForced, generation }: AssembleOrder): ForceVerdict {
    const before = this.#disks;
    const verdict = this.#choose(disks, generation);
    if (!isForced) this.#disks = before;
    else if (!verdict.ok) this.drop();
    return verdict;
  }

  #choose(disks: readonly DiskId[], seen: number | undefined): ForceVerdict {
    const record = this.#parts.record();
    this.drop();
    if (record === null || this.#parts.survey().outcome !== 'missing')
      return refused('nothing is missing that it would have to do without');
    const { generation } = record;
    if (seen !== undefined && seen !== generation)
      return {
        ...{ ok: false, reason: 'fenced' },
        message: `what was looked at was decision ${seen}, and ${generation} has been made since; look again`,
      };
    const mirrorSets = newestSets(record.mirrorSets, this.#told);
    const forced = forcedSets({ ...record, mirrorSets }, disks, epochAfter(record, 0));
    if (forced.outcome === 'refused') return refused(forced.reason);
    this.#disks = disks;
    const survey = this.#parts.survey();
    if (survey.outcome !== 'missing')
      return { ok: true, what: forcedText(forced.sets), generation };
    return refused(`it cannot be assembled from ${disks.join(', ')} either: ${survey.reason}`);
  }
}

function refused(message: string): ForceVerdict {
  return { ok: false, reason: 'refused', message };
}

/** Above all that were given: the lowest that the next decision may give. */
export function epochAfter({ lastEpoch }: VolumeRecord, knownEpoch: number): PartitionEpoch {
  return unitOf<PartitionEpoch>(Math.max(lastEpoch, knownEpoch) + 1);
}
