import { expect } from 'chai';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { MemoryMedium, type StoreLatency } from '../../../cluster/simulation/store.ts';
import {
  describeBlockStoreContract,
  describeBlockStoreDurability,
  type MortalBlockStoreWorld,
  storeBytes,
} from '../../ports/block-store-contract.ts';

function memoryWorld(latency?: StoreLatency): MortalBlockStoreWorld {
  const clock = new VirtualClock();
  const medium = new MemoryMedium({
    sizeBytes: storeBytes,
    random: new SeededRandom('store'),
    ...(latency === undefined ? {} : { latency }),
  });
  return {
    open: () => medium.open(clock),
    until: async (condition) => {
      while (!condition()) expect(clock.runNext(), 'something left to happen').to.equal(true);
    },
    kill: () => medium.crash(),
    powerCut: () => medium.powerCut(),
  };
}

for (const [name, latency] of [
  ['in memory, at once', undefined],
  ['in memory, with latency', { readMs: 3, writeMs: 5, flushMs: 7 }],
] as const) {
  describeBlockStoreContract(name, () => memoryWorld(latency));
  describeBlockStoreDurability(name, () => memoryWorld(latency));
}

describe('memory store', () => {
  it('is silent towards a process that was killed or lost its power', () => {
    const clock = new VirtualClock();
    const medium = new MemoryMedium({ sizeBytes: storeBytes, random: new SeededRandom(1) });
    const calls: string[] = [];
    for (const end of [() => medium.crash(), () => medium.powerCut()]) {
      const store = medium.open(clock);
      store.write(0, [new Uint8Array(512)], () => calls.push('write'));
      store.flush(() => calls.push('flush'));
      end();
      clock.runFor(1000);
    }
    expect(calls).to.deep.equal([]);
  });

  it('does not count a write as flushed that had not ended when the flush began', () => {
    const random = new SeededRandom('early flush');
    let lost = 0;
    for (let round = 0; round < 50; round++) {
      const clock = new VirtualClock();
      const latency = { readMs: 0, writeMs: 50, flushMs: 1 };
      const medium = new MemoryMedium({ sizeBytes: storeBytes, random, latency });
      const store = medium.open(clock);
      store.write(0, [new Uint8Array(512).fill(1)], () => {});
      store.flush(() => {});
      clock.runFor(10);
      medium.powerCut();
      if (medium.peek(0, 1)[0] === 0) lost += 1;
    }
    expect(lost).to.be.greaterThan(0);
  });

  it('costs memory only for what was written', () => {
    const clock = new VirtualClock();
    const medium = new MemoryMedium({ sizeBytes: 2 ** 40, random: new SeededRandom(1) });
    const store = medium.open(clock);
    store.write(2 ** 39, [new Uint8Array(4096)], () => {});
    store.flush(() => {});
    clock.runFor(1);
    expect(medium.residentBytes).to.be.at.most(3 * 4096);
  });
});
