/**
 * Whether the disks of a volume know what the config database says was decided last: a decision takes effect when all
 * members have it (DESIGN I3). Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { conflictIn, newestSets } from '../../../actors/virtualizer/mirror-changes.ts';
import type { DiskMember, VolumeRecord } from '../../../protocols/control-data.ts';
import type { DiskFacts, DiskVolumeFacts } from '../../../protocols/facts.ts';
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import type { Finding } from '../finding.ts';
import type { ToldCluster } from './told-cluster.ts';

/** A disk that answers, and what it was told of the volume. */
interface Told {
  readonly disk: DiskId;
  readonly facts: DiskFacts;
  readonly instance: number;
  readonly entry: DiskVolumeFacts | undefined;
}

/** Judges what the volume's disks were told. */
export function judgeRecord(cluster: ToldCluster, record: VolumeRecord): readonly Finding[] {
  const { volume } = record;
  const told = [...cluster.disks].flatMap(([disk, state]): readonly Told[] => {
    if (state.kind !== 'open') return [];
    const { facts, instance } = state;
    return [{ disk, facts, instance, entry: facts.volumes.find((each) => each.volume === volume) }];
  });
  const sets = told.flatMap(({ entry }) => entry?.mirrorSets ?? []);
  const conflict = conflictIn(newestSets(record.mirrorSets, sets), [...record.mirrorSets, ...sets]);
  return [
    ...judgeNumbers(cluster, record),
    ...(conflict === '' ? [] : [contradiction(volume, conflict)]),
    ...told.flatMap((each) => judgeTold(record, each)),
  ];
}

/** What the record says of itself. */
function judgeNumbers(
  { clusterIdentity, controlEpoch }: ToldCluster,
  record: VolumeRecord,
): readonly Finding[] {
  const { volume } = record;
  if (clusterIdentity !== '' && record.clusterIdentity !== clusterIdentity)
    return [
      {
        severity: 'error',
        kind: 'other-cluster',
        volume,
        what: `the record of volume ${volume} in the config database is of the cluster of identity ${record.clusterIdentity}, and the database of ${clusterIdentity}`,
        remedy: 'Keys of two clusters were mixed up: put back the newest copy of this one.',
      },
    ];
  if (controlEpoch === null || record.controlEpoch <= controlEpoch) return [];
  return [
    olderDatabase(
      volume,
      `volume ${volume} was decided about under control epoch ${record.controlEpoch}, and the key that says who decides has ${controlEpoch}`,
    ),
  ];
}

function judgeTold(record: VolumeRecord, told: Told): readonly Finding[] {
  const { volume, generation } = record;
  const { disk, entry } = told;
  const member = record.disks.find((each) => each.disk === disk);
  const strange = member === undefined ? null : strangerAs(volume, member, told);
  if (strange !== null) return [strange];
  if (entry === undefined) return member === undefined ? [] : [notKnown(volume, disk)];
  const newer = newerThan(record, entry);
  if (newer !== '') return [olderDatabase(volume, `disk ${disk} was told ${newer}`, disk)];
  if (member === undefined) return [];
  if (entry.generation < generation) return [behind(record, told, entry)];
  const isToldSo = entry.mirrorSets.every((set) => {
    const own = record.mirrorSets.find((each) => each.set === set.set);
    return isDeepStrictEqual(own, set);
  });
  if (isToldSo && entry.controlEpoch === record.controlEpoch) return [];
  const what = isToldSo ? 'control epochs' : 'states of mirrors';
  return [
    {
      severity: 'error',
      kind: 'disagreement',
      disk,
      volume,
      what: `disk ${disk} and the config database have different ${what} of volume ${volume} under one generation, ${generation}`,
      remedy:
        'Two decisions were made as one, which must not happen: stop the cluster, and copy all disk files and the config database before it is started.',
    },
  ];
}

/** Another disk than the one that is a member; null when it is that one. */
function strangerAs(volume: VolumeId, member: DiskMember, { disk, facts }: Told): Finding | null {
  if (facts.identity !== member.identity)
    return {
      severity: 'error',
      kind: 'other-disk',
      disk,
      volume,
      what: `disk ${disk} answers as identity ${facts.identity}, and volume ${volume} knows it as ${member.identity}: it was replaced or emptied`,
      remedy: 'Put back the file that it had last.',
    };
  if (facts.starts.includes(member.instance)) return null;
  return {
    severity: 'error',
    kind: 'older-copy',
    disk,
    volume,
    what: `disk ${disk} is an older copy of itself: volume ${volume} was in use after it had been copied`,
    remedy: 'Put back the file that it had last.',
  };
}

/** What a disk was told that the record does not have yet, for people; '' for nothing. */
function newerThan(record: VolumeRecord, entry: DiskVolumeFacts): string {
  const { generation, controlEpoch, lastEpoch, mirrorSets } = record;
  if (entry.generation > generation)
    return `generation ${entry.generation}, and the config database has ${generation}`;
  if (entry.controlEpoch > controlEpoch)
    return `control epoch ${entry.controlEpoch}, and the config database has ${controlEpoch}`;
  if (entry.highestEpoch > lastEpoch)
    return `epoch ${entry.highestEpoch}, and the config database has issued none above ${lastEpoch}`;
  const set = entry.mirrorSets.find((each) =>
    mirrorSets.some((own) => own.set === each.set && own.eventCount < each.eventCount),
  );
  return set === undefined
    ? ''
    : `event count ${set.eventCount} of ${set.set}, and the config database has a lower one`;
}

function olderDatabase(volume: VolumeId, what: string, disk?: DiskId): Finding {
  return {
    severity: 'error',
    kind: 'database-older',
    ...(disk === undefined ? {} : { disk }),
    volume,
    what: `${what}: the config database has lost what was decided about volume ${volume}`,
    remedy:
      'The next decision goes on from the highest numbers that disks know; find out whether the database was put back from a copy, or its server does not sync what it writes.',
  };
}

function behind(record: VolumeRecord, { disk, instance }: Told, entry: DiskVolumeFacts): Finding {
  const { volume, generation, disks } = record;
  const isAnother = disks.some((each) => each.disk === disk && each.instance !== instance);
  return {
    severity: 'warning',
    kind: 'behind',
    disk,
    volume,
    what: `disk ${disk} knows volume ${volume} in generation ${entry.generation}, and the config database has ${generation}${isAnother ? '; it was started again since' : ''}`,
    remedy:
      'The decision takes effect when all members have it, and what it concerns waits: see in sanctor status for whom.',
  };
}

function notKnown(volume: VolumeId, disk: DiskId): Finding {
  return {
    severity: 'error',
    kind: 'not-known',
    disk,
    volume,
    what: `disk ${disk} knows nothing of volume ${volume}, of which it is a member by the config database`,
    remedy: `Put back the file that disk ${disk} had last.`,
  };
}

function contradiction(volume: VolumeId, conflict: string): Finding {
  return {
    severity: 'error',
    kind: 'disagreement',
    volume,
    what: `the disks of volume ${volume} and the config database disagree about who is in sync: ${conflict}`,
    remedy:
      'Put back disks that were restored from older copies, and the newest config database; sanctor volume assemble says what is lost by going on with one mirror.',
  };
}
