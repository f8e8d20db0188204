/**
 * Which disks of a volume are there and can be used, and which of those that are needed are lacking (DESIGN I4). Pure:
 * judges what `presence` knows.
 */
import type { DiskMember, MirrorSetRecord } from '../../protocols/control-data.ts';
import { assemblableDiskStates, type DiskFacts, diskFactsSchema } from '../../protocols/facts.ts';
import type { ActorAddress, DiskId, VolumeId } from '../../protocols/ids.ts';
import { type DiskInstance, type Instant, unitOf } from '../../protocols/units.ts';
import type { PresenceTable } from './presence.ts';

/** A disk that is there, with what it told. */
export interface SurveyedDisk extends DiskMember {
  readonly facts: DiskFacts;
}

export interface DiskQuestion {
  readonly volume: VolumeId;
  readonly disks: readonly DiskId[];
  /**
   * Those that must be there, or be gone on without: what the others are like does not matter.
   *
   * @param told what all disks that are there were told last of who is in sync
   */
  readonly neededBy: (told: readonly MirrorSetRecord[]) => readonly DiskId[];
  /** Why a disk that is there is not to be used, for people; '' when it is. */
  readonly failureOf: (disk: DiskId) => string;
  readonly clusterIdentity: string;
  /** The disks of the last decision; none before the first. */
  readonly recorded: readonly DiskMember[];
}

export interface Finding {
  readonly problem: string;
  readonly isUnknown: boolean;
}

export interface LackingDisk extends Finding {
  readonly disk: DiskId;
}

export interface DiskSurvey {
  /** Those that can be used. */
  readonly disks: readonly SurveyedDisk[];
  /** Those that are needed and cannot. */
  readonly lacking: readonly LackingDisk[];
  /** What all that are there were told last of who is in sync. */
  readonly told: readonly MirrorSetRecord[];
  /** Why two that are needed are one, for people; '' when all are different ones. */
  readonly twin: string;
}

/** Looks at the disks of a volume. One that is a copy of another is of no use, unless it is needed. */
export function surveyDisks(
  question: DiskQuestion,
  presence: PresenceTable,
  at: Instant,
): DiskSurvey {
  const surveys = question.disks.map(
    (disk) => [disk, surveyDisk(disk, question, presence, at)] as const,
  );
  const told = surveys
    .flatMap(([, { facts }]) => facts?.volumes ?? [])
    .filter(({ volume }) => volume === question.volume)
    .flatMap(({ mirrorSets }) => mirrorSets);
  const needed = question.neededBy(told);
  const lacking = surveys.flatMap(([disk, survey]) =>
    'problem' in survey && needed.includes(disk) ? [{ disk, ...survey }] : [],
  );
  const usable = surveys.flatMap(([, survey]) => ('problem' in survey ? [] : [survey]));
  const isNeeded = ({ disk }: SurveyedDisk) => needed.includes(disk);
  const isCopy = (one: SurveyedDisk) =>
    usable.some((other) => other.identity === one.identity && isNeeded(other));
  const disks = usable.filter((one) => isNeeded(one) || !isCopy(one));
  return { disks, lacking, told, twin: twinIn(disks) };
}

function surveyDisk(
  disk: DiskId,
  question: DiskQuestion,
  presence: PresenceTable,
  at: Instant,
): SurveyedDisk | (Finding & { readonly facts?: DiskFacts }) {
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
  const recorded = question.recorded.find((member) => member.disk === disk)?.instance ?? instance;
  if (!parsed.data.starts.includes(recorded))
    return refuse(
      `disk ${disk} is an older copy of itself: the volume was in use after it had been copied; ` +
        'put back the file that it had last',
    );
  const failure = question.failureOf(disk);
  const found = { disk, identity, instance, facts: parsed.data };
  return failure === '' ? found : { ...refuse(failure), facts: parsed.data };
}

export function missing(address: ActorAddress, presence: PresenceTable, at: Instant): Finding {
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
