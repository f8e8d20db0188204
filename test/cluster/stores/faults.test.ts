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

describe('a slow store', () => {
  const clock = new VirtualClock();
  const latency = { readMs: 1, writeMs: 1, flushMs: 1 };
  const medium = new MemoryMedium({
    sizeBytes: storeBytes,
    random: new SeededRandom('m'),
    latency,
  });
  const store = new FaultyStore(medium.open(clock), clock, new SeededRandom('faults'));
  const readMs = () => {
    const startMs = clock.now();
    let endMs = Number.NaN;
    store.read(0, new Uint8Array(512), () => {
      endMs = clock.now();
    });
    while (Number.isNaN(endMs)) expect(clock.runNext()).to.equal(true);
    return endMs - startMs;
  };

  it('takes so many milliseconds longer, until that fault is ended', () => {
    const heal = store.inject({ kind: 'slow', delayMs: 200 });
    expect(readMs()).to.be.within(200, 202);
    heal();
    expect(readMs()).to.be.below(2);
  });

  it('takes so many times as long', () => {
    const heal = store.inject({ kind: 'slow', times: 1000 });
    expect(Math.max(...Array.from({ length: 20 }, readMs))).to.be.above(20);
    heal();
  });

  it('hands out what it holds back when the fault is ended', () => {
    const heal = store.inject({ kind: 'slow', delayMs: 60_000 });
    const startMs = clock.now();
    let ended = 0;
    store.read(0, new Uint8Array(512), () => {
      ended += 1;
    });
    clock.runFor(10);
    expect(ended).to.equal(0);
    heal();
    clock.runFor(10);
    expect(ended).to.equal(1);
    clock.runFor(120_000);
    expect(ended).to.equal(1);
    expect(clock.now() - startMs).to.be.above(60_000);
  });
});
