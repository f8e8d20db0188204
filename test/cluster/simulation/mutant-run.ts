/** Simulates a broken program until a seed, or the kill order that is about its rule, shows that it is broken. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeasuredRun } from '../../../cluster/simulation/report.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import type { KillOrderSum } from '../kill-orders/kill-order-sum.ts';
import type { Mutant } from './mutants.ts';

export interface MutantResult {
  /** The first seed that showed it, or the kill order; null when none did. */
  readonly shownBy: string | null;
  readonly verdict: string;
  readonly problem: string;
  readonly seconds: number;
}

export interface MutantRunOptions {
  /** As in `1..50`. */
  readonly seeds: string;
  readonly minutes: number;
  readonly jobs: number;
}

const killOrders = 'test/cluster/kill-orders';
const outputBytesMax = 64 * 1024 * 1024;
let copies = 0;

export async function runMutant(mutant: Mutant, options: MutantRunOptions): Promise<MutantResult> {
  copies += 1;
  const folder = join(tmpdir(), `sanctor-mutant-${process.pid}-${copies}`);
  const startedMs = performance.now();
  try {
    const { killOrder } = mutant;
    const found =
      killOrder === undefined
        ? await runSeeds(folder, mutant, options)
        : await runKillOrder(folder, mutant, killOrder);
    return { ...found, seconds: (performance.now() - startedMs) / 1000 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Found = Omit<MutantResult, 'seconds'>;

async function runSeeds(folder: string, mutant: Mutant, options: MutantRunOptions): Promise<Found> {
  const program = await mutatedBuild(folder, mutant.patches);
  const seeds = mutant.seed === undefined ? options.seeds : `${mutant.seed}..${mutant.seed}`;
  const lines = await output(program, [
    ...['sim', '--json', '--until-failure', '--no-reduce', '--seeds', seeds],
    ...['--topology', mutant.topology ?? 'both'],
    ...['--minutes', String(options.minutes), '--jobs', String(options.jobs)],
    ...(mutant.alone === true ? ['--alone'] : []),
  ]);
  const runs = lines.filter((line) => !line.startsWith('{"summary"'));
  const failed = runs
    .map((line) => (JSON.parse(line) as MeasuredRun).report)
    .find(({ verdict }) => verdict !== 'passed');
  return {
    shownBy: failed === undefined ? null : `seed ${failed.seed}`,
    verdict: failed?.verdict ?? 'passed',
    problem: failed?.problems[0] ?? '',
  };
}

async function runKillOrder(folder: string, mutant: Mutant, order: string): Promise<Found> {
  await mutatedBuild(folder, mutant.patches, ['test/tools', killOrders]);
  const lines = await output(join(folder, 'dist', killOrders, 'main.js'), [order]);
  const [failed] = (JSON.parse(lines.at(-1) ?? '') as KillOrderSum).failed;
  return {
    shownBy: failed === undefined ? null : `order ${failed.name}`,
    verdict: failed === undefined ? 'passed' : 'wrong',
    problem: failed?.problems[0] ?? '',
  };
}

/** The lines that the program prints; its exit code says only what they say. */
function output(program: string, words: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...words],
      { maxBuffer: outputBytesMax },
      (error, text, errors) => {
        const lines = text.split('\n').filter((line) => line.startsWith('{'));
        if (lines.length > 0) resolve(lines);
        else reject(new Error(`the simulation printed nothing: ${error?.message} ${errors}`));
      },
    );
  });
}
