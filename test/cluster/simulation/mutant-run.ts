/** Simulates a broken program until a seed shows that it is broken. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeasuredRun } from '../../../cluster/simulation/report.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import type { Mutant } from './mutants.ts';

export interface MutantResult {
  /** The first seed that showed it; null when none did. */
  readonly seed: number | null;
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

const outputBytesMax = 64 * 1024 * 1024;
let copies = 0;

export async function runMutant(mutant: Mutant, options: MutantRunOptions): Promise<MutantResult> {
  copies += 1;
  const folder = join(tmpdir(), `sanctor-mutant-${process.pid}-${copies}`);
  const startedMs = performance.now();
  try {
    const program = await mutatedBuild(folder, mutant.patches);
    const lines = await output(program, [
      ...['sim', '--json', '--until-failure', '--no-reduce', '--seeds', options.seeds],
      ...['--topology', mutant.topology ?? 'both'],
      ...['--minutes', String(options.minutes), '--jobs', String(options.jobs)],
      ...(mutant.alone === true ? ['--alone'] : []),
    ]);
    const runs = lines.filter((line) => !line.startsWith('{"summary"'));
    const failed = runs
      .map((line) => (JSON.parse(line) as MeasuredRun).report)
      .find(({ verdict }) => verdict !== 'passed');
    return {
      seed: failed === undefined ? null : Number(failed.seed),
      verdict: failed?.verdict ?? 'passed',
      problem: failed?.problems[0] ?? '',
      seconds: (performance.now() - startedMs) / 1000,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
