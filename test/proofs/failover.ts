/** The proof of how short the pauses are that consumers see: the benchmark's own targets, on each topology. */
import { failoverTopologies } from '../bench/failover/failover-bench.ts';
import { programStep } from './program-step.ts';
import type { Proof, StepOutcome } from './proof.ts';

export const failoverProof: Proof = {
  name: 'failover',
  shows: 'pauses at consumers stay within what is asked, on a machine with nothing else to do',
  shortForm: ['test/bench/failover/failover-bench.test.ts'],
  steps: ({ length }) =>
    failoverTopologies.map((topology) =>
      programStep(topology, {
        words: ['test/bench/main.js', 'failover', `--${length}`, '--topology', topology],
        outcomeOf,
      }),
    ),
};

function outcomeOf(output: string, endedWell: boolean, ending: string): StepOutcome {
  const verdicts = output.split('\n').filter((line) => /^(ok|missed) /.test(line));
  const missed = verdicts.filter((line) => line.startsWith('missed'));
  const said = `${verdicts.length - missed.length} of ${verdicts.length} targets met`;
  const isBroken = verdicts.length === 0 || (!endedWell && missed.length === 0);
  return { said, problems: isBroken ? [`ended with ${ending}:\n${output}`] : missed };
}
