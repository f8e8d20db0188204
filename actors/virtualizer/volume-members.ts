/**
 * Who makes up a volume now, and what becomes of its mirrors (DESIGN I3, I4, I8): asks `membership` who is there, waits
 * for disks that may be back soon, and says which mirrors are to be stale, resyncing or in sync next.
 */
import type { DiskMember, MirrorSetRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, HostId, SwitchId } from '../../protocols/ids.ts';
import { inSyncDisksOf, memberDisksOf } from '../../protocols/layout/extent-states.ts';
import type { Volume } from '../../protocols/topology.ts';
import { Absences } from './absences.ts';
import { DiskTroubles } from './disk-troubles.ts';
import { epochAfter, ForcedChoice } from './forced-choice.ts';
import { changeOf, type Members, type Survey, surveyMembers } from './membership.ts';
import { changesBetween, conflictIn, isWhole, nextMirrorSets } from './mirror-changes.ts';
import type { HasEnded } from './replaced.ts';
import { SilentHosts } from './silent-hosts.ts';
import { reachOf } from './switch-reach.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

export interface MembersParts {
  readonly environment: VolumeEnvironment;
  readonly volume: Volume;
  readonly record: () => VolumeRecord | null;
  /** The disks that it lies on, or is going to. */
  readonly diskIds: () => readonly DiskId[];
  readonly candidates: () => readonly SwitchId[];
}

/** As a survey; `degraded` only as long as the volume waits for who is lacking. */
export type GracedSurvey =
  | Exclude<Survey, { readonly outcome: 'degraded' }>
  | { readonly outcome: 'degraded'; readonly reason: string; readonly waitMs: number };

export class VolumeMembers {
  readonly #parts: MembersParts;
  readonly #absences: Absences;
  readonly troubles: DiskTroubles;
  readonly #silentHosts: SilentHosts;
  /** Processes of disks, as `disk/instance`. */
  readonly #fenced = new Set<string>();
  readonly forced: ForcedChoice;
  /** The decision under which what was resyncing has become equal. */
  #resyncedIn = 0;
  /** The last decision that this virtualizer made itself, and that all disks have confirmed. */
  #ownGeneration = 0;

  constructor(parts: MembersParts) {
    this.#parts = parts;
    const { membership } = parts.environment.input.topology.policies;
    this.#absences = new Absences(membership.staleAfterMs);
    this.forced = new ForcedChoice({
      record: parts.record,
      survey: () => this.#surveyNeeded(),
    });
    this.troubles = new DiskTroubles(parts, this.#absences, () => {
      const record = parts.record();
      return record === null ? [] : inSyncDisksOf(record.layout, record.mirrorSets);
    });
    this.#silentHosts = new SilentHosts(parts.environment);
  }

  /** Looks at who is there now. Better one that fails at times than none: but no more of them than the volume needs. */
  survey(): GracedSurvey {
    return this.forced.surveyWithout() ?? this.#surveyNeeded();
  }

  #surveyNeeded(): GracedSurvey {
    const ids = this.#parts.diskIds();
    const failing = ids.filter((disk) => this.troubles.failureOf(disk) !== '');
    const surveyWithout = (disks: readonly DiskId[]) =>
      this.#survey((disk) => (disks.includes(disk) ? this.troubles.failureOf(disk) : ''));
    const survey = surveyWithout(failing);
    if (survey.outcome !== 'missing' || failing.length === 0) return this.#graced(survey, failing);
    let left: readonly DiskId[] = [];
    if (surveyWithout(left).outcome === 'missing') return this.#graced(survey, failing);
    for (const disk of failing)
      if (surveyWithout([...left, disk]).outcome !== 'missing') left = [...left, disk];
    return this.#graced(surveyWithout(left), left);
  }

  /** Why what the last decision was made for is not there any more, for people; '' when it is, or may be. */
  loss(): string {
    const record = this.#parts.record();
    if (record === null) return '';
    const survey = this.survey();
    if (survey.outcome === 'complete') return lostMembers(record, survey.members);
    return survey.outcome === 'unknown' ? '' : survey.reason;
  }

  /** Who is in sync by all that is known, and who is to be next. */
  nextSets(last: VolumeRecord, members: Members): readonly MirrorSetRecord[] {
    const { layout } = last;
    const { disks } = members;
    const has = (disk: DiskId) => disks.some((each) => each.disk === disk);
    const mirrorSets = this.forced.newestSets(last, members.knownSets, members.knownEpoch);
    return nextMirrorSets(
      { layout, mirrorSets },
      {
        disks: {
          has,
          wasMember: (disk) => last.disks.some((member) => member.disk === disk),
          wentOn: (disk) => wentOn(disk, last, members),
          returns: (disk) => this.troubles.failureOf(disk) === '',
          isEqual: (disk) => this.#isEqual(disk, last, members),
        },
        epochMin: epochAfter(last, members.knownEpoch),
      },
    );
  }

  /** Which mirrors that are not in sync could be more than they are, for people; '' for none. */
  improvement(): string {
    const record = this.#parts.record();
    const survey = this.survey();
    if (record === null || survey.outcome !== 'complete') return '';
    const changes = changesBetween(record, this.nextSets(record, survey.members));
    const better = changes.filter(({ to }) => to === 'resyncing' || to === 'in-sync');
    const texts = better.map(({ disks, set, to }) => {
      const what = to === 'in-sync' ? 'is equal again' : 'is back';
      return `the mirror on ${disks.join(', ')} of ${set} ${what}`;
    });
    return texts.join('; ');
  }

  /** All coordinators have made equal what is resyncing, and it is durable. */
  noteResynced(): void {
    this.#resyncedIn = this.#parts.record()?.generation ?? 0;
  }

  /** A coordinator waits for hosts. @returns those to be gone on without */
  noteSilentHosts(hosts: readonly HostId[], reporter: SwitchId): readonly HostId[] {
    return this.#silentHosts.judge(hosts, reporter, this.#parts.candidates());
  }

  /** That process has ended; or it is a disk's, and refuses everybody since it is no member any more. */
  readonly hasEnded: HasEnded = ({ kind, id }, incarnation) =>
    this.#parts.environment.presence.hasEnded({ kind, id }, incarnation) ||
    (kind === 'disk' && this.#fenced.has(`${id}/${incarnation}`));

  /** A disk that is no member any more may still answer who was attached when it was one. */
  mayAnswer(record: VolumeRecord | null): boolean {
    return (record?.unfenced ?? []).some(
      ({ disk, instance }) => !this.hasEnded({ kind: 'disk', id: disk }, instance),
    );
  }

  /** A disk that is no member refuses everybody. */
  noteFenced({ disk, instance }: DiskMember): void {
    this.#fenced.add(`${disk}/${instance}`);
  }

  /** All disks did their part of the last decision: whatever the database forgets, they know it. */
  noteConfirmed(): void {
    this.#ownGeneration = this.#parts.record()?.generation ?? 0;
    this.#absences.confirmed();
  }

  /** A decision of this virtualizer is written. */
  decided(last: VolumeRecord, record: VolumeRecord): void {
    this.forced.drop();
    const { clock, presence } = this.#parts.environment;
    const nowMs = clock.now();
    for (const { disks, to } of changesBetween(last, record.mirrorSets))
      for (const id of disks) {
        if (to === 'in-sync') this.#absences.healed(id);
        const until = to === 'stale' ? this.#absences.departed(id, nowMs) : nowMs;
        if (until > nowMs) presence.bar({ kind: 'disk', id }, until);
      }
  }

  /** Only for who is in sync, and does not fail, is it worth to wait. */
  #graced(survey: Survey, failing: readonly DiskId[]): GracedSurvey {
    const { clock } = this.#parts.environment;
    const record = this.#parts.record();
    if (survey.outcome !== 'degraded' || record === null) {
      this.#absences.note([], [], clock.now());
      return survey.outcome === 'degraded'
        ? { outcome: 'complete', members: survey.members }
        : survey;
    }
    const { lacking, members, reason } = survey;
    const inSync = inSyncDisksOf(record.layout, record.mirrorSets);
    const waited = lacking.filter((disk) => !failing.includes(disk) && inSync.includes(disk));
    const waitMs = this.#absences.note(lacking, waited, clock.now());
    return waitMs > 0 ? { outcome: 'degraded', reason, waitMs } : { outcome: 'complete', members };
  }

  #survey(failureOf: (disk: DiskId) => string): Survey {
    const { environment, volume, record, diskIds, candidates } = this.#parts;
    const { presence, clock, clusterIdentity } = environment;
    const recorded = record();
    const owners = (recorded?.partitions ?? []).map(({ coordinator }) => coordinator);
    return surveyMembers(
      {
        volume: volume.id,
        disks: diskIds(),
        neededBy: (told) => this.#neededBy(told),
        failureOf,
        lackOf: (disks, told) =>
          this.#lackOf(
            disks.map(({ disk }) => disk),
            told,
          ),
        candidates: candidates(),
        coordinators: [...new Set([...owners, ...volume.coordinators])],
        reachOf: (id) => reachOf(environment, volume.hosts, id),
        clusterIdentity,
        recorded: recorded?.disks ?? [],
      },
      presence,
      clock.now(),
    );
  }

  /** The members of the last decision, and those of a later one that disks were told of. */
  #neededBy(told: readonly MirrorSetRecord[]): readonly DiskId[] {
    const record = this.#parts.record();
    if (record === null) return this.#parts.diskIds();
    const { layout, disks } = record;
    const mirrorSets = this.forced.newestSets(record, told);
    if (this.forced.isMade) return memberDisksOf(layout, mirrorSets);
    return [...new Set([...disks.map(({ disk }) => disk), ...memberDisksOf(layout, mirrorSets)])];
  }

  /** Why the volume cannot go on with these disks alone, for people, '' if that goes without saying; null when it can. */
  #lackOf(there: readonly DiskId[], told: readonly MirrorSetRecord[]): string | null {
    const { record: recordNow, environment, diskIds } = this.#parts;
    const record = recordNow();
    if (record === null) return diskIds().every((disk) => there.includes(disk)) ? null : '';
    const { layout } = record;
    this.forced.noteTold(told);
    const mirrorSets = this.forced.newestSets(record, told);
    if (this.forced.isMade)
      return isWhole({ layout, mirrorSets }, (disk) => there.includes(disk)) ? null : '';
    const conflict = conflictIn(mirrorSets, [...record.mirrorSets, ...told]);
    if (conflict !== '') return conflict;
    const away = inSyncDisksOf(layout, mirrorSets).filter((id) => !there.includes(id));
    if (!isWhole({ layout, mirrorSets }, (disk) => there.includes(disk)))
      return `nobody else has all that was written: ${away.join(', ')} must come back`;
    const hasForgotten = mirrorSets.some((set, index) => set !== record.mirrorSets[index]);
    const vouches =
      environment.database.syncsEveryWrite || this.#ownGeneration === record.generation;
    if ((vouches && !hasForgotten) || away.length === 0) return null;
    return `the config database does not vouch for who has all that was written: ${away.join(', ')} must come back`;
  }

  #isEqual(disk: DiskId, last: VolumeRecord, { disks }: Members): boolean {
    const before = last.disks.find((member) => member.disk === disk);
    const now = disks.find((member) => member.disk === disk);
    return this.#resyncedIn === last.generation && before?.instance === now?.instance;
  }
}

function wentOn(disk: DiskId, last: VolumeRecord, { disks }: Members): boolean {
  const before = last.disks.find((member) => member.disk === disk);
  const now = disks.find((member) => member.disk === disk);
  return (
    before !== undefined && before.instance === now?.instance && before.identity === now.identity
  );
}

/** A volume that would go on without one of its members has lost it. */
function lostMembers(record: VolumeRecord, members: Members): string {
  const lost = record.disks.find(({ disk }) => !members.disks.some((each) => each.disk === disk));
  return lost === undefined ? changeOf(record, members) : `disk ${lost.disk} is not there any more`;
}
