/** Many runs at once, each in one of a few processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { emptyCoverage } from './coverage.ts';
import type { RunOrder } from './measured-run.ts';
import type { MeasuredRun } from './report.ts';
import { batchTopologyNames, type TopologyName } from './topology-names.ts';

export interface BatchOptions {
  readonly orders: readonly RunOrder[];
  readonly jobs: number;
  /** No further run is begun once one has failed. */
  readonly stopsAtFailure: boolean;
  /** Called for each run, in the order of `orders`. */
  readonly onResult: (run: MeasuredRun) => void;
}

/** A range of seeds: both ends belong to it. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

const workerFile = fileURLToPath(new URL('./batch-worker.js', import.meta.url));

/** One order for each seed; on `both` topologies two. */
export function ordersOf(
  { first, last }: SeedRange,
  topology: TopologyName | 'both',
  minutes: number,
): readonly RunOrder[] {
  const topologies = topology === 'both' ? batchTopologyNames : [topology];
  const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return seeds.flatMap((seed) => topologies.map((each) => ({ seed, topology: each, minutes })));
}

/** Does all runs, or those up to a failure. Results come in the order of `orders`, whenever each was done. */
export async function runBatch(options: BatchOptions): Promise<readonly MeasuredRun[]> {
  const { orders, jobs, stopsAtFailure, onResult } = options;
  const waiting = [...orders.entries()];
  const results: (MeasuredRun | undefined)[] = [];
  let told = 0;
  const tell = (): void => {
    for (let run = results[told]; run !== undefined; run = results[told]) {
      told += 1;
      onResult(run);
    }
  };
  const worker = async (): Promise<void> => {
    let child = fork(workerFile);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!child.connected) child = fork(workerFile);
      const [index, order] = next;
      const run = await runIn(child, order);
      results[index] = run;
      tell();
      if (stopsAtFailure && run.report.verdict !== 'passed') waiting.length = 0;
    }
    if (child.connected) child.disconnect();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, orders.length) }, worker));
  return results.filter((run) => run !== undefined);
}

/** A process that dies instead of answering has crashed on its seed. */
function runIn(child: ChildProcess, order: RunOrder): Promise<MeasuredRun> {
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

function crashedRun(order: RunOrder, problem: string): MeasuredRun {
  const { seed, minutes } = order;
  return {
    order,
    report: {
      seed,
      minutes,
      verdict: 'crashed',
      problems: [problem],
      virtualMs: 0,
      hosts: 0,
      ios: { started: 0, succeeded: 0, succeededHot: 0, failed: 0 },
      judged: { sectors: 0, unclear: 0 },
      faults: [],
      coverage: emptyCoverage(),
    },
    virtualSecondsPerCoreSecond: 1,
  };
}
