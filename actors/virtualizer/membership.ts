/**
 * Whether a volume can be assembled now: every disk that it lies on must be there and be the one that it was made
 * on (DESIGN I4), and a switch that may coordinate it. Pure: judges what `presence` knows.
 */
import type { DiskMember, VolumeRecord } from '../../protocols/control-data.ts';
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
}

/** `unknown`: nothing was listened for long enough yet to call anybody missing. */
export type Survey =
  | { readonly outcome: 'complete'; readonly members: Members }
  | { readonly outcome: 'unknown' | 'missing'; readonly reason: string };

export interface SurveyQuestion {
  readonly volume: VolumeId;
  readonly disks: readonly DiskId[];
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
  const findings: Finding[] = [];
  const disks: SurveyedDisk[] = [];
  const switches: SwitchMember[] = [];
  const absent: Finding[] = [];
  for (const disk of question.disks) {
    const found = surveyDisk(disk, question, presence, at);
    if ('problem' in found) findings.push(found);
    else disks.push(found);
  }
  for (const candidate of question.candidates) {
    const address: ActorAddress = { kind: 'switch', id: candidate };
    const found = presence.find(address);
    if (found !== undefined)
      switches.push({ switch: candidate, incarnation: found.description.incarnation });
    else if (question.coordinators.includes(candidate)) absent.push(missing(address, presence, at));
  }
  findings.push(...absent.filter(({ isUnknown }) => isUnknown || switches.length === 0));
  findings.push(...twins(disks));
  if (findings.length > 0) return failed(findings);
  return {
    outcome: 'complete',
    members: {
      disks,
      ...byReach(switches, question, presence),
      ...knownNumbers(disks, question),
    },
  };
}

/** Why what is there now is not what a decision was made for, for people; '' when it still is. */
export function changeOf(record: VolumeRecord, members: Members): string {
  for (const { disk, instance } of members.disks) {
    const recorded = record.disks.find((member) => member.disk === disk);
    if (recorded?.instance !== instance) return `disk ${disk} restarted`;
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
  return { disk, identity, instance, facts: parsed.data };
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
function twins(disks: readonly SurveyedDisk[]): readonly Finding[] {
  const owners = new Map<string, DiskId>();
  return disks.flatMap(({ disk, identity }) => {
    const owner = owners.get(identity);
    owners.set(identity, disk);
    if (owner === undefined) return [];
    const problem = `disks ${owner} and ${disk} are one and the same, of identity ${identity}`;
    return [{ problem, isUnknown: false }];
  });
}

function failed(findings: readonly Finding[]): Survey {
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
