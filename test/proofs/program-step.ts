/** A step that runs a program of this build: it shows what it claims when it ends well. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../tidy/sources.ts';
import type { ProofStep, StepOutcome } from './proof.ts';

const outputKept = 6000;

export interface ProgramRun {
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What it came to, from all that it printed at last and whether it ended well. */
  readonly outcomeOf: (output: string, endedWell: boolean, ending: string) => StepOutcome;
}

/** @param words the program, absolute or relative to `dist`, and its arguments */
export function programStep(id: string, run: ProgramRun): ProofStep {
  return { id, run: () => runProgram(run) };
}

async function runProgram({ words, environment, outcomeOf }: ProgramRun): Promise<StepOutcome> {
  const [program = '', ...others] = words;
  const path = program.startsWith('/') ? program : join(root, 'dist', program);
  const child = spawn(process.execPath, [path, ...others], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (data: Buffer) => {
    output = (output + data.toString('utf8')).slice(-outputKept);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return outcomeOf(output, code === 0, String(signal ?? code));
}
