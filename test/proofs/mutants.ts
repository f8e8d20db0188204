/** The proof that the simulation notices every program that was broken on purpose: one step for each. */
import { runMutant } from '../cluster/simulation/mutant-run.ts';
import { type Mutant, mutantNames, mutants } from '../cluster/simulation/mutants.ts';
import type { Proof, StepOutcome, StepResult } from './proof.ts';

const seeds = '1..50';
const minutes = 2;

interface Noticed {
  readonly does: string;
  readonly verdict: string;
  readonly shownBy: string | null;
  readonly seconds: number;
}

export const mutantsProof: Proof = {
  name: 'mutants',
  shows:
    `every rule that is broken on purpose is noticed within seeds ${seeds}, ` +
    'or by the seed, the kill order or the scene that is about it',
  shortForm: ['test/cluster/simulation/mutants.test.ts'],
  steps: ({ jobs }) =>
    mutantNames.map((name) => ({
      id: name,
      run: async (): Promise<StepOutcome> => {
        const mutant: Mutant = mutants[name];
        const result = await runMutant(mutant, { seeds, minutes, jobs });
        const { shownBy, verdict, problem, seconds } = result;
        const data: Noticed = { does: mutant.does, verdict, shownBy, seconds };
        const said = shownBy === null ? 'not noticed' : `${verdict}, ${shownBy}: ${problem}`;
        const where = mutant.killOrder ?? mutant.scene ?? mutant.seed ?? seeds;
        const problems = shownBy === null ? [`${mutant.does}: not noticed within ${where}`] : [];
        return { said, problems, data };
      },
    })),
  conclude: (results) => ({ problems: [], lines: tableOf(results) }),
};

function tableOf(results: readonly StepResult[]): readonly string[] {
  const rows = results.map(({ data }) => {
    const { does, verdict, shownBy, seconds } = data as Noticed;
    return `| ${does} | ${verdict} | ${shownBy ?? '–'} | ${seconds.toFixed(0)} s |`;
  });
  return ['| a program in which | noticed as | by | after |', '| --- | --- | --- | --- |', ...rows];
}
