/** `sanctor fsck`: checks the disks of a stopped cluster, or what a running one knows of itself, and prints what was found. */
import { nothingCheckedCode } from './common-options.ts';
import type { Findings } from './finding-text.ts';
import { checkStopped, stoppedText } from './fsck-stopped.ts';

export interface FsckOptions {
  readonly data: string;
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** The exit code, as `sanctor fsck --help` says. */
const errorsFoundCode = 1;

/** Prints the findings; the exit code is 1 when there are errors among them, and 2 when nothing could be checked. */
export async function fsck(topologyFile: string | undefined, options: FsckOptions): Promise<void> {
  try {
    const { data, repair = false, json = false } = options;
    const checked = await checkStopped(topologyFile, data, repair);
    const { report, repairs } = checked;
    const told = repairs === null ? report : { ...report, repairs };
    print(report, json ? `${JSON.stringify(told, null, 2)}\n` : stoppedText(checked));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`sanctor: ${message}\n`);
    process.exitCode = nothingCheckedCode;
  }
}

function print({ totals }: Findings, text: string): void {
  process.stdout.write(text);
  if (totals.errors > 0) process.exitCode = errorsFoundCode;
}
