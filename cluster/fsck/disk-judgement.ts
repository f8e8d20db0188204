/** What is wrong with one disk by what was read of it, before anybody asks what lies on it. Pure. */
import { whyNot } from '../../actors/disk/open-disk.ts';
import type { Replayed } from '../../actors/disk/replay.ts';
import type { Slot, SuperblockContent } from '../../actors/disk/superblock.ts';
import type { ClusterId, DiskId } from '../../protocols/ids.ts';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { blockBytes, roundDown } from '../../protocols/units.ts';
import type { DiskFile } from './disk-files.ts';
import type { ReadDisk } from './examined-disk.ts';
import type { Finding } from './finding.ts';

/** What is judged of a disk. */
export interface DiskEvidence {
  readonly file: Pick<DiskFile, 'disk' | 'path' | 'sizeBytes'>;
  readonly storeBytes: number;
  readonly read: ReadDisk;
}

/** A file that is not there, or cannot be opened, and a disk that was kept in memory. */
export function judgeFile({ disk, path, found }: DiskFile, isUsed: boolean): readonly Finding[] {
  if (found === 'memory')
    return [
      {
        severity: 'note',
        kind: 'disk-in-memory',
        disk,
        what: `disk ${disk} is kept in memory, so that nothing of it is left`,
        remedy: 'Nothing can be done.',
      },
    ];
  if ('store' in found) return [];
  const { kind, message } = found.problem;
  if (kind !== 'missing')
    return [
      {
        severity: 'error',
        kind: 'disk-unusable',
        disk,
        what: `disk ${disk} cannot be looked at: ${message}`,
        remedy: 'Mend that, and check again before the cluster is started.',
      },
    ];
  return [
    {
      severity: isUsed ? 'error' : 'note',
      kind: 'disk-missing',
      disk,
      what: `the file of disk ${disk} is missing: ${path}`,
      remedy: isUsed
        ? `Put it back before the cluster is started, which would make a new, empty disk ${disk} in its place.`
        : 'It is made when the cluster is started; no volume of the topology lies on it.',
    },
  ];
}

/** Superblock, journal and size of a disk. */
export function judgeDisk(evidence: DiskEvidence): readonly Finding[] {
  const { file, storeBytes, read } = evidence;
  const { disk, path } = file;
  if (read.kind !== 'valid')
    return [
      {
        severity: 'error',
        kind: 'disk-unusable',
        disk,
        what: `disk ${disk} cannot be used: ${whyNot(read, storeBytes)} (${path})`,
        remedy:
          'Put back the file that it had last; until then volumes go on without it where other mirrors have everything.',
      },
    ];
  return [
    ...judgeSlots(disk, read.slots),
    ...judgeJournal(disk, read.replayed, read.damagedCheckpoints.length),
    ...judgeSize(evidence, read.superblock.content.sizeBytes),
  ];
}

const copyNames = ['first', 'second'];

/**
 * One slot may rot, or be torn by a crash; two of a pair would have been refused. Of a pair, the first copy is written
 * first.
 */
export function judgeSlots(disk: DiskId, slots: readonly Slot[]): readonly Finding[] {
  return [0, 1].flatMap((parity) =>
    [0, 1].flatMap((copy): readonly Finding[] => {
      const [slot, other] = [slots[copy * 2 + parity], slots[(1 - copy) * 2 + parity]];
      if (slot?.kind !== 'valid')
        return [
          {
            severity: 'warning',
            kind: 'damaged-superblock',
            disk,
            what: `of disk ${disk} the ${copyNames[copy]} copy of its superblocks with ${parity === 0 ? 'even' : 'odd'} numbers is damaged; the other copy is whole`,
            remedy:
              'The next changes of the superblock write it again, and so does sanctor fsck --repair; if it comes back, move the file to another medium.',
          },
        ];
      if (copy === 0 || other?.kind !== 'valid') return [];
      return judgePair(disk, slot, other);
    }),
  );
}

type ValidSlot = Extract<Slot, { readonly kind: 'valid' }>;

function judgePair(disk: DiskId, second: ValidSlot, first: ValidSlot): readonly Finding[] {
  if (first.superblock.sequence !== second.superblock.sequence)
    return [
      {
        severity: 'note',
        kind: 'superblock-interrupted',
        disk,
        what: `disk ${disk} was stopped while it wrote its superblock: one copy is newer than the other`,
        remedy: 'Nothing is to be done: the newer one counts.',
      },
    ];
  if (JSON.stringify(first.superblock.content) === JSON.stringify(second.superblock.content))
    return [];
  return [
    {
      severity: 'error',
      kind: 'disagreement',
      disk,
      what: `the copies of superblock ${first.superblock.sequence} of disk ${disk} are whole, and differ`,
      remedy: 'Two disks were mixed up in this file: put back the file that it had last.',
    },
  ];
}

function judgeJournal(
  disk: DiskId,
  replayed: Replayed,
  damagedCheckpoints: number,
): readonly Finding[] {
  if (!replayed.ok)
    return [
      {
        severity: 'error',
        kind: 'journal-damaged',
        disk,
        what: `disk ${disk} cannot be used: ${replayed.message}`,
        remedy:
          'Put back the file that it had last; until then volumes go on without it where other mirrors have everything.',
      },
    ];
  const { isTorn, damagedRecords } = replayed;
  const findings: Finding[] = [];
  if (damagedCheckpoints > 0)
    findings.push({
      severity: 'warning',
      kind: 'damaged-checkpoint',
      disk,
      what: `of disk ${disk} ${damagedCheckpoints} of the 4 places that say where its journal begins are damaged; a copy of each is whole`,
      remedy:
        'Checkpoints write them again, and so does sanctor fsck --repair; if it comes back, move the file to another medium.',
    });
  if (damagedRecords > 0)
    findings.push({
      severity: 'error',
      kind: 'journal-damaged',
      disk,
      what: `${damagedRecords} records of the journal of disk ${disk} were durable, and have damaged blocks now`,
      remedy:
        'Such blocks are read from another mirror, and made good from it; if it comes back, move the file to another medium.',
    });
  if (isTorn)
    findings.push({
      severity: 'note',
      kind: 'journal-torn',
      disk,
      what: `disk ${disk} was stopped while it wrote to its journal; the last record is not whole, and was never acknowledged as durable`,
      remedy: 'Nothing is to be done: it counts as not written.',
    });
  return findings;
}

function judgeSize({ file, storeBytes }: DiskEvidence, formatted: number): readonly Finding[] {
  const { disk } = file;
  const findings: Finding[] = [];
  if (roundDown(file.sizeBytes, blockBytes) !== formatted)
    findings.push({
      severity: 'warning',
      kind: 'other-size',
      disk,
      what: `disk ${disk} was formatted with ${sizeText(formatted)}, and the topology says ${sizeText(file.sizeBytes)}`,
      remedy: 'A disk keeps the size that it was formatted with: correct the topology.',
    });
  if (roundDown(storeBytes, blockBytes) > formatted)
    findings.push({
      severity: 'note',
      kind: 'grown',
      disk,
      what: `the file of disk ${disk} has ${sizeText(storeBytes)}, of which it uses ${sizeText(formatted)}`,
      remedy: 'Nothing is to be done: what is more is not used.',
    });
  return findings;
}

/** A disk by the name that the topology gives to its file, and what its superblock says. */
export interface NamedContent {
  readonly name: DiskId;
  readonly content: SuperblockContent;
}

/**
 * Whose disks these are.
 *
 * @returns what is wrong, and which of them can be used as disks of the cluster: one that lies in the file of another is
 * used as the one that it is, if that one is not there twice
 */
export function judgeIdentities(
  disks: readonly NamedContent[],
  cluster: ClusterId,
): { readonly findings: readonly Finding[]; readonly usable: readonly NamedContent[] } {
  const findings: Finding[] = [];
  const ours = clusterIdentityOf(disks, cluster);
  const own = disks.filter(({ name, content }) => {
    const isOurs =
      (content.cluster === '' || content.cluster === cluster) &&
      (content.clusterIdentity === '' || content.clusterIdentity === ours);
    if (!isOurs) findings.push(otherCluster(name, content, cluster, ours));
    return isOurs;
  });
  const usable = own.filter((one) => {
    const twin = own.find((other) => other !== one && isTwin(one, other));
    if (twin !== undefined && one.name !== one.content.disk) {
      findings.push(twinFinding(one, twin));
      return false;
    }
    if (one.name !== one.content.disk) findings.push(otherDisk(one));
    return true;
  });
  return { findings, usable };
}

function isTwin(one: NamedContent, other: NamedContent): boolean {
  return one.content.identity === other.content.identity || one.content.disk === other.content.disk;
}

/** That of most of the disks. */
function clusterIdentityOf(disks: readonly NamedContent[], cluster: ClusterId): string {
  const counts = new Map<string, number>();
  for (const { content } of disks)
    if (content.cluster === cluster && content.clusterIdentity !== '')
      counts.set(content.clusterIdentity, (counts.get(content.clusterIdentity) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? '';
}

function otherCluster(
  disk: DiskId,
  content: SuperblockContent,
  cluster: ClusterId,
  ours: string,
): Finding {
  const whose = `cluster ${content.cluster} (${content.clusterIdentity})`;
  return {
    severity: 'error',
    kind: 'other-cluster',
    disk,
    what: `the file of disk ${disk} belongs to ${whose}, and not to cluster ${cluster} (${ours || 'not started yet'})`,
    remedy: `Put back the file of disk ${disk} that belongs here, or use another data folder.`,
  };
}

function twinFinding({ name, content }: NamedContent, twin: NamedContent): Finding {
  const { identity } = content;
  const how =
    identity === twin.content.identity
      ? `of identity ${identity}: one was copied over the other`
      : `of identities ${identity} and ${twin.content.identity}`;
  return {
    severity: 'error',
    kind: 'twin',
    disk: name,
    what: `the files of disks ${name} and ${twin.name} both hold disk ${content.disk}, ${how}`,
    remedy: `Put back the file of disk ${name}: what it held is not there any more.`,
  };
}

function otherDisk({ name, content }: NamedContent): Finding {
  return {
    severity: 'error',
    kind: 'other-disk',
    disk: name,
    what: `the file of disk ${name} holds disk ${content.disk}, of identity ${content.identity}`,
    remedy: `Files were swapped or renamed: give each disk its own again. Disk ${content.disk} is checked as the one that it is.`,
  };
}
