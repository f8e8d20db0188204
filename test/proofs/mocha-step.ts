/** A step that runs test files in their long form, in a process of their own. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../tidy/sources.ts';
import { programStep } from './program-step.ts';
import type { ProofLength, ProofStep, StepOutcome } from './proof.ts';

const mochaProgram = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const reporter = join(root, 'dist/test/tools/summary-reporter.js');
/** A test that was left out shows nothing. */
const strict = ['--forbid-pending', '--forbid-only'];

/** @param file relative to the root, as `test/cluster/real/clients.test.ts` */
export function mochaStep(file: string, length: ProofLength): ProofStep {
  const compiled = join(root, 'dist', file.replace(/\.ts$/, '.js'));
  return programStep(file, {
    words: [mochaProgram, ...strict, '--reporter', reporter, compiled],
    environment: { SANCTOR_PROOF: length },
    outcomeOf: mochaOutcome,
  });
}

function mochaOutcome(output: string, endedWell: boolean, ending: string): StepOutcome {
  const counts = /^(\d+) passed, (\d+) failed$/m.exec(output);
  if (counts === null) return { said: 'broke off', problems: [`ended with ${ending}:\n${output}`] };
  const [said = '', passed] = counts;
  const isWell = endedWell && Number(passed) > 0;
  return { said, problems: isWell ? [] : [output] };
}
