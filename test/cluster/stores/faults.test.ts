import { expect } from 'chai';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { MemoryMedium } from '../../../cluster/simulation/store.ts';
import { FaultyStore } from '../../../cluster/stores/faults.ts';
import { describeBlockStoreContract, storeBytes } from '../../ports/block-store-contract.ts';

describeBlockStoreContract('with faults around it, none of them injected', () => {
  const clock = new VirtualClock();
  const medium = new MemoryMedium({ sizeBytes: storeBytes, random: new SeededRandom('medium') });
  return {
    open: () => new FaultyStore(medium.open(clock), clock, new SeededRandom('faults')),
    until: async (condition) => {
      while (!condition()) expect(clock.runNext(), 'something left to happen').to.equal(true);
    },
  };
});
