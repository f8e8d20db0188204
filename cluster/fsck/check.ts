/**
 * The check of a stopped cluster (`sanctor fsck`): from the files of its disks to findings. Looks only. The config database
 * is not looked at, for that needs a running server: who is in sync is what disks were told last.
 */
import type { ClusterId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { type CheckedBlocks, type CheckProgress, checkBlocks } from './check-blocks.ts';
import type { DiskFile } from './disk-files.ts';
import { examineCluster } from './examination.ts';
import { type Finding, FindingList, type Unlisted } from './finding.ts';

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
  const toCheck = await examineCluster(topology, files, clock, findings);
  const { volumes, disks } = toCheck;
  const checked = await checkBlocks(toCheck, findings, progress);
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
