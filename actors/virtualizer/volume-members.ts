/**
 * Who makes up a volume now, and what becomes of its mirrors (DESIGN I3, I4, I8): asks `membership` who is there, waits
 * for disks that may be back soon, and says which mirrors are to be stale, resyncing or in sync next.
 */
import type { MirrorSetRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { DiskId, SwitchId } from '../../protocols/ids.ts';
import { extentStatesOf } from '../../protocols/layout/extent-states.ts';
import { extentsOf } from '../../protocols/layout/layout.ts';
import type { Volume } from '../../protocols/topology.ts';
import { Absences } from './absences.ts';
import { changeOf, type Members, type Survey, surveyMembers } from './membership.ts';
import { changesBetween, isWhole, newestSets, nextMirrorSets } from './mirror-changes.ts';
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
  /** The decision under which what was resyncing has become equal. */
  #resyncedIn = 0;
  /** The last decision that this virtualizer made itself. */
  #ownGeneration = 0;

  constructor(parts: MembersParts) {
    this.#parts = parts;
    const { membership } = parts.environment.input.topology.policies;
    this.#absences = new Absences(membership.staleAfterMs);
  }

  /** Looks at who is there now. */
  survey(): GracedSurvey {
    const survey = this.#survey((disk) => this.#failureOf(disk));
    if (survey.outcome !== 'missing') return this.#graced(survey);
    // Better one that fails at times than none.
    return this.#graced(this.#survey(() => ''));
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
    const mirrorSets = newestSets(last.mirrorSets, members.knownSets);
    return nextMirrorSets(
      { layout, mirrorSets },
      {
        has,
        returns: (disk) => this.#failureOf(disk) === '',
        isEqual: (disk) => this.#isEqual(disk, last, members),
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

  /** These disks are there, and cannot do what members do. */
  noteFailed(disks: readonly DiskId[], reason: string): void {
    const { presence, clock } = this.#parts.environment;
    for (const id of disks.filter((each) => this.#parts.diskIds().includes(each)))
      presence.bar({ kind: 'disk', id }, this.#absences.failed(id, reason, clock.now()));
  }

  /** A disk would not do its part of a decision. @param reason for people */
  noteRefusal(disk: DiskId, reason: string): void {
    if (this.#absences.refused(disk)) this.noteFailed([disk], reason);
  }

  /** All disks did their part of the last decision. */
  noteConfirmed(): void {
    this.#absences.confirmed();
  }

  /** A decision of this virtualizer is written. */
  decided(record: VolumeRecord): void {
    this.#ownGeneration = record.generation;
    const states = extentStatesOf(record.layout, record.mirrorSets);
    for (const { disk, extent } of extentsOf(record.layout))
      if (states.get(extent) === 'in-sync' && this.#failureOf(disk) === '')
        this.#absences.healed(disk);
  }

  #graced(survey: Survey): GracedSurvey {
    const { clock } = this.#parts.environment;
    if (survey.outcome !== 'degraded') {
      this.#absences.note([], [], clock.now());
      return survey;
    }
    const { lacking, members, reason } = survey;
    const waited = lacking.filter((disk) => this.#failureOf(disk) === '');
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
        needed: recorded === null ? diskIds() : recorded.disks.map(({ disk }) => disk),
        failureOf,
        lackOf: (disks) =>
          this.#lackOf(
            disks.map(({ disk }) => disk),
            disks.flatMap(({ facts }) => facts.volumes),
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

  /** Why the volume cannot go on with these disks alone, for people, '' if that goes without saying; null when it can. */
  #lackOf(
    there: readonly DiskId[],
    told: readonly { readonly volume: string; readonly mirrorSets: readonly MirrorSetRecord[] }[],
  ): string | null {
    const { record: recordNow, environment, volume } = this.#parts;
    const record = recordNow();
    if (record === null) return '';
    const { layout } = record;
    const own = told.filter((each) => each.volume === volume.id);
    const mirrorSets = newestSets(
      record.mirrorSets,
      own.flatMap((each) => each.mirrorSets),
    );
    const states = extentStatesOf(layout, mirrorSets);
    const inSync = extentsOf(layout).filter(({ extent }) => states.get(extent) === 'in-sync');
    const away = [...new Set(inSync.map(({ disk }) => disk))].filter((id) => !there.includes(id));
    if (!isWhole({ layout, mirrorSets }, (disk) => there.includes(disk)))
      return `nobody else has all that was written: ${away.join(', ')} must come back`;
    const hasForgotten = mirrorSets.some((set, index) => set !== record.mirrorSets[index]);
    const vouches =
      environment.database.syncsEveryWrite || this.#ownGeneration === record.generation;
    if ((vouches && !hasForgotten) || away.length === 0) return null;
    return `the config database does not vouch for who has all that was written: ${away.join(', ')} must come back`;
  }

  /** Why a disk that is there is not to be used yet, for people; '' when it is. */
  #failureOf(id: DiskId): string {
    const { presence } = this.#parts.environment;
    return presence.isBarred({ kind: 'disk', id }) ? this.#absences.reasonOf(id) : '';
  }

  #isEqual(disk: DiskId, last: VolumeRecord, { disks }: Members): boolean {
    const before = last.disks.find((member) => member.disk === disk);
    const now = disks.find((member) => member.disk === disk);
    return this.#resyncedIn === last.generation && before?.instance === now?.instance;
  }
}

/** A volume that would go on without one of its members has lost it. */
function lostMembers(record: VolumeRecord, members: Members): string {
  const lost = record.disks.find(({ disk }) => !members.disks.some((each) => each.disk === disk));
  return lost === undefined ? changeOf(record, members) : `disk ${lost.disk} is not there any more`;
}
