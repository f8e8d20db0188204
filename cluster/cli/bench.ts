/** `sanctor bench`: runs the standard benchmarks of a clone in a process of their own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface BenchOptions {
  readonly short?: boolean;
  readonly long?: boolean;
  readonly profile?: boolean;
  /** Of the clusters that are struck. */
  readonly topology?: string;
  /** A file for the numbers. */
  readonly json?: string;
}

/** @throws Error when this is not a clone, or when a benchmark failed. */
export async function bench(name: string | undefined, options: BenchOptions): Promise<void> {
  const program = fileURLToPath(new URL('../../test/bench/main.js', import.meta.url));
  if (!existsSync(program)) {
    throw new Error(`${program} is missing: benchmarks run in a clone, after \`npm ci\``);
  }
  const words = [
    ...(name === undefined ? [] : [name]),
    ...(options.short ? ['--short'] : []),
    ...(options.long ? ['--long'] : []),
    ...(options.profile ? ['--profile'] : []),
    ...(options.topology === undefined ? [] : ['--topology', options.topology]),
    ...(options.json === undefined ? [] : ['--json', options.json]),
  ];
  const child = spawn(process.execPath, [program, ...words], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error('a benchmark failed, or the numbers are not what they should be');
}
