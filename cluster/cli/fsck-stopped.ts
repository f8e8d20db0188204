/**
 * `sanctor fsck --data`: checks the disks of a stopped cluster, and repairs on request what is safe to repair. What is
 * checked is in `cluster/fsck`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeText } from '../../protocols/topology/sizes.ts';
import type { Topology } from '../../protocols/topology.ts';
import { type CheckReport, checkCluster } from '../fsck/check.ts';
import { CheckRefused, closeDiskFiles, diskFolderIn, openDiskFiles } from '../fsck/disk-files.ts';
import { repairCluster } from '../fsck/repair.ts';
import type { Repair, RepairReport } from '../fsck/repair-list.ts';
import { createSystemClock } from '../system-clock.ts';
import { ByteProgress } from './byte-progress.ts';
import { counted, findingLines, totalsText } from './finding-text.ts';
import { topologyArgument } from './topology-argument.ts';

/** What is left to be found, and what was repaired before; null where nothing was to be. */
export interface StoppedReport {
  readonly report: CheckReport;
  readonly repairs: RepairReport | null;
}

/** @throws CheckRefused when nothing can be checked; the message says why */
export async function checkStopped(
  topologyFile: string | undefined,
  data: string,
  repair: boolean,
): Promise<StoppedReport> {
  const { topology } = topologyArgument(topologyFile);
  const diskFolder = diskFolderIn(data);
  refuseOtherCluster(topology, data);
  const files = await openDiskFiles(topology, diskFolder, !repair);
  const progress = new ByteProgress(process.stderr);
  const clock = createSystemClock();
  try {
    const repairs = repair ? await repairCluster(topology, files, clock, progress) : null;
    return { report: await checkCluster(topology, files, clock, progress), repairs };
  } finally {
    progress.clear();
    await closeDiskFiles(files);
  }
}

/** @throws CheckRefused when `sanctor up` used the folder for another cluster */
function refuseOtherCluster({ cluster }: Topology, data: string): void {
  const file = join(data, 'cluster');
  const owner = existsSync(file) ? readFileSync(file, 'utf8').trim() : cluster;
  if (owner !== cluster)
    throw new CheckRefused(
      `the data folder ${data} belongs to cluster ${owner}, not to ${cluster}; choose another with --data, or its topology`,
    );
}

/** The report for people. */
export function stoppedText({ report, repairs }: StoppedReport): string {
  const { disks, volumes, blocks, bytes } = report.checked;
  const verified = `${counted(blocks, 'block')} verified (${sizeText(bytes)})`;
  const lines = [
    ...(repairs === null ? [] : repairLines(repairs)),
    ...findingLines(report),
    `${counted(disks, 'disk')}, ${counted(volumes, 'volume')}, ${verified}: ${totalsText(report)}`,
    `The config database was not looked at: sanctor fsck without --data does so, in a running cluster. ${changedText(repairs)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function changedText(repairs: RepairReport | null): string {
  if (repairs === null || repairs.repaired + repairs.failed === 0) return 'Nothing was changed.';
  return 'Nothing but what was repaired was changed.';
}

function repairLines({
  repaired,
  failed,
  repairs,
  unlisted,
  leftAlone,
}: RepairReport): readonly string[] {
  return [
    ...repairs.flatMap(linesOf),
    ...(unlisted === 0 ? [] : [`and ${unlisted} more`]),
    ...leftAlone.map((what) => `left alone: ${what}`),
    `${repaired} repaired${failed === 0 ? '' : `, ${failed} could not be`}; what is found now:`,
  ];
}

function linesOf({ kind, was, is, problem }: Repair): readonly string[] {
  return problem === ''
    ? [`repaired (${kind}): ${was}`, `  ${is}`]
    : [`not repaired (${kind}): ${was}`, `  ${problem}`];
}
