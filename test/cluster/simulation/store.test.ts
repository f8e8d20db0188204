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

  it('gives nothing of a bad sector until it is written anew, whoever opens the medium', () => {
    const clock = new VirtualClock();
    const medium = new MemoryMedium({ sizeBytes: storeBytes, random: new SeededRandom(1) });
    const fateOf = (atBytes: number, lengthBytes: number) => {
      let fate = 'pending';
      medium.open(clock).read(atBytes, new Uint8Array(lengthBytes), (error) => {
        fate = error?.detail ?? 'read';
      });
      clock.runFor(1);
      return fate;
    };
    medium.spoil(1025);
    for (const end of [() => {}, () => medium.crash(), () => medium.powerCut()]) {
      end();
      expect(fateOf(0, 1024)).to.equal('read');
      expect(fateOf(1536, 512)).to.equal('read');
      expect(fateOf(1535, 1)).to.equal('the sector at 1024 is bad');
      expect(fateOf(0, 4096)).to.equal('the sector at 1024 is bad');
    }
    medium.open(clock).write(512, [new Uint8Array(1024)], () => {});
    clock.runFor(1);
    expect(fateOf(0, 4096)).to.equal('read');
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
