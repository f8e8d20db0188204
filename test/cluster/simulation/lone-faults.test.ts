import { expect } from 'chai';
import { ordersOf, runBatch } from '../../../cluster/simulation/batch.ts';
import { type MeasuredRun, runLine } from '../../../cluster/simulation/report.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { runMutant } from './mutant-run.ts';
import { mutants } from './mutants.ts';

const seeds = isLongProof ? { first: 1, last: 100 } : { first: 1, last: 2 };
const minutes = isLongProof ? 2 : 0.7;
/** Fewer would show little. */
const faultsMin = isLongProof ? 20 : 5;

describe('faults that strike alone in the simulation', function () {
  this.timeout(isLongProof ? 3_600_000 : 120_000);

  for (const topology of ['default', 'two-tier', 'two-fabrics'] as const)
    it(`are no errors for any consumer: seeds ${seeds.first} to ${seeds.last} on ${topology}`, async () => {
      const failed: string[] = [];
      const onResult = (run: MeasuredRun) => {
        const { verdict, faults } = run.report;
        if (verdict !== 'passed' || faults.length < faultsMin) failed.push(runLine(run));
      };
      const orders = ordersOf(seeds, topology, minutes).map((order) => ({ ...order, alone: true }));
      await runBatch({ orders, jobs: 2, stopsAtFailure: false, onResult });
      expect(failed).to.deep.equal([]);
    });

  it('are noticed when a host gives up where a way fails', async () => {
    const [patch] = mutants.endsWritesAtFailedPaths.patches;
    const gives = { ...patch, replacement: `return { kind: 'end', status };` };
    const mutant = { does: 'a host gives up where a way fails', alone: true, patches: [gives] };
    const { verdict, problem } = await runMutant(mutant, { seeds: '1..12', minutes: 0.5, jobs: 2 });
    expect(verdict, problem).to.equal('wrong');
    expect(problem).to.match(/ended with an error although one fault struck at a time/);
  });
});
