/**
 * What an operator has decided about the mirrors of a volume that cannot be assembled (DESIGN I4), until the next decision
 * is written. It counts only as long as it is needed: when whoever was to be done without is back, nothing is lost.
 */
import type { MirrorSetRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { type PartitionEpoch, unitOf } from '../../protocols/units.ts';
import { forcedSets, forcedText } from './forced-mirrors.ts';
import { newestSets } from './mirror-changes.ts';
import type { GracedSurvey } from './volume-members.ts';

export interface ForcedChoiceParts {
  readonly record: () => VolumeRecord | null;
  /** Looks at who is there, by the choice that is made. */
  readonly survey: () => GracedSurvey;
}

/** What it means, or why it cannot be; for people. */
export type ForceVerdict =
  | { readonly ok: true; readonly what: string }
  | { readonly ok: false; readonly reason: string };

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
   * The mirrors on these disks are right, where the volume cannot be assembled otherwise.
   *
   * @param isMeant else it is only said what that would mean
   */
  make(disks: readonly DiskId[], isMeant: boolean): ForceVerdict {
    const record = this.#parts.record();
    this.drop();
    if (record === null || this.#parts.survey().outcome !== 'missing')
      return { ok: false, reason: 'nothing is missing that it would have to do without' };
    const mirrorSets = newestSets(record.mirrorSets, this.#told);
    const forced = forcedSets({ ...record, mirrorSets }, disks, epochAfter(record, 0));
    if (forced.outcome === 'refused') return { ok: false, reason: forced.reason };
    this.#disks = disks;
    const survey = this.#parts.survey();
    const isPossible = survey.outcome !== 'missing';
    if (!isMeant || !isPossible) this.drop();
    if (isPossible) return { ok: true, what: forcedText(forced.sets) };
    const reason = `it cannot be assembled from ${disks.join(', ')} either: ${survey.reason}`;
    return { ok: false, reason };
  }
}

/** Above all that were given: the lowest that the next decision may give. */
export function epochAfter({ lastEpoch }: VolumeRecord, knownEpoch: number): PartitionEpoch {
  return unitOf<PartitionEpoch>(Math.max(lastEpoch, knownEpoch) + 1);
}
