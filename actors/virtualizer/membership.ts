/**
 * Whether a volume can be assembled now (DESIGN I4): the disks that it is written to must be there and be those that
 * were decided on, or it can go on without those that are not; and a switch must be there that may coordinate it. Pure:
 * judges what `presence` knows.
 */
import type { DiskMember, MirrorSetRecord, VolumeRecord } from '../../protocols/control-data.ts';
import { assemblableDiskStates, type DiskFacts, diskFactsSchema } from '../../protocols/facts.ts';
import type { ActorAddress, DiskId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import {
  type DiskInstance,
  type Incarnation,
  type Instant,
  unitOf,
} from '../../protocols/units.ts';
import type { PresenceTable } from './presence.ts';
import { type Reach, reaches } from './switch-reach.ts';

export interface SwitchMember {
  readonly switch: SwitchId;
  readonly incarnation: Incarnation;
}

/** A disk that is there, with what it told. */
export interface SurveyedDisk extends DiskMember {
  readonly facts: DiskFacts;
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

export interface SurveyQuestion {
  readonly volume: VolumeId;
  readonly disks: readonly DiskId[];
  /** Those that it is written to: what the others are like does not matter. */
  readonly needed: readonly DiskId[];
  /** Why a disk that is there is not to be used, for people; '' when it is. */
  readonly failureOf: (disk: DiskId) => string;
  /** Why the volume cannot go on with these disks alone, for people, '' if that goes without saying; null when it can. */
  readonly lackOf: (disks: readonly SurveyedDisk[]) => string | null;
  /** The switches that may coordinate partitions of the volume: one of them must be there. */
  readonly candidates: readonly SwitchId[];
  /** Those that are meant to: as long as one of them was not heard of yet, nothing is decided without it. */
  readonly coordinators: readonly SwitchId[];
  readonly clusterIdentity: string;
  /** How the volume's hosts reach a switch. */
  readonly reachOf: (id: SwitchId) => Reach;
  /** The disks of the last decision; none before the first. */
  readonly recorded: readonly DiskMember[];
}

/** Before every time until which one is barred. */
const notBarred = Number.NEGATIVE_INFINITY;
/** Bounds what a person has to read. */
const problemsShownMax = 3;

interface Finding {
  readonly problem: string;
  readonly isUnknown: boolean;
}

/** Judges who is there at the time `at`. */
export function surveyMembers(
  question: SurveyQuestion,
  presence: PresenceTable,
  at: Instant,
): Survey {
  const { disks, lacking } = surveyDisks(question, presence, at);
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
  const twin = twinIn(disks.filter(({ disk }) => question.needed.includes(disk)));
  if (twin !== '') findings.push({ problem: twin, isUnknown: false });
  const isUnknown = lacking.some((finding) => finding.isUnknown);
  if (findings.length > 0 || isUnknown) return failed([...lacking, ...findings]);
  const members: Members = {
    disks,
    ...byReach(switches, question, presence),
    ...knownNumbers(disks, question),
  };
  const lack = question.lackOf(disks);
  // Disks may know that others have been in sync since the record was written, which the database has forgotten.
  if (lacking.length === 0 && (lack === '' || lack === null))
    return { outcome: 'complete', members };
  if (lack === '') return failed(lacking);
  if (lack !== null) return failed([...lacking, { problem: lack, isUnknown: false }]);
  const { reason } = failed(lacking);
  return { outcome: 'degraded', members, lacking: lacking.map(({ disk }) => disk), reason };
}

interface LackingDisk extends Finding {
  readonly disk: DiskId;
}

/** The disks that can be used, and those that are needed and cannot. One that is another's copy is not needed. */
function surveyDisks(
  question: SurveyQuestion,
  presence: PresenceTable,
  at: Instant,
): { readonly disks: readonly SurveyedDisk[]; readonly lacking: readonly LackingDisk[] } {
  const found = new Map<DiskId, SurveyedDisk>();
  const lacking: LackingDisk[] = [];
  const isNeeded = (disk: DiskId) => question.needed.includes(disk);
  for (const disk of question.disks.toSorted((a, b) => Number(isNeeded(b)) - Number(isNeeded(a)))) {
    const survey = surveyDisk(disk, question, presence, at);
    const isTwin =
      !('problem' in survey) && [...found.values()].some((one) => one.identity === survey.identity);
    if (isNeeded(disk) && 'problem' in survey) lacking.push({ disk, ...survey });
    else if (!('problem' in survey) && (isNeeded(disk) || !isTwin)) found.set(disk, survey);
  }
  const disks = question.disks.flatMap((disk) => found.get(disk) ?? []);
  return { disks, lacking };
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

function surveyDisk(
  disk: DiskId,
  question: SurveyQuestion,
  presence: PresenceTable,
  at: Instant,
): SurveyedDisk | Finding {
  const address: ActorAddress = { kind: 'disk', id: disk };
  const description = presence.find(address)?.description;
  if (description === undefined) return missing(address, presence, at);
  const refuse = (problem: string): Finding => ({ problem, isUnknown: false });
  if (!assemblableDiskStates.includes(description.state)) {
    const why = description.facts.reason ? `: ${String(description.facts.reason)}` : '';
    return refuse(`disk ${disk} cannot be used, its state is ${description.state}${why}`);
  }
  const parsed = diskFactsSchema.safeParse(description.facts);
  if (!parsed.success)
    return refuse(`disk ${disk} does not present itself as this version expects; is it another?`);
  const { identity, clusterIdentity } = parsed.data;
  const expected = question.recorded.find((member) => member.disk === disk)?.identity ?? identity;
  if (clusterIdentity !== '' && clusterIdentity !== question.clusterIdentity)
    return refuse(
      `disk ${disk} belongs to the cluster with identity ${clusterIdentity}, ` +
        `this one is ${question.clusterIdentity}: put back the disk that belongs here`,
    );
  if (identity !== expected)
    return refuse(
      `disk ${disk} answers as identity ${identity}, expected ${expected}: ` +
        'it was replaced or emptied; put the old one back',
    );
  const instance = unitOf<DiskInstance>(description.incarnation);
  const recorded = question.recorded.find((member) => member.disk === disk)?.instance ?? 0;
  if (instance < recorded)
    return refuse(
      `disk ${disk} is an older copy of itself: it has started ${instance} times, and ${recorded} times before; ` +
        'put back the file that it had last',
    );
  const failure = question.failureOf(disk);
  return failure === '' ? { disk, identity, instance, facts: parsed.data } : refuse(failure);
}

function missing(address: ActorAddress, presence: PresenceTable, at: Instant): Finding {
  const name = `${address.kind} ${address.id}`;
  if (presence.liveness(address, at) === 'unknown')
    return { problem: `${name} was not heard of yet`, isUnknown: true };
  return {
    problem: `${name} is missing: it ${presence.departureOf(address)}`,
    isUnknown: false,
  };
}

/** Two disks with one identity are one disk, or its copy: the mirrors on them would not be two. */
function twinIn(disks: readonly SurveyedDisk[]): string {
  const owners = new Map<string, DiskId>();
  for (const { disk, identity } of disks) {
    const owner = owners.get(identity);
    if (owner !== undefined)
      return `disks ${owner} and ${disk} are one and the same, of identity ${identity}`;
    owners.set(identity, disk);
  }
  return '';
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
    knownSets: own.flatMap(({ mirrorSets }) => mirrorSets),
  };
}

function highest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
