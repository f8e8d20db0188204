import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { decodeJson } from '../../../actors/json.ts';
import { calmWeather } from '../../../cluster/simulation/weather.ts';
import { type BalanceFields, balanceSchema } from '../../../protocols/events.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const intervalMs = 20;

/** The default topology with a small volume, and with policies. */
function defaultOf(policies: Plain): Topology {
  const change = (plain: Plain) => {
    const [volume] = plain.volumes as Plain[];
    return { ...plain, policies, volumes: [{ ...volume, size: '16MiB' }] };
  };
  return smallShippedTopology('default.yaml', change);
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

/** As good as none. */
const hasty = 0.001;

/** Each host has a volume for itself that either first switch leads to, one of them by fewer links. */
function twoTiers(): Topology {
  return smallShippedTopology('two-tier.yaml', (plain) => {
    const [shared] = plain.volumes as Plain[];
    const own = (host: string) => ({
      id: `own-${host}`,
      size: '4MiB',
      layout: { mirror: ['d1', 'd2'] },
      hosts: [host],
    });
    const hosts = (plain.hosts as Plain[]).map((host, at) => ({
      ...host,
      exports: [
        { volume: `own-${host.id}`, attach: 'exclusive', listen: `nbd://127.0.0.1:${10811 + at}` },
      ],
    }));
    return { ...plain, hosts, volumes: [{ ...shared, size: '4MiB' }, own('h1'), own('h2')] };
  });
}

/** One host on s1 alone: its ways to every disk lead on through s3, or through s4, the plain one. */
function secondTier(route: string): Topology {
  return smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    hosts: [{ id: 'h1', hbas: ['h1-a'], exports: [{ volume: 'own', name: 'own' }] }],
    links: (plain.links as string[][]).filter((ends) => !ends.some((end) => /^h2|^h1-b/.test(end))),
    volumes: [
      {
        ...{ id: 'own', size: '4MiB', layout: { mirror: ['d1', 'd2'] } },
        coordinators: { map: 'modulo', switches: ['s1'] },
      },
    ],
    policies: { ...(plain.policies as Plain), route },
  }));
}

/** What hosts tell of leaving switches, of what came of it, and of returning to them, from now on. */
function storyOf(san: SimulatedSan): readonly BalanceFields[] {
  const story: BalanceFields[] = [];
  const { cluster } = san.world.topology;
  san.connect('watcher').subscribe(`san.v1.${cluster}.evt.host.*.balance`, {
    message: (data) => story.push(balanceSchema.parse(decodeJson(data))),
  });
  return story;
}

/** Those who were left, or returned to. */
const movesOf = (story: readonly BalanceFields[]) =>
  story
    .filter(({ avoided, ios }) => ios === undefined || !avoided)
    .map((each) => `${each.avoided ? 'leaves' : 'returns to'} ${each.switch}`);

/** Partitions that are decided about, from now on. */
function decisionsOf(san: SimulatedSan): readonly string[] {
  const decisions: string[] = [];
  const { cluster } = san.world.topology;
  san.connect('listener').subscribe(`san.v1.${cluster}.evt.virtualizer.*.decision`, {
    message: (data) => {
      const { what, partitions = [] } = decodeJson(data) as Decision;
      const owners = partitions.map(({ coordinator }) => coordinator).join(' ');
      if (owners !== '') decisions.push(`${what}: ${owners}`);
    },
  });
  return decisions;
}

interface Decision {
  readonly what: string;
  readonly partitions?: readonly { readonly coordinator: string }[];
}

/** The moves within ten minutes under a load that is the same everywhere, while chance delays messages. */
function symmetricMoves(topology: Topology): readonly string[] {
  const san = new SimulatedSan(topology);
  for (const server of san.world.network.servers)
    server.weather = { ...calmWeather, delayMsMean: 4 };
  const story = storyOf(san);
  const decisions = decisionsOf(san);
  const exports = topology.hosts.flatMap(({ id, exports: each }) =>
    each.map(({ volume }) => san.volume(id, volume)),
  );
  for (let second = 0; second < 600; second++) {
    for (const driver of exports)
      for (let count = 0; count < 8; count++) {
        const offset = ((second * 8 + count) * 4096) % driver.sizeBytes;
        if (count % 2 === 0) san.read(driver, offset, 4096);
        else san.write(driver, offset, 4096, count);
      }
    san.runFor(1000);
  }
  return [...movesOf(story), ...decisions];
}

describe('load imbalance on a simulated SAN (H7)', function () {
  this.timeout(120_000);

  for (const path of ['hops', 'serviceTime'])
    it(`by the order ${path} a slow switch loses its traffic within the policy's time, and regains it after healing`, () => {
      const san = new SimulatedSan(defaultOf({ path }));
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
      expect(avoiding[slow as 's1']).to.be.below(40);
      expect(avoiding[other as 's1']).to.be.above(200);
      san.world.heal(`switch:${slow}`);
      load(san, driver, 10);
      expect(balanceMoves(san)).to.deep.equal([]);
      if (path === 'hops') expect(share(load(san, driver, 5))).to.be.above(0.4);
    });

  it('over two tiers several hosts leave a slow switch, and return to it', () => {
    const san = new SimulatedSan(twoTiers());
    const hosts = ['h1', 'h2'] as const;
    const story = storyOf(san);
    const reads = (seconds: number) => {
      const before = framesBySwitch(san);
      for (let ms = 0; ms < seconds * 1000; ms += intervalMs) {
        for (const host of hosts) {
          const driver = san.volume(host, `own-${host}`);
          san.read(driver, (ms * 4096) % driver.sizeBytes, 4096);
        }
        san.runFor(intervalMs);
      }
      const after = framesBySwitch(san);
      return { s1: after.s1 - before.s1, s2: after.s2 - before.s2 };
    };
    const healthy = reads(5);
    expect(healthy.s2, 'the shorter way').to.be.above(4 * healthy.s1);
    san.world.inject({ kind: 'slow', target: 'switch:s2', delayMs: 40 });
    reads(6);
    const avoiding = reads(5);
    expect(avoiding.s1).to.be.above(4 * avoiding.s2);
    san.world.heal('switch:s2');
    reads(10);
    const again = reads(5);
    expect(again.s2).to.be.above(4 * again.s1);
    expect(movesOf(story), 'each host left once, and returned once').to.deep.equal([
      ...hosts.map(() => 'leaves s2'),
      ...hosts.map(() => 'returns to s2'),
    ]);
    const [judged, ...others] = story.filter(({ ios }) => ios !== undefined);
    expect(others, 'and told what it was good for').to.have.length(hosts.length - 1);
    expect(judged?.beforeMs).to.be.above(30);
    expect(judged?.sinceMs).to.be.below(10);
    expect(judged?.ios).to.be.above(200);
  });

  it('writes leave a slow coordinator by a planned move, and are given back to it after healing', () => {
    const san = new SimulatedSan(defaultOf({}));
    const driver = san.volume('h1', 'vol0');
    const decisions = decisionsOf(san);
    /** Writes to all partitions, for a time. @returns how long they took on average */
    const writes = (seconds: number) => {
      const begun = san.world.clock.now();
      let count = 0;
      for (; san.world.clock.now() - begun < seconds * 1000; count++)
        san.finish(san.write(driver, (count * 256 * 1024) % driver.sizeBytes, 4096, count % 256));
      return (san.world.clock.now() - begun) / count;
    };
    const healthyMs = writes(2);
    san.world.inject({ kind: 'slow', target: 'switch:s1', delayMs: 40 });
    const slowMs = writes(2);
    expect(slowMs).to.be.above(20);
    writes(8);
    expect(decisions).to.deep.equal(['assembled anew: s2 s2']);
    expect(writes(5), 'as long as before').to.be.below(healthyMs + 10);
    san.world.heal('switch:s1');
    // The host must find it well for the dwell time, and so must the virtualizer.
    writes(15);
    expect(decisions).to.deep.equal(['assembled anew: s2 s2', 'assembled anew: s1 s2']);
    expect((san.facts('h1').counters as { errors: number }).errors).to.equal(0);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  for (const route of ['whole', 'firstHop'])
    it(`with policies.route: ${route} a slow switch of the second tier loses its traffic, and regains it after healing`, () => {
      const san = new SimulatedSan(secondTier(route));
      const driver = san.volume('h1', 'own');
      const story = storyOf(san);
      const reads = (seconds: number) => {
        const received = (id: string) =>
          (san.facts(id).counters as { receivedFrames: number }).receivedFrames;
        const before = [received('s3'), received('s4')];
        for (let ms = 0; ms < seconds * 1000; ms += intervalMs) {
          san.read(driver, (ms * 4096) % driver.sizeBytes, 4096);
          san.runFor(intervalMs);
        }
        const [s3 = 0, s4 = 0] = [received('s3'), received('s4')].map(
          (each, at) => each - (before[at] ?? 0),
        );
        return { s3, s4 };
      };
      const healthy = reads(5);
      expect(healthy.s3, 'the first of equal ways').to.be.above(4 * healthy.s4);
      san.world.inject({ kind: 'slow', target: 'switch:s3', delayMs: 40 });
      reads(6);
      const avoiding = reads(5);
      expect(avoiding.s4).to.be.above(200);
      expect(avoiding.s3, 'small frames that measure').to.be.below(40);
      san.world.heal('switch:s3');
      reads(10);
      const again = reads(5);
      expect(again.s3).to.be.above(4 * again.s4);
      expect(movesOf(story), 'nobody else is blamed').to.deep.equal(['leaves s3', 'returns to s3']);
    });

  it('a switch is not blamed for another one that it lies behind', () => {
    const san = new SimulatedSan(twoTiers());
    const story = storyOf(san);
    san.runFor(3000);
    san.world.inject({ kind: 'slow', target: 'switch:s1', delayMs: 40 });
    san.runFor(15_000);
    san.world.heal('switch:s1');
    san.runFor(10_000);
    expect(movesOf(story)).to.deep.equal([
      ...['leaves s1', 'leaves s1'],
      ...['returns to s1', 'returns to s1'],
    ]);
  });

  const topologies = { default: () => defaultOf({}), 'two-tier': twoTiers } as const;
  for (const [name, topology] of Object.entries(topologies))
    it(`on ${name} a symmetric load does not go back and forth within ten minutes, whatever chance does to answers`, () => {
      expect(symmetricMoves(topology())).to.deep.equal([]);
    });

  it('without dwell time and hysteresis it does', () => {
    const imbalance = { threshold: 1.1, hysteresis: 0.95, floorMs: 0, dwellSeconds: hasty };
    expect(symmetricMoves(defaultOf({ imbalance })).length).to.be.above(10);
  });
});
