/** Many seeds at once, each in one of a few processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedOrder } from './batch-worker.ts';
import type { MeasuredRun } from './report.ts';

export interface BatchOptions {
  readonly seeds: readonly number[];
  readonly minutes: number;
  readonly jobs: number;
  /** No further seed is begun once one has failed. */
  readonly stopsAtFailure: boolean;
  readonly onResult: (run: MeasuredRun) => void;
}

const workerFile = fileURLToPath(new URL('./batch-worker.js', import.meta.url));

/** Runs all seeds. Results come in the order of the seeds, whenever each was done. */
export async function runBatch(options: BatchOptions): Promise<readonly MeasuredRun[]> {
  const { seeds, minutes, jobs, stopsAtFailure, onResult } = options;
  const waiting = [...seeds];
  const results: MeasuredRun[] = [];
  const worker = async (): Promise<void> => {
    let child = fork(workerFile);
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      if (!child.connected) child = fork(workerFile);
      const run = await runIn(child, { seed, minutes });
      results.push(run);
      onResult(run);
      if (stopsAtFailure && run.report.verdict !== 'passed') waiting.length = 0;
    }
    if (child.connected) child.disconnect();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, seeds.length) }, worker));
  return results.toSorted((a, b) => seeds.indexOf(seedOf(a)) - seeds.indexOf(seedOf(b)));
}

function seedOf({ report }: MeasuredRun): number {
  return Number(report.seed);
}

/** A process that dies instead of answering has crashed on its seed. */
function runIn(child: ChildProcess, order: SeedOrder): Promise<MeasuredRun> {
  return new Promise((resolve) => {
    const died = (code: number | null, signal: string | null) =>
      resolve(crashedRun(order, `the simulating process ended with ${signal ?? `code ${code}`}`));
    child.once('exit', died);
    child.once('message', (run) => {
      child.off('exit', died);
      resolve(run as MeasuredRun);
    });
    child.send(order);
  });
}

function crashedRun({ seed, minutes }: SeedOrder, problem: string): MeasuredRun {
  const coverage = { codes: {}, transitions: {}, faults: {}, faultsInFlight: {}, frames: {} };
  const ios = { started: 0, succeeded: 0, failed: 0 };
  return {
    report: {
      seed,
      minutes,
      verdict: 'crashed',
      problems: [problem],
      virtualMs: 0,
      ios,
      coverage,
    },
    virtualSecondsPerCoreSecond: 1,
  };
}
