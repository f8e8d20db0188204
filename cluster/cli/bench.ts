/** `sanctor bench`: runs the standard benchmarks of a clone in a process of their own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { packageFile } from '../package-root.ts';

/** @throws Error when this is not a clone, or when a benchmark failed. */
export async function bench(name: string | undefined, short: boolean): Promise<void> {
  const program = packageFile('dist', 'test', 'bench', 'main.js');
  if (!existsSync(program)) {
    throw new Error(`${program} is missing: benchmarks run in a clone, after \`npm ci\``);
  }
  const words = [program, ...(name === undefined ? [] : [name]), ...(short ? ['--short'] : [])];
  const child = spawn(process.execPath, words, { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error('a benchmark failed');
}
