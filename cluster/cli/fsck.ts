/** `sanctor fsck`: checks the disks of a stopped cluster, or what a running one knows and has, and prints what was found. */
import { nothingCheckedCode } from './common-options.ts';
import type { Findings } from './finding-text.ts';
import { checkRunningCluster, runningText, verifyMinutesDefault } from './fsck-running.ts';
import { checkStopped, stoppedText } from './fsck-stopped.ts';

export interface FsckOptions {
  /** Of a stopped cluster; left out, a running one is checked. */
  readonly data?: string;
  readonly repair?: boolean;
  /** These two of a running one. */
  readonly cluster?: string;
  readonly minutes?: number;
  readonly json?: boolean;
}

/** The exit code, as `sanctor fsck --help` says. */
const errorsFoundCode = 1;

/** Prints the findings; the exit code is 1 when there are errors among them, and 2 when nothing could be checked. */
export async function fsck(topologyFile: string | undefined, options: FsckOptions): Promise<void> {
  try {
    const { data } = options;
    if (data === undefined) await fsckRunning(topologyFile, options);
    else await fsckStopped(topologyFile, data, options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`sanctor: ${message}\n`);
    process.exitCode = nothingCheckedCode;
  }
}

async function fsckStopped(
  topologyFile: string | undefined,
  data: string,
  { repair = false, cluster, minutes, json = false }: FsckOptions,
): Promise<void> {
  if (cluster !== undefined || minutes !== undefined)
    throw new Error(
      '--cluster and --minutes are for a running cluster, and --data is for a stopped one',
    );
  const checked = await checkStopped(topologyFile, data, repair);
  const { report, repairs } = checked;
  const told = repairs === null ? report : { ...report, repairs };
  print(report, json ? `${JSON.stringify(told, null, 2)}\n` : stoppedText(checked));
}

async function fsckRunning(
  topologyFile: string | undefined,
  { repair = false, cluster, minutes = verifyMinutesDefault, json = false }: FsckOptions,
): Promise<void> {
  if (topologyFile !== undefined)
    throw new Error(
      'the topology of a running cluster is known (--cluster chooses one); of a stopped one say with --data where its disks are',
    );
  if (repair)
    throw new Error(
      'only a stopped cluster is repaired by this (--data says where its disks are); a running one makes blocks good with sanctor scrub VOLUME',
    );
  const report = await checkRunningCluster(cluster, minutes);
  print(report, json ? `${JSON.stringify(report, null, 2)}\n` : runningText(report));
}

function print({ totals }: Findings, text: string): void {
  process.stdout.write(text);
  if (totals.errors > 0) process.exitCode = errorsFoundCode;
}
