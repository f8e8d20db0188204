import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import type { Weather } from '../../../cluster/simulation/weather.ts';
import { virtualizerFactsSchema } from '../../../cluster/status-facts.ts';
import { Status } from '../../../protocols/codes.ts';
import type { SuspicionFields } from '../../../protocols/events.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { mebibyte } from '../../../protocols/units.ts';
import {
  type Ended,
  type Plain,
  SimulatedSan,
  smallShippedTopology,
} from '../../tools/simulated-san.ts';

const intervalMs = 10;

function begin(detection: Plain = {}, seed = 1): SimulatedSan {
  const change = (plain: Plain) => {
    const [volume] = plain.volumes as Plain[];
    return { ...plain, policies: { detection }, volumes: [{ ...volume, size: '16MiB' }] };
  };
  return new SimulatedSan(smallShippedTopology('default.yaml', change), seed);
}

/** What the virtualizer tells of suspects, as `silent s1`. */
function watchSuspicions(san: SimulatedSan): string[] {
  const told: string[] = [];
  const { cluster } = san.world.topology;
  san.connect('watcher').subscribe(`san.v1.${cluster}.evt.virtualizer.*.suspicion`, {
    message: (data) => {
      const { verdict, suspect } = JSON.parse(
        Buffer.from(data).toString('utf8'),
      ) as SuspicionFields;
      told.push(`${verdict} ${suspect.id}`);
    },
  });
  return told;
}

/** Keeps one write under way at a time. @returns the longest of them */
function longestWriteMs(san: SimulatedSan, driver: OptimizationDriver, seconds: number): number {
  const { clock } = san.world;
  const untilMs = clock.now() + seconds * 1000;
  let longestMs = 0;
  for (let count = 0; clock.now() < untilMs; count++) {
    const begunMs = clock.now();
    const write = san.write(driver, (count * 65_536) % driver.sizeBytes, 4096, count % 250);
    san.runUntil('the write has ended', () => write.status !== null);
    expect(write.status).to.equal(Status.ok);
    longestMs = Math.max(longestMs, clock.now() - begunMs);
    san.runFor(intervalMs);
  }
  return longestMs;
}

/** By partition of vol0, as the virtualizer says. */
function coordinatorsOf(san: SimulatedSan): readonly string[] {
  const facts = san.node('v1').assembled?.virtualizers[0]?.description().facts;
  const [volume] = virtualizerFactsSchema.parse(facts).volumes;
  return (volume?.partitions ?? []).map(({ coordinator }) => coordinator);
}

const processOf = (san: SimulatedSan, id: string) => {
  const { process } = san.node(id);
  if (process === null) throw new Error(`${id} does not run`);
  return process;
};

/** Everything ten times as slow, and one message in a hundred later by up to a second. */
const slowWeather: Weather = {
  delayMsMin: 0.5,
  delayMsMean: 1,
  latePerMillion: 10_000,
  lateMsMax: 1000,
  lossPerMillion: 0,
  repeatPerMillion: 0,
  repeatLateMsMax: 0,
};

/** Two minutes in which everything is slow, and things stand still, but nothing is gone. @returns who was cut off */
function sufferSlowness(san: SimulatedSan, driver: OptimizationDriver): readonly string[] {
  const told = watchSuspicions(san);
  const { clock, network, topology } = san.world;
  const server = network.server(topology.control);
  const open: Ended[] = [];
  for (const { name } of network.servers) network.server(name).weather = slowWeather;
  for (let second = 0; second < 120; second++) {
    const offset = (second * 65_536) % driver.sizeBytes;
    for (let count = 0; count < 8; count++) open.push(san.write(driver, offset, 4096, count));
    if (second % 3 === 1) {
      const virtualizer = processOf(san, 'v1');
      virtualizer.pause();
      clock.setTimeout(() => virtualizer.resume(), 1000);
    }
    if (second % 10 === 5) {
      const busy = processOf(san, second % 20 === 5 ? 's1' : 's2');
      busy.pause();
      clock.setTimeout(() => busy.resume(), 700);
    }
    if (second % 20 === 12) {
      const stalled = server.connections.filter(({ process }) => process.name === 'v1');
      for (const bus of stalled) bus.stall();
      clock.setTimeout(() => {
        for (const bus of stalled) bus.release();
      }, 3000);
    }
    if (second % 40 === 37) {
      server.stop();
      clock.setTimeout(() => server.start(), 1500);
    }
    san.runFor(1000);
  }
  san.runUntil('all has ended', () => open.every(({ status }) => status !== null));
  expect(open.filter(({ status }) => status !== Status.ok)).to.deep.equal([]);
  return told.filter((each) => /^(silent|deaf) /.test(each));
}

describe('silent switches on a simulated SAN', () => {
  for (const id of ['s1', 's2'])
    it(`${id} is paused under writes: within 2.5 s they go on through the other, and it is told why`, () => {
      const san = begin();
      const driver = san.volume('h1', 'vol0');
      longestWriteMs(san, driver, 5);
      const told = watchSuspicions(san);
      processOf(san, id).pause();
      expect(longestWriteMs(san, driver, 10)).to.be.within(1000, 2500);
      expect(told).to.deep.equal([`suspected ${id}`, `silent ${id}`]);
      processOf(san, id).resume();
      longestWriteMs(san, driver, 5);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });

  it('a switch that is paused while nothing is written is found by the time that writes begin', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestWriteMs(san, driver, 5);
    processOf(san, 's1').pause();
    san.runFor(3000);
    expect(longestWriteMs(san, driver, 5)).to.be.below(500);
  });

  const halfOpen: readonly [string, (san: SimulatedSan) => void][] = [
    ['answers of s1 to hosts are lost', (san) => san.world.network.partition('s1', 'h1')],
    [
      'the connection of s1 for I/O is dead, and neither end has noticed',
      (san) => {
        const { network, topology } = san.world;
        const { connections } = network.server(topology.control);
        connections.find(({ name }) => name.startsWith('s1/io-'))?.stall();
      },
    ],
  ];
  for (const [what, strike] of halfOpen)
    it(`${what}, while it answers commands: within 3 s another one coordinates`, () => {
      const san = begin();
      const driver = san.volume('h1', 'vol0');
      longestWriteMs(san, driver, 5);
      const told = watchSuspicions(san);
      strike(san);
      expect(longestWriteMs(san, driver, 20)).to.be.within(2000, 3000);
      expect(told).to.deep.equal(['deaf s1']);
      san.world.network.healAll();
      longestWriteMs(san, driver, 70);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });

  it('what is sent to a switch over one of its links is lost: hosts take another, and nobody is cut off', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestWriteMs(san, driver, 5);
    const told = watchSuspicions(san);
    const { cluster } = san.world.topology;
    san.world.network.silence(`san.v1.${cluster}.io.switch.s1.h1-a-s1`);
    expect(longestWriteMs(san, driver, 20)).to.be.below(1000);
    expect(told).to.deep.equal([]);
  });

  it('both switches are paused, one of them for longer: what is left serves', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestWriteMs(san, driver, 5);
    processOf(san, 's1').pause();
    processOf(san, 's2').pause();
    san.world.clock.setTimeout(() => processOf(san, 's2').resume(), 4000);
    expect(longestWriteMs(san, driver, 10)).to.be.within(4000, 7000);
  });

  it('a switch that hears commands and no I/O of hosts coordinates nothing any more: writes go on through the other', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestWriteMs(san, driver, 5);
    const { network, topology } = san.world;
    const { io } = subjectsOf(topology.cluster);
    const s1 = { kind: 'switch', id: 's1' } as const;
    const told = watchSuspicions(san);
    for (const { id, ends } of topology.links)
      if (ends.includes(s1.id as never)) network.silence(io(s1, id));
    expect(longestWriteMs(san, driver, 20)).to.be.within(2000, 4000);
    expect(told).to.include('deaf s1').and.not.include('silent s1');
    expect(coordinatorsOf(san)).to.deep.equal(['s2', 's2']);
    for (const { id } of topology.links) network.endSilence(io(s1, id));
    longestWriteMs(san, driver, 65);
    expect(coordinatorsOf(san), 'after a minute it may again').to.deep.equal(['s1', 's2']);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('a deaf switch that is started anew coordinates again without waiting', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestWriteMs(san, driver, 5);
    const { network, topology } = san.world;
    const { io } = subjectsOf(topology.cluster);
    const s1 = { kind: 'switch', id: 's1' } as const;
    for (const { id, ends } of topology.links)
      if (ends.includes(s1.id as never)) network.silence(io(s1, id));
    longestWriteMs(san, driver, 5);
    expect(coordinatorsOf(san)).to.deep.equal(['s2', 's2']);
    for (const { id } of topology.links) network.endSilence(io(s1, id));
    san.world.crash(san.node('s1'));
    longestWriteMs(san, driver, 10);
    expect(coordinatorsOf(san)).to.deep.equal(['s1', 's2']);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('a disk that is very slow makes no switch deaf, although others answer meanwhile', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestWriteMs(san, driver, 5);
    const told = watchSuspicions(san);
    san.world.inject({ kind: 'slow', target: 'disk:d1', delayMs: 3000 });
    const slow = san.write(driver, 0, 4096, 1);
    for (let count = 0; count < 500; count++) {
      // By the other switch, to the other disks.
      const write = san.write(driver, mebibyte + 65_536, 4096, 2);
      san.runUntil('the write has ended', () => write.status !== null);
      san.runFor(intervalMs);
    }
    expect(slow.status).to.equal(Status.ok);
    expect(told.filter((each) => each.startsWith('deaf'))).to.deep.equal([]);
  });

  it('slow weather, a virtualizer that stands still and restarts of the NATS server cut off nobody who lives', () => {
    for (const seed of [1, 2, 3]) {
      const san = begin({}, seed);
      expect(sufferSlowness(san, san.volume('h1', 'vol0')), `seed ${seed}`).to.deep.equal([]);
    }
  });

  it('a time that is short and does not adapt would have cut off switches that are only slow', () => {
    const san = begin({ silenceMsMin: 200, silenceMsMax: 200, deviations: 0 });
    expect(sufferSlowness(san, san.volume('h1', 'vol0'))).to.not.be.empty;
  });
});
