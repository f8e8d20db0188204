import { expect } from 'chai';
import { membershipMutants } from '../simulation/membership-mutants.ts';
import { runMutant } from '../simulation/mutant-run.ts';

describe('an order of kills and restarts notices a program in which', function () {
  this.timeout(60_000);

  for (const mutant of Object.values(membershipMutants))
    it(`${mutant.does} (${mutant.killOrder})`, async () => {
      const { verdict, problem } = await runMutant(mutant, { seeds: '1..1', minutes: 1, jobs: 1 });
      expect(verdict, problem).to.equal('wrong');
    });
});
