import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const intervalMs = 20;

/** The default topology with a small volume, and with policies. */
function begin(policies: Plain): SimulatedSan {
  const change = (plain: Plain) => {
    const [volume] = plain.volumes as Plain[];
    return { ...plain, policies, volumes: [{ ...volume, size: '16MiB' }] };
  };
  return new SimulatedSan(smallShippedTopology('default.yaml', change));
}

/** Keeps one read under way at a time, for a time. @returns how many frames left for each switch */
function load(san: SimulatedSan, driver: OptimizationDriver, seconds: number) {
  const before = framesBySwitch(san);
  for (let ms = 0; ms < seconds * 1000; ms += intervalMs) {
    san.read(driver, (ms * 4096) % driver.sizeBytes, 4096);
    san.runFor(intervalMs);
  }
  const after = framesBySwitch(san);
  return { s1: after.s1 - before.s1, s2: after.s2 - before.s2 };
}

/** Requests that came to each switch. */
function framesBySwitch(san: SimulatedSan): { readonly s1: number; readonly s2: number } {
  const received = (id: string) =>
    (san.facts(id).counters as { receivedFrames: number }).receivedFrames;
  return { s1: received('s1'), s2: received('s2') };
}

const balanceMoves = (san: SimulatedSan) =>
  (san.facts('h1').load as { switch: string; avoided: boolean }[]).filter(({ avoided }) => avoided);

describe('load imbalance on a simulated SAN (H7)', () => {
  for (const path of ['hops', 'serviceTime'])
    it(`by the order ${path} a slow switch loses its traffic within the policy's time, and regains it after healing`, () => {
      const san = begin({ path });
      const driver = san.volume('h1', 'vol0');
      const healthy = load(san, driver, 5);
      const [slow, other] = healthy.s1 >= healthy.s2 ? ['s1', 's2'] : ['s2', 's1'];
      const share = (counts: { s1: number; s2: number }) =>
        counts[slow as 's1'] / (counts.s1 + counts.s2);
      expect(share(healthy)).to.be.above(0.4);
      san.world.inject({ kind: 'slow', target: `switch:${slow}`, delayMs: 40 });
      load(san, driver, 6);
      expect(balanceMoves(san).map((each) => each.switch)).to.deep.equal([slow]);
      const avoiding = load(san, driver, 5);
      // What is left are the small frames that look whether it is still slow.
      expect(avoiding[slow as 's1']).to.be.below(20);
      expect(avoiding[other as 's1']).to.be.above(200);
      san.world.heal(`switch:${slow}`);
      load(san, driver, 10);
      expect(balanceMoves(san)).to.deep.equal([]);
      if (path === 'hops') expect(share(load(san, driver, 5))).to.be.above(0.4);
    });

  it('a symmetric load does not go back and forth within ten minutes', () => {
    const san = begin({});
    const driver = san.volume('h1', 'vol0');
    const moves: string[] = [];
    const { cluster } = san.world.topology;
    san.connect('watcher').subscribe(`san.v1.${cluster}.evt.host.*.balance`, {
      message: (data) => moves.push(Buffer.from(data).toString('utf8')),
    });
    for (let second = 0; second < 600; second++) {
      for (let count = 0; count < 8; count++)
        san.read(driver, ((second * 8 + count) * 4096) % driver.sizeBytes, 4096);
      san.runFor(1000);
    }
    expect(moves).to.deep.equal([]);
  });
});
