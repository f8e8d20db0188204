/**
 * Whether a volume can be assembled now (DESIGN I4): the disks that it is written to must be there and be those that
 * were decided on, or it can go on without those that are not; and a switch must be there that may coordinate it. Pure:
 * judges what `presence` knows.
 */
import type { MirrorSetRecord, VolumeRecord } from '../../protocols/control-data.ts';
import type { ActorAddress, DiskId, SwitchId } from '../../protocols/ids.ts';
import type { Incarnation, Instant } from '../../protocols/units.ts';
import {
  type DiskQuestion,
  type Finding,
  missing,
  type SurveyedDisk,
  surveyDisks,
} from './disk-survey.ts';
import type { PresenceTable } from './presence.ts';
import { type Reach, reaches } from './switch-reach.ts';

export interface SwitchMember {
  readonly switch: SwitchId;
  readonly incarnation: Incarnation;
}

/** What a volume can be assembled from now. */
export interface Members {
  /** Those of its disks that are there and can be used, whether they are members yet or not. */
  readonly disks: readonly SurveyedDisk[];
  /** Those that are there and may coordinate; in reach of all hosts, unless that is said of none. */
  readonly switches: readonly SwitchMember[];
  /** Those that are there, and are not named above because a host does not reach them. */
  readonly outOfReach: readonly SwitchId[];
  /** The highest numbers that any of the disks knows of this volume. */
  readonly knownEpoch: number;
  readonly knownGeneration: number;
  /** The highest control epoch under which any of the disks was told of this volume. */
  readonly knownControlEpoch: number;
  /** What those disks were told last of who is in sync. */
  readonly knownSets: readonly MirrorSetRecord[];
}

/**
 * - `degraded`: it could go on without the disks that are lacking.
 * - `unknown`: nothing was listened for long enough yet to call anybody missing.
 */
export type Survey =
  | { readonly outcome: 'complete'; readonly members: Members }
  | {
      readonly outcome: 'degraded';
      readonly members: Members;
      readonly lacking: readonly DiskId[];
      readonly reason: string;
    }
  | { readonly outcome: 'unknown' | 'missing'; readonly reason: string };

export interface SurveyQuestion extends DiskQuestion {
  /**
   * Why the volume cannot go on with these disks alone, for people, '' if that goes without saying; null when it can.
   *
   * @param told what all disks that are there were told last of who is in sync
   */
  readonly lackOf: (
    disks: readonly SurveyedDisk[],
    told: readonly MirrorSetRecord[],
  ) => string | null;
  /** The switches that may coordinate partitions of the volume: one of them must be there. */
  readonly candidates: readonly SwitchId[];
  /** Those that are meant to: as long as one of them was not heard of yet, nothing is decided without it. */
  readonly coordinators: readonly SwitchId[];
  /** How the volume's hosts reach a switch. */
  readonly reachOf: (id: SwitchId) => Reach;
}

/** Before every time until which one is barred. */
const notBarred = Number.NEGATIVE_INFINITY;
/** Bounds what a person has to read. */
const problemsShownMax = 3;

/** Judges who is there at the time `at`. */
export function surveyMembers(
  question: SurveyQuestion,
  presence: PresenceTable,
  at: Instant,
): Survey {
  const { disks, lacking, told, twin } = surveyDisks(question, presence, at);
  const findings: Finding[] = [];
  const switches: SwitchMember[] = [];
  const absent: Finding[] = [];
  for (const candidate of question.candidates) {
    const address: ActorAddress = { kind: 'switch', id: candidate };
    const found = presence.find(address);
    if (found !== undefined)
      switches.push({ switch: candidate, incarnation: found.description.incarnation });
    else if (question.coordinators.includes(candidate)) absent.push(missing(address, presence, at));
  }
  findings.push(...absent.filter(({ isUnknown }) => isUnknown || switches.length === 0));
  if (twin !== '') findings.push({ problem: twin, isUnknown: false });
  const isUnknown = lacking.some((finding) => finding.isUnknown);
  if (findings.length > 0 || isUnknown) return failed([...lacking, ...findings]);
  const lack = question.lackOf(disks, told);
  if (lack === '') return failed(lacking);
  if (lack !== null) return failed([...lacking, { problem: lack, isUnknown: false }]);
  const members: Members = {
    disks,
    ...byReach(switches, question, presence),
    ...knownNumbers(disks, question),
    knownSets: told,
  };
  if (lacking.length === 0) return { outcome: 'complete', members };
  const { reason } = failed(lacking);
  return { outcome: 'degraded', members, lacking: lacking.map(({ disk }) => disk), reason };
}

/** Why what is there now is not what a decision was made for, for people; '' when it still is. */
export function changeOf(record: VolumeRecord, members: Members): string {
  for (const { disk, instance } of record.disks) {
    const member = members.disks.find((each) => each.disk === disk);
    if (member?.instance !== instance) return `disk ${disk} restarted`;
  }
  for (const { coordinator, ownerIncarnation } of record.partitions) {
    const member = members.switches.find((each) => each.switch === coordinator);
    if (members.outOfReach.includes(coordinator))
      return `switch ${coordinator} is out of reach of a host`;
    if (member === undefined) return `switch ${coordinator} is not there any more`;
    if (ownerIncarnation !== member.incarnation) return `switch ${coordinator} restarted`;
  }
  return '';
}

/**
 * Only the best reach that any switch has counts: one that may be deaf is better than one that a host has no way to, and
 * where no switch is in reach of all hosts, none is better than the others. Of those that may be deaf only the one
 * counts that was found so first: what was wrong with it is the likeliest to be over.
 */
function byReach(
  switches: readonly SwitchMember[],
  { reachOf }: SurveyQuestion,
  presence: PresenceTable,
): Pick<Members, 'switches' | 'outOfReach'> {
  const reached = switches.map((member) => ({
    member,
    reach: reachOf(member.switch),
    barredUntil: presence.barredUntil({ kind: 'switch', id: member.switch }) ?? notBarred,
  }));
  const best = reaches.find((each) => reached.some(({ reach }) => reach === each));
  const fitting = reached.filter(({ reach }) => reach === best);
  const firstUntil = Math.min(...fitting.map(({ barredUntil }) => barredUntil));
  const kept =
    best === 'deaf' ? fitting.filter(({ barredUntil }) => barredUntil === firstUntil) : fitting;
  return {
    switches: kept.map(({ member }) => member),
    outOfReach: reached.filter((each) => !kept.includes(each)).map(({ member }) => member.switch),
  };
}

function failed(
  findings: readonly Finding[],
): Extract<Survey, { readonly outcome: 'unknown' | 'missing' }> {
  const certain = findings.filter(({ isUnknown }) => !isUnknown);
  const shown = (certain.length > 0 ? certain : findings).map(({ problem }) => problem);
  const more = shown.length - problemsShownMax;
  const reason = shown.slice(0, problemsShownMax).join('; ');
  return {
    outcome: certain.length > 0 ? 'missing' : 'unknown',
    reason: more > 0 ? `${reason}; and ${more} more` : reason,
  };
}

function knownNumbers(disks: readonly SurveyedDisk[], { volume }: SurveyQuestion) {
  const own = disks
    .flatMap(({ facts }) => facts.volumes)
    .filter((facts) => facts.volume === volume);
  return {
    knownEpoch: highest(own.map(({ highestEpoch }) => highestEpoch)),
    knownGeneration: highest(own.map(({ generation }) => generation)),
    knownControlEpoch: highest(own.map(({ controlEpoch }) => controlEpoch)),
  };
}

function highest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
