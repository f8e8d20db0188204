/** A step that runs test files in their long form, in a process of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../tidy/sources.ts';
import type { ProofLength, ProofStep, StepOutcome } from './proof.ts';

const mochaProgram = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const outputKept = 6000;

/** @param file relative to the root, as `test/cluster/real/clients.test.ts` */
export function mochaStep(file: string, length: ProofLength): ProofStep {
  return { id: file, run: () => runMocha(file, length) };
}

async function runMocha(file: string, length: ProofLength): Promise<StepOutcome> {
  const compiled = join(root, 'dist', file.replace(/\.ts$/, '.js'));
  const reporter = join(root, 'dist/test/tools/summary-reporter.js');
  const child = spawn(process.execPath, [mochaProgram, '--reporter', reporter, compiled], {
    cwd: root,
    env: { ...process.env, SANCTOR_PROOF: length },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (data: Buffer) => {
    output = (output + data.toString('utf8')).slice(-outputKept);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const counts = /^(\d+) passed, (\d+) failed$/m.exec(output);
  if (counts === null)
    return { said: 'broke off', problems: [`ended with ${signal ?? code}:\n${output}`] };
  const [said = '', passed] = counts;
  const isWell = code === 0 && Number(passed) > 0;
  return { said, problems: isWell ? [] : [output] };
}
