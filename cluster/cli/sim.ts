/**
 * `sanctor sim`: the simulation, from one seed or many. Prints what was found and what was met on the way; the exit code
 * tells the ways to fail apart. What is simulated is in `cluster/simulation`.
 */
import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { finished } from 'node:stream/promises';
import { ordersOf, runBatch, type SeedRange } from '../simulation/batch.ts';
import { completeRunsMin } from '../simulation/expected-coverage.ts';
import { measuredRun, type RunOrder } from '../simulation/measured-run.ts';
import {
  type Reduction,
  reduceFailure,
  reductionRunsMax,
  reductionText,
  replayCommand,
} from '../simulation/reduction.ts';
import {
  type BatchSummary,
  batchText,
  type MeasuredRun,
  runLine,
  runText,
  summaryOf,
} from '../simulation/report.ts';
import type { Verdict } from '../simulation/run-report.ts';
import type { TopologyName } from '../simulation/topology-names.ts';
import { BatchProgress } from './batch-progress.ts';

export interface SimOptions {
  readonly seed?: number;
  readonly seeds?: SeedRange;
  readonly jobs?: number;
  readonly topology: TopologyName | 'both';
  readonly minutes: number;
  readonly onlyFaults?: readonly number[];
  readonly alone?: boolean;
  readonly reduce?: boolean;
  readonly trace?: string;
  readonly json?: boolean;
  readonly untilFailure?: boolean;
}

/** As `sanctor sim --help` says. */
const exitCodes: Readonly<Record<Verdict | 'incomplete', number>> = {
  passed: 0,
  crashed: 3,
  wrong: 4,
  stuck: 5,
  incomplete: 6,
};

export async function sim(options: SimOptions): Promise<void> {
  const { seed, seeds } = options;
  if ((seed === undefined) === (seeds === undefined))
    throw new Error('say which seed: either --seed N, or --seeds A..B for a batch');
  if (seed !== undefined) await simOne(seed, options);
  else if (seeds !== undefined) await simBatch(seeds, options);
}

async function simOne(seed: number, options: SimOptions): Promise<void> {
  const { topology, minutes, onlyFaults, alone, trace } = options;
  if (topology === 'both')
    throw new Error('one seed runs on one topology: name it with --topology, or use --seeds');
  const order = { seed, topology, minutes, onlyFaults, alone };
  const reduces = options.reduce === true;
  const run = reduces ? measuredRun(order) : await tracedRun(order, trace);
  say(options, run, runText(run));
  process.exitCode = exitCodes[run.report.verdict];
  if (!reduces) return;
  const reduced = reduce(run, options);
  if (trace !== undefined) await tracedRun(reduced?.order ?? order, trace);
}

async function tracedRun(order: RunOrder, file: string | undefined): Promise<MeasuredRun> {
  if (file === undefined) return measuredRun(order);
  const stream = createWriteStream(file);
  const run = measuredRun(order, (line) => stream.write(`${line}\n`));
  await finished(stream.end());
  return run;
}

async function simBatch(seeds: SeedRange, options: SimOptions): Promise<void> {
  if (options.trace !== undefined || options.onlyFaults !== undefined)
    throw new Error('--trace and --only-faults are for one seed: name it with --seed');
  const { topology, minutes, alone, jobs = availableParallelism(), untilFailure = false } = options;
  const orders = ordersOf(seeds, topology, minutes).map((order) => ({ ...order, alone }));
  const progress = new BatchProgress(orders.length, process.stderr);
  const runs = await runBatch({
    orders,
    jobs,
    stopsAtFailure: untilFailure,
    onResult: (run) => {
      progress.clear();
      say(options, run, runLine(run));
      progress.ended(run.report.verdict === 'passed');
    },
  });
  progress.clear();
  const summary = summaryOf(runs);
  say(options, { summary }, batchText(summary));
  const failed = runs.find(({ report }) => report.verdict !== 'passed');
  if (failed !== undefined) {
    process.exitCode = exitCodes[failed.report.verdict];
    if (options.reduce !== false) reduce(failed, options);
  } else if (isIncomplete(summary)) process.exitCode = exitCodes.incomplete;
}

/** Null when the run passed, or died without telling anything. */
function reduce({ order, report }: MeasuredRun, options: SimOptions): Reduction | null {
  if (report.verdict === 'passed' || report.virtualMs === 0) return null;
  const reduction = reduceFailure(order, report, (smaller) => measuredRun(smaller).report, {
    runsMax: reductionRunsMax,
    onProgress: (faults, minutes, runs) =>
      process.stderr.write(`${runs} runs: ${faults} faults, ${minutes} virtual minutes\n`),
  });
  const { order: smallest, report: shown, runs } = reduction;
  const reduced = { order: smallest, verdict: shown.verdict, faults: shown.faults, runs };
  say(options, { reduced, replay: replayCommand(smallest) }, reductionText(reduction));
  return reduction;
}

function isIncomplete({ runs, missing, untrueExemptions }: BatchSummary): boolean {
  return untrueExemptions.length > 0 || (runs >= completeRunsMin && missing.length > 0);
}

function say({ json }: SimOptions, value: object, text: string): void {
  process.stdout.write(`${json === true ? JSON.stringify(value) : text}\n`);
}
