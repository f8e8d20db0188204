import { expect } from 'chai';
import { membershipMutants } from '../simulation/membership-mutants.ts';
import { runMutant } from '../simulation/mutant-run.ts';
import { type Mutant, mutants } from '../simulation/mutants.ts';

const shown: readonly Mutant[] = [
  ...Object.values<Mutant>(membershipMutants).filter(({ killOrder }) => killOrder !== undefined),
  { ...mutants.acknowledgesFuaEarly, killOrder: '2p:21' },
];

describe('an order of kills and restarts notices a program in which', function () {
  this.timeout(60_000);

  for (const mutant of shown)
    it(`${mutant.does} (${mutant.killOrder})`, async () => {
      const { verdict, problem } = await runMutant(mutant, { seeds: '1..1', minutes: 1, jobs: 1 });
      expect(verdict, problem).to.equal('wrong');
    });
});
