import { expect } from 'chai';
import { runMutant } from './mutant-run.ts';
import { type MutantName, mutants } from './mutants.ts';

/** A few of each kind; `npm run proof:simulation` runs them all. */
const shown: readonly { readonly name: MutantName; readonly verdict: string }[] = [
  { name: 'takesUnsettledForSettled', verdict: 'wrong' },
  { name: 'skipsSettling', verdict: 'wrong' },
  { name: 'sweepsNothing', verdict: 'stuck' },
  { name: 'throwsAtRetries', verdict: 'crashed' },
];

describe('the simulation notices a program in which', function () {
  this.timeout(120_000);

  for (const { name, verdict } of shown)
    it(`${mutants[name].does} (${verdict})`, async () => {
      const result = await runMutant(mutants[name], { seeds: '1..12', minutes: 2, jobs: 2 });
      expect(result.verdict, result.problem).to.equal(verdict);
    });

  it('a snippet that is not there is an error, not a mutant that survives', async () => {
    const patches = [{ file: 'actors/hba/hba.js', snippet: 'is not there', replacement: '' }];
    let message = '';
    try {
      await runMutant({ does: 'nothing', patches }, { seeds: '1..1', minutes: 0.1, jobs: 1 });
    } catch (error) {
      message = String(error);
    }
    expect(message).to.include('holds 0 times, not once');
  });
});
