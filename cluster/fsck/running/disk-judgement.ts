/** What is wrong with the disks of a running cluster by how they present themselves. Pure. */
import type { DiskId } from '../../../protocols/ids.ts';
import type { Finding } from '../finding.ts';
import type { ToldCluster } from './told-cluster.ts';

/** Judges all disks of the topology. */
export function judgeDisks(told: ToldCluster): readonly Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string, DiskId>();
  for (const [disk, state] of told.disks) {
    if (state.kind === 'silent') findings.push(silent(told, disk));
    if (state.kind === 'unusable') findings.push(unusable(disk, state.reason));
    if (state.kind !== 'open') continue;
    const { identity, clusterIdentity } = state.facts;
    const owner = owners.get(identity);
    if (owner !== undefined) findings.push(twin(owner, disk, identity));
    owners.set(identity, disk);
    const isOurs = [told.clusterIdentity, ''].includes(clusterIdentity);
    if (!isOurs && told.clusterIdentity !== '')
      findings.push(otherCluster(disk, clusterIdentity, told.clusterIdentity));
    for (const { volume } of state.facts.volumes)
      if (isUnheardOf(told, volume)) findings.push(notInDatabase(disk, volume));
  }
  return findings;
}

/** Where the config database cannot be read nobody knows what is not in it. */
function isUnheardOf({ records, ended, unreadable }: ToldCluster, volume: string): boolean {
  const known = [...records.keys(), ...ended.keys()];
  return unreadable.length === 0 && !known.some((each) => each === volume);
}

function silent({ records }: ToldCluster, disk: DiskId): Finding {
  const used = [...records.values()].filter((record) =>
    record.disks.some((member) => member.disk === disk),
  );
  const names = used.map(({ volume }) => volume).join(', ');
  return {
    severity: 'warning',
    kind: 'disk-silent',
    disk,
    what: `disk ${disk} does not answer${names === '' ? '' : `, and is a member of ${names}`}`,
    remedy: `See in sanctor status what became of its node, and start that again; if its file is lost, volumes go on without it where other mirrors have everything.`,
  };
}

function unusable(disk: DiskId, reason: string): Finding {
  return {
    severity: 'error',
    kind: 'disk-unusable',
    disk,
    what: `disk ${disk} cannot be used: ${reason}`,
    remedy:
      'Put back the file that it had last, and start its node again; until then volumes go on without it where other mirrors have everything.',
  };
}

function twin(one: DiskId, other: DiskId, identity: string): Finding {
  return {
    severity: 'error',
    kind: 'twin',
    disk: other,
    what: `disks ${one} and ${other} are one and the same, of identity ${identity}: the file of one was copied over the other`,
    remedy: `Stop the cluster, and put back the file that disk ${other} had last, or that of ${one}: sanctor fsck --data tells which is which.`,
  };
}

function otherCluster(disk: DiskId, identity: string, ours: string): Finding {
  return {
    severity: 'error',
    kind: 'other-cluster',
    disk,
    what: `disk ${disk} belongs to the cluster of identity ${identity}, and the config database is of ${ours}`,
    remedy: `Put back the file of disk ${disk} that belongs here; where all disks are of the other cluster, the config database is.`,
  };
}

function notInDatabase(disk: DiskId, volume: string): Finding {
  return {
    severity: 'warning',
    kind: 'not-in-database',
    disk,
    what: `disk ${disk} knows volume ${volume}, of which the config database has nothing`,
    remedy:
      'If the config database was lost, put back the newest one; what nobody names keeps its place on the disk.',
  };
}
