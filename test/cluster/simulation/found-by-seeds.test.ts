import { expect } from 'chai';
import { Run } from '../../../cluster/simulation/run.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';

/** What was wrong once, and the seed that met it. The rule itself has a test of its own beside the code. */
const found: readonly { readonly seed: number; readonly minutes: number; readonly what: string }[] =
  [
    {
      seed: 2,
      minutes: 2,
      what: 'an I/O fenced under numbers that had been replaced meanwhile was held until its deadline',
    },
  ];

describe('seeds that found something', function () {
  this.timeout(60_000);

  for (const { seed, minutes, what } of found)
    it(`seed ${seed} passes: ${what}`, () => {
      const report = new Run({ seed, minutes, topology: simulatedTopology() }).run();
      expect(report.problems).to.deep.equal([]);
    });
});
