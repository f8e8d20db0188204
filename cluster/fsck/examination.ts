/**
 * The first half of the check of a stopped cluster: what its disks are, and what they were told of volumes. Which blocks
 * there are to look at follows from that.
 */
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import { disksOf } from '../../protocols/topology/layout-form.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { BlocksToCheck, LooseExtents } from './check-blocks.ts';
import type { DiskFile } from './disk-files.ts';
import { judgeDisk, judgeFile, judgeIdentities } from './disk-judgement.ts';
import { readDisk, type UsableDisk } from './examined-disk.ts';
import type { FindingList } from './finding.ts';
import type { KnownVolume } from './known-volume.ts';
import { judgeVolume, notInTopology } from './volume-judgement.ts';

/** Looks at all but the blocks. */
export async function examineCluster(
  topology: Topology,
  files: readonly DiskFile[],
  clock: Clock,
  findings: FindingList,
): Promise<BlocksToCheck> {
  const disks = await usableDisks(topology, files, clock, findings);
  judgeFiles(topology, files, disks, findings);
  const { volumes, loose } = judgeVolumes(topology, disks, findings);
  return { volumes, loose, disks };
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
    const { parts, replayed, slots, damagedCheckpoints } = disk;
    const isOpen = replayed.ok;
    read.push({ name: file.disk, content, slots, damagedCheckpoints, parts, isOpen });
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
