/** The proof that the simulation notices every program that was broken on purpose: one step for each. */
import { runMutant } from '../cluster/simulation/mutant-run.ts';
import { mutantNames, mutants } from '../cluster/simulation/mutants.ts';
import type { Proof, StepOutcome, StepResult } from './proof.ts';

const seeds = '1..50';
const minutes = 2;

interface Noticed {
  readonly does: string;
  readonly verdict: string;
  readonly seed: number | null;
  readonly seconds: number;
}

export const mutantsProof: Proof = {
  name: 'mutants',
  shows: `every rule that is broken on purpose is noticed within seeds ${seeds}`,
  shortForm: ['test/cluster/simulation/mutants.test.ts'],
  steps: ({ jobs }) =>
    mutantNames.map((name) => ({
      id: name,
      run: async (): Promise<StepOutcome> => {
        const mutant = mutants[name];
        const result = await runMutant(mutant, { seeds, minutes, jobs });
        const { seed, verdict, problem, seconds } = result;
        const data: Noticed = { does: mutant.does, verdict, seed, seconds };
        const said = seed === null ? 'not noticed' : `${verdict}, seed ${seed}: ${problem}`;
        const problems = seed === null ? [`${mutant.does}: not noticed within ${seeds}`] : [];
        return { said, problems, data };
      },
    })),
  conclude: (results) => ({ problems: [], lines: tableOf(results) }),
};

function tableOf(results: readonly StepResult[]): readonly string[] {
  const rows = results.map(({ data }) => {
    const { does, verdict, seed, seconds } = data as Noticed;
    return `| ${does} | ${verdict} | ${seed ?? '–'} | ${seconds.toFixed(0)} s |`;
  });
  return [
    '| a program in which | noticed as | by seed | after |',
    '| --- | --- | --- | --- |',
    ...rows,
  ];
}
