/**
 * Whether a volume of a running cluster serves, from mirrors that are in sync, and by the decision that the config database
 * has. Pure.
 */
import { isWhole } from '../../../actors/virtualizer/mirror-changes.ts';
import type { MirrorState, VolumeRecord } from '../../../protocols/control-data.ts';
import { hostFactsSchema } from '../../../protocols/facts.ts';
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import { inSyncDisksOf } from '../../../protocols/layout/extent-states.ts';
import { extentsOf, mirrorSetsOf } from '../../../protocols/layout/layout.ts';
import { sizeText } from '../../../protocols/topology/sizes.ts';
import type { VolumeFacts } from '../../volume-status-report.ts';
import type { Finding } from '../finding.ts';
import type { ToldCluster } from './told-cluster.ts';

/** Judges a volume that was decided about. */
export function judgeServing(told: ToldCluster, record: VolumeRecord): readonly Finding[] {
  const facts = told.virtualizer?.facts.volumes.find(({ volume }) => volume === record.volume);
  return [
    ...judgeDecider(told, record, facts),
    ...judgeMirrors(told, record, facts),
    ...judgeWholeness(told, record),
    ...judgeFollowers(told, record),
    ...(facts === undefined ? [] : judgeReports(facts, record.volume)),
  ];
}

function judgeDecider(
  { virtualizer }: ToldCluster,
  { volume, generation }: VolumeRecord,
  facts: VolumeFacts | undefined,
): readonly Finding[] {
  if (virtualizer === null) return [];
  if (facts === undefined)
    return [
      {
        severity: 'error',
        kind: 'not-serving',
        volume,
        what: `no virtualizer decides about volume ${volume}, of which the config database has a record`,
        remedy:
          'Start the cluster with the topology that names it; one that nobody names keeps its place on the disks.',
      },
    ];
  const findings: Finding[] = [];
  // One that is being deleted does not, and need not.
  if (facts.state !== 'serving' && !facts.state.startsWith('end'))
    findings.push({
      severity: 'error',
      kind: 'not-serving',
      volume,
      what: `volume ${volume} does not serve, it is ${facts.state}${facts.reason === '' ? '' : `: ${facts.reason}`}`,
      remedy: 'What is asked of it waits; sanctor status and sanctor watch say for whom.',
    });
  if (facts.generation !== generation)
    findings.push({
      severity: 'error',
      kind: 'disagreement',
      volume,
      what: `virtualizer ${virtualizer.id} goes by generation ${facts.generation} of volume ${volume}, and the config database has ${generation}`,
      remedy:
        'Somebody else wrote to the config database, or it was put back from a copy: restart the node of the virtualizer, which reads it again.',
    });
  return findings;
}

function judgeMirrors(
  told: ToldCluster,
  { volume, layout, mirrorSets }: VolumeRecord,
  facts: VolumeFacts | undefined,
): readonly Finding[] {
  return mirrorSetsOf(layout).flatMap(({ set, node }) => {
    const record = mirrorSets.find((each) => each.set === set);
    return node.children.flatMap((child, mirror): readonly Finding[] => {
      const state = record?.mirrors[mirror] ?? 'stale';
      if (state === 'in-sync') return [];
      const disks = [...new Set(extentsOf(child).map(({ disk }) => disk))];
      return [
        {
          severity: 'warning',
          kind: 'fewer-mirrors',
          volume,
          set,
          what: `the mirror on ${disks.join(', ')} of ${set} is ${state} by event count ${record?.eventCount ?? 0}: ${whyNot(told, state, disks, facts)}`,
          remedy:
            state === 'detached'
              ? 'It was taken out of the set, and stays out.'
              : 'It is made equal by itself once all its disks are there, and read only then.',
        },
      ];
    });
  });
}

/** Why a mirror is not in sync, for people. */
function whyNot(
  { disks: states }: ToldCluster,
  state: MirrorState,
  disks: readonly DiskId[],
  facts: VolumeFacts | undefined,
): string {
  if (state === 'detached') return 'it was taken out';
  const away = disks.filter((disk) => states.get(disk)?.kind !== 'open');
  if (away.length > 0)
    return away
      .map((disk) => {
        const told = states.get(disk);
        return `disk ${disk} ${told?.kind === 'unusable' ? `cannot be used, ${told.reason}` : 'does not answer'}`;
      })
      .join('; ');
  if (state === 'stale') return 'its disks are there, and were not taken back yet';
  const resync = facts?.resync;
  if (resync === null || resync === undefined) return 'it is being made equal';
  const { totalBytes, remainingBytes, problem } = resync;
  const left = `it is being made equal, ${sizeText(remainingBytes)} of ${sizeText(totalBytes)} are left`;
  return problem === '' ? left : `${left}, and it does not go on: ${problem}`;
}

/** Whether the disks that answer, and are the ones that they were, have everything (DESIGN I4). */
function judgeWholeness(told: ToldCluster, record: VolumeRecord): readonly Finding[] {
  const { volume, layout, mirrorSets } = record;
  const has = (disk: DiskId) => {
    const state = told.disks.get(disk);
    const member = record.disks.find((each) => each.disk === disk);
    return state?.kind === 'open' && state.facts.identity === member?.identity;
  };
  if (isWhole({ layout, mirrorSets }, has)) return [];
  const away = inSyncDisksOf(layout, mirrorSets).filter((disk) => !has(disk));
  return [
    {
      severity: 'error',
      kind: 'cannot-be-assembled',
      volume,
      what: `volume ${volume} cannot be served from the disks that answer: nobody else has all that was written to ${away.join(', ')}`,
      remedy: `Of each mirror set one mirror that was in sync must come back, of those on ${away.join(', ')}; if none will, sanctor volume assemble says what is lost by going on without.`,
    },
  ];
}

/** Those who act on the decision: coordinators, and hosts that have the volume. */
function judgeFollowers(told: ToldCluster, record: VolumeRecord): readonly Finding[] {
  const coordinators = new Map(
    record.partitions.map(({ coordinator, ownerIncarnation }) => [coordinator, ownerIncarnation]),
  );
  const hosts = record.attachments.map(({ host, hostIncarnation }) => [host, hostIncarnation]);
  return [
    ...[...coordinators].flatMap(([id, incarnation]) =>
      judgeFollower(told, record, { kind: 'switch', id, incarnation }),
    ),
    ...hosts.flatMap(([id, incarnation]) =>
      judgeFollower(told, record, {
        kind: 'host',
        id: String(id),
        incarnation: Number(incarnation),
      }),
    ),
  ];
}

interface Follower {
  readonly kind: 'switch' | 'host';
  readonly id: string;
  readonly incarnation: number;
}

function judgeFollower(
  { others }: ToldCluster,
  { volume, generation }: VolumeRecord,
  { kind, id, incarnation }: Follower,
): readonly Finding[] {
  const name = `${kind} ${id}`;
  const role = kind === 'switch' ? 'coordinates writes' : 'is a host';
  const description = others.get(id) ?? null;
  if (description === null)
    return [
      {
        severity: kind === 'switch' ? 'error' : 'warning',
        kind: 'actor-silent',
        volume,
        what: `${name} ${role} of volume ${volume}, and does not answer`,
        remedy:
          'The virtualizer gives its place to another when it is seen to end; see in sanctor status what became of its node.',
      },
    ];
  const known = hostFactsSchema.safeParse(description.facts).data?.volumes ?? [];
  const held = known.find((each) => each.volume === volume)?.generation ?? 0;
  if (held >= generation && description.incarnation === incarnation) return [];
  const why =
    description.incarnation === incarnation
      ? `goes by generation ${held}, and the config database has ${generation}`
      : 'was started again since that was decided';
  return [
    {
      severity: 'warning',
      kind: 'behind',
      volume,
      what: `${name} ${role} of volume ${volume}, and ${why}`,
      remedy:
        'It is told again by itself; if this stays, see sanctor status for what is in the way.',
    },
  ];
}

/** What the virtualizer tells operators anyway. */
function judgeReports(
  { removalsProposed, scrub }: VolumeFacts,
  volume: VolumeId,
): readonly Finding[] {
  const proposed = removalsProposed.map(
    ({ disk, mirrorSet, reason }): Finding => ({
      severity: 'warning',
      kind: 'removal-proposed',
      disk: disk as DiskId,
      volume,
      what: `the mirror on ${disk} of ${mirrorSet} had better be removed: ${reason}`,
      remedy: 'Move the file of the disk to another medium.',
    }),
  );
  if (scrub === null || scrub.keptBlocks === 0) return proposed;
  const { keptBlocks, keptAt, keptReason } = scrub;
  return [
    ...proposed,
    {
      severity: 'error',
      kind: 'kept-blocks',
      volume,
      what: `the last scrub of volume ${volume} left ${keptBlocks} bad blocks as they are, the first at ${sizeText(keptAt)}: ${keptReason}`,
      remedy: 'Restore them from a backup, or write them anew; sanctor scrub looks again.',
    },
  ];
}
