/**
 * The repair of a stopped cluster (`sanctor fsck --repair`): what is damaged and can be put back as it was, from a copy
 * that is certain. Never what somebody would have to decide: that is for the virtualizer, and for operators. A damaged copy
 * of a superblock or checkpoint is written again from the other one; a bad block from a mirror in sync with the same tag, if
 * all that the volume's disks were told fits together.
 */
import type { Clock } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { repairBlocks } from './block-repair.ts';
import { type CheckProgress, visitBlocks } from './check-blocks.ts';
import { repairCopies } from './copy-repair.ts';
import type { DiskFile } from './disk-files.ts';
import { examineCluster } from './examination.ts';
import { type FindingKind, FindingList } from './finding.ts';
import { RepairList, type RepairReport } from './repair-list.ts';

/** Files that are not where they belong, or not what they seem: then nothing is written to any of them. */
const mixedUp: readonly FindingKind[] = ['disagreement', 'other-cluster', 'other-disk', 'twin'];

/** Repairs what it may, in files that were opened for that. What is left is for a check to say. */
export async function repairCluster(
  topology: Topology,
  files: readonly DiskFile[],
  clock: Clock,
  progress: CheckProgress,
): Promise<RepairReport> {
  const findings = new FindingList();
  const repairs = new RepairList();
  const { volumes, loose, disks } = await examineCluster(topology, files, clock, findings);
  const confusion = findings.listed.find(({ kind }) => mixedUp.includes(kind));
  if (confusion !== undefined) {
    repairs.leaveAlone(`nothing is repaired, for ${confusion.what}`);
    return repairs.report;
  }
  for (const disk of disks.values()) await repairCopies(disk, (repair) => repairs.add(repair));
  for (const { volume, doubt } of volumes)
    if (doubt !== '')
      repairs.leaveAlone(`no block of volume ${volume.id} is repaired, for ${doubt}`);
  for (const volume of new Set(loose.map((each) => each.volume)))
    repairs.leaveAlone(
      `no block of volume ${volume} is repaired, for the layout of its mirrors is not known`,
    );
  const certain = volumes.filter(({ doubt }) => doubt === '');
  await visitBlocks({ volumes: certain, loose: [], disks }, progress, (range) =>
    repairBlocks(range, disks, (repair) => repairs.add(repair)),
  );
  return repairs.report;
}
