/**
 * `sanctor fsck`: checks the disks of a stopped cluster, and prints what was found. Looks only. What is checked is in
 * `cluster/fsck`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeText } from '../../protocols/topology/sizes.ts';
import type { Topology } from '../../protocols/topology.ts';
import { type CheckReport, checkCluster } from '../fsck/check.ts';
import { CheckRefused, closeDiskFiles, diskFolderIn, openDiskFiles } from '../fsck/disk-files.ts';
import type { Finding, Unlisted } from '../fsck/finding.ts';
import { createSystemClock } from '../system-clock.ts';
import { ByteProgress } from './byte-progress.ts';
import { nothingCheckedCode } from './common-options.ts';
import { topologyArgument } from './topology-argument.ts';

export interface FsckOptions {
  readonly data: string;
  readonly json?: boolean;
}

/** The exit code, as `sanctor fsck --help` says. */
const errorsFoundCode = 1;

/** Prints the findings; the exit code is 1 when there are errors among them, and 2 when nothing could be checked. */
export async function fsck(topologyFile: string | undefined, options: FsckOptions): Promise<void> {
  try {
    const report = await checked(topologyFile, options.data);
    process.stdout.write(
      options.json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report),
    );
    if (report.totals.errors > 0) process.exitCode = errorsFoundCode;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`sanctor: ${message}\n`);
    process.exitCode = nothingCheckedCode;
  }
}

async function checked(topologyFile: string | undefined, data: string): Promise<CheckReport> {
  const { topology } = topologyArgument(topologyFile);
  const diskFolder = diskFolderIn(data);
  refuseOtherCluster(topology, data);
  const files = await openDiskFiles(topology, diskFolder);
  const progress = new ByteProgress(process.stderr);
  try {
    return await checkCluster(topology, files, createSystemClock(), progress);
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
export function reportText(report: CheckReport): string {
  const { checked: done, totals, findings, unlisted } = report;
  const blocks = `${counted(done.blocks, 'block')} verified (${sizeText(done.bytes)})`;
  const lines = [
    ...findings.flatMap(findingLines),
    ...unlisted.map(unlistedLine),
    `${counted(done.disks, 'disk')}, ${counted(done.volumes, 'volume')}, ${blocks}: ` +
      `${counted(totals.errors, 'error')}, ${counted(totals.warnings, 'warning')}, ${counted(totals.notes, 'note')}`,
    'The config database was not looked at: that needs a running cluster. Nothing was changed.',
  ];
  return `${lines.join('\n')}\n`;
}

function findingLines({ severity, kind, what, remedy }: Finding): readonly string[] {
  return [`${severity} (${kind}): ${what}`, `  ${remedy}`];
}

function unlistedLine({ severity, kind, count }: Unlisted): string {
  return `${severity} (${kind}): and ${count} more`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
