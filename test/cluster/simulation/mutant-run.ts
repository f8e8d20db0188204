/** Simulates a broken program until a seed, or the kill order or scene that is about its rule, shows that it is broken. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeasuredRun } from '../../../cluster/simulation/report.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import type { KillOrderSum } from '../kill-orders/kill-order-sum.ts';
import type { Mutant } from './mutants.ts';

export interface MutantResult {
  /** The first seed that showed it, or the kill order or scene; null when none did. */
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
const scenes = 'test/cluster/simulation';
const mochaProgram = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const outputBytesMax = 64 * 1024 * 1024;
let copies = 0;

export async function runMutant(mutant: Mutant, options: MutantRunOptions): Promise<MutantResult> {
  copies += 1;
  const folder = join(tmpdir(), `sanctor-mutant-${process.pid}-${copies}`);
  const startedMs = performance.now();
  try {
    const found = await runWhatShows(folder, mutant, options);
    return { ...found, seconds: (performance.now() - startedMs) / 1000 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Found = Omit<MutantResult, 'seconds'>;

function runWhatShows(folder: string, mutant: Mutant, options: MutantRunOptions): Promise<Found> {
  const { killOrder, scene } = mutant;
  if (killOrder !== undefined) return runKillOrder(folder, mutant, killOrder);
  if (scene !== undefined) return runScene(folder, mutant, scene);
  return runSeeds(folder, mutant, options);
}

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

/** What mocha's own reporter of that name prints, as far as it is looked at. */
interface TestReport {
  readonly failures: readonly { readonly fullTitle: string; readonly err: { message: string } }[];
}

async function runScene(folder: string, mutant: Mutant, scene: string): Promise<Found> {
  await mutatedBuild(folder, mutant.patches, ['test']);
  const file = join(folder, 'dist', scenes, `${scene}.test.js`);
  const text = await printed(mochaProgram, ['--reporter', 'json', file]);
  const [failed] = (JSON.parse(text.slice(text.indexOf('{'))) as TestReport).failures;
  return {
    shownBy: failed === undefined ? null : `scene ${scene}`,
    verdict: failed === undefined ? 'passed' : 'wrong',
    problem: failed === undefined ? '' : `${failed.fullTitle}: ${failed.err.message}`,
  };
}

async function output(program: string, words: readonly string[]): Promise<readonly string[]> {
  const text = await printed(program, words);
  return text.split('\n').filter((line) => line.startsWith('{'));
}

/** What a program prints; its exit code says only what that says. */
function printed(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...words],
      { maxBuffer: outputBytesMax },
      (error, text, errors) => {
        if (text.includes('{')) resolve(text);
        else reject(new Error(`the simulation printed nothing: ${error?.message} ${errors}`));
      },
    );
  });
}
