/**
 * The check of a stopped cluster (`sanctor fsck`): from the files of its disks to findings. Looks only. The config database
 * is not looked at, for that needs a running server: who is in sync is what disks were told last.
 */
import type { ClusterId, DiskId, VolumeId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import { disksOf } from '../../protocols/topology/layout-form.ts';
import type { Topology } from '../../protocols/topology.ts';
import {
  type CheckedBlocks,
  type CheckProgress,
  checkBlocks,
  type LooseExtents,
} from './check-blocks.ts';
import type { DiskFile } from './disk-files.ts';
import { judgeDisk, judgeFile, judgeIdentities } from './disk-judgement.ts';
import { readDisk, type UsableDisk } from './examined-disk.ts';
import { type Finding, FindingList, type Unlisted } from './finding.ts';
import type { KnownVolume } from './known-volume.ts';
import { judgeVolume, notInTopology } from './volume-judgement.ts';

export interface CheckReport {
  readonly cluster: ClusterId;
  readonly checked: CheckedBlocks & {
    readonly disks: number;
    /** Those whose mirrors were compared. */
    readonly volumes: number;
  };
  readonly notChecked: readonly string[];
  readonly totals: {
    readonly errors: number;
    readonly warnings: number;
    readonly notes: number;
  };
  readonly findings: readonly Finding[];
  readonly unlisted: readonly Unlisted[];
}

/** Checks everything. The files stay open, and are the caller's. */
export async function checkCluster(
  topology: Topology,
  files: readonly DiskFile[],
  clock: Clock,
  progress: CheckProgress,
): Promise<CheckReport> {
  const findings = new FindingList();
  const disks = await usableDisks(topology, files, clock, findings);
  judgeFiles(topology, files, disks, findings);
  const { volumes, loose } = judgeVolumes(topology, disks, findings);
  const checked = await checkBlocks({ volumes, loose, disks }, findings, progress);
  return {
    cluster: topology.cluster,
    checked: { disks: disks.size, volumes: volumes.length, ...checked },
    notChecked: ['config database'],
    totals: {
      errors: findings.count('error'),
      warnings: findings.count('warning'),
      notes: findings.count('note'),
    },
    findings: findings.listed,
    unlisted: findings.unlisted,
  };
}

/** By the names that the disks have themselves. */
async function usableDisks(
  { cluster }: Topology,
  files: readonly DiskFile[],
  clock: Clock,
  findings: FindingList,
): Promise<ReadonlyMap<DiskId, UsableDisk>> {
  const read: (UsableDisk & { readonly name: DiskId; readonly isOpen: boolean })[] = [];
  for (const file of files) {
    if (file.found === 'memory' || 'problem' in file.found) continue;
    const { store } = file.found;
    const disk = await readDisk(store, clock);
    findings.add(...judgeDisk({ file, storeBytes: store.sizeBytes, read: disk }));
    if (disk.kind !== 'valid') continue;
    const { content } = disk.superblock;
    const { parts, replayed } = disk;
    read.push({ name: file.disk, content, parts, isOpen: replayed.ok });
  }
  const judged = judgeIdentities(read, cluster);
  findings.add(...judged.findings);
  const usable = read.filter((disk) => disk.isOpen && judged.usable.includes(disk));
  return new Map(usable.map((disk) => [disk.content.disk, disk]));
}

function judgeFiles(
  topology: Topology,
  files: readonly DiskFile[],
  disks: ReadonlyMap<DiskId, UsableDisk>,
  findings: FindingList,
): void {
  const used = topology.volumes.flatMap(({ layout }) => disksOf(layout).map(({ disk }) => disk));
  const hasOthers = volumesOn(disks).some((id) => !topology.volumes.some((each) => each.id === id));
  for (const file of files) findings.add(...judgeFile(file, hasOthers || used.includes(file.disk)));
}

function volumesOn(disks: ReadonlyMap<DiskId, UsableDisk>): readonly VolumeId[] {
  const all = [...disks.values()].flatMap(({ content }) =>
    content.volumes.map(({ volume }) => volume),
  );
  return [...new Set(all)].sort();
}

function judgeVolumes(
  topology: Topology,
  disks: ReadonlyMap<DiskId, UsableDisk>,
  findings: FindingList,
): { readonly volumes: readonly KnownVolume[]; readonly loose: readonly LooseExtents[] } {
  const volumes: KnownVolume[] = [];
  const loose: LooseExtents[] = [];
  for (const volume of topology.volumes) {
    const found = entriesOf(volume.id, disks);
    const told = found.map(({ disk, entry }) => ({ disk: disk.content.disk, entry }));
    const judged = judgeVolume({ volume, told, usable: [...disks.keys()] });
    findings.add(...judged.findings);
    if (judged.known === null) loose.push(...found);
    else volumes.push(judged.known);
  }
  for (const id of volumesOn(disks)) {
    if (topology.volumes.some((volume) => volume.id === id)) continue;
    const found = entriesOf(id, disks);
    findings.add(
      notInTopology(
        id,
        found.map(({ disk }) => disk.content.disk),
      ),
    );
    loose.push(...found);
  }
  return { volumes, loose };
}

function entriesOf(
  volume: VolumeId,
  disks: ReadonlyMap<DiskId, UsableDisk>,
): readonly LooseExtents[] {
  return [...disks.values()].flatMap((disk) => {
    const entry = disk.content.volumes.find((each) => each.volume === volume);
    return entry === undefined ? [] : [{ volume, disk, entry }];
  });
}
