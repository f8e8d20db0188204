import { expect } from 'chai';
import {
  drawnPolicies,
  isImpatient,
  policyNames,
  possiblePolicyNames,
} from '../../../cluster/simulation/drawn-policies.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe('the policies of a simulated cluster', () => {
  it('are the same for the same seed', () => {
    for (const seed of seeds)
      expect(drawnPolicies(seed, false)).to.deep.equal(drawnPolicies(seed, false));
  });

  it('are all met by a few seeds', () => {
    const met = seeds.flatMap((seed) =>
      policyNames(simulatedTopology('default', drawnPolicies(seed, false)).policies),
    );
    expect([...new Set(met)].sort()).to.deep.equal([...possiblePolicyNames].sort());
  });

  it('let no I/O end before its deadline where consumers must see no error', () => {
    for (const seed of seeds) {
      const { policies } = simulatedTopology('default', drawnPolicies(seed, true));
      expect(isImpatient(policies)).to.equal(false);
    }
  });

  it('are those of the shipped topologies where none are drawn', () => {
    const names = policyNames(simulatedTopology('two-tier').policies);
    expect(names).to.deep.equal([
      'path hops',
      'route whole',
      'failback immediate',
      'metric answerTime',
      'noPathRetry long',
      'stale late',
    ]);
  });
});
