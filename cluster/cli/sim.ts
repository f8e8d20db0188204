/**
 * `sanctor sim`: the simulation, from one seed or many. Prints what was found and what was met on the way; the exit code
 * tells the ways to fail apart. What is simulated is in `cluster/simulation`.
 */
import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { finished } from 'node:stream/promises';
import { ordersOf, runBatch, type SeedRange } from '../simulation/batch.ts';
import { completeRunsMin } from '../simulation/expected-coverage.ts';
import { measuredRun } from '../simulation/measured-run.ts';
import { type BatchSummary, batchText, runLine, runText, summaryOf } from '../simulation/report.ts';
import type { Verdict } from '../simulation/run.ts';
import type { TopologyName } from '../simulation/topology-names.ts';

export interface SimOptions {
  readonly seed?: number;
  readonly seeds?: SeedRange;
  readonly jobs?: number;
  readonly topology: TopologyName | 'both';
  readonly minutes: number;
  readonly onlyFaults?: readonly number[];
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
  const { topology, minutes, onlyFaults, trace, json } = options;
  if (topology === 'both')
    throw new Error('one seed runs on one topology: name it with --topology, or use --seeds');
  const stream = trace === undefined ? null : createWriteStream(trace);
  const traceLine = stream === null ? undefined : (line: string) => stream.write(`${line}\n`);
  const run = measuredRun({ seed, topology, minutes, onlyFaults }, traceLine);
  if (stream !== null) await finished(stream.end());
  print(json === true ? JSON.stringify(run) : runText(run));
  process.exitCode = exitCodes[run.report.verdict];
}

async function simBatch(seeds: SeedRange, options: SimOptions): Promise<void> {
  if (options.trace !== undefined)
    throw new Error('--trace is for one seed: name it with --seed instead of --seeds');
  const { topology, minutes, json, jobs = availableParallelism(), untilFailure = false } = options;
  const runs = await runBatch({
    orders: ordersOf(seeds, topology, minutes),
    jobs,
    stopsAtFailure: untilFailure,
    onResult: (run) => print(json === true ? JSON.stringify(run) : runLine(run)),
  });
  const summary = summaryOf(runs);
  print(json === true ? JSON.stringify({ summary }) : batchText(summary));
  const failed = runs.find(({ report }) => report.verdict !== 'passed');
  if (failed !== undefined) process.exitCode = exitCodes[failed.report.verdict];
  else if (isIncomplete(summary)) process.exitCode = exitCodes.incomplete;
}

function isIncomplete({ runs, missing, untrueExemptions }: BatchSummary): boolean {
  return untrueExemptions.length > 0 || (runs >= completeRunsMin && missing.length > 0);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
