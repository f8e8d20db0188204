import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

/** Much less than an I/O waits for a way before it ends with an error. */
const soonMs = 2000;
/** Longer than a failed link takes to be found to work again. */
const againMs = 1200;

/** Each way times out once, and not again and again. */
const timeoutsMax = 16;

describe('links in quarantine', () => {
  it('are left like others when the switch that they lead to is silent', () => {
    const san = smallSan();
    const driver = san.volume('h1', 'vol0');
    for (const id of ['d1', 'd2', 's1', 's2']) flap(san, id);
    const timeouts = () => Number((san.facts('h1').counters as { timeouts: number }).timeouts);
    const before = timeouts();
    san.node('s1').process?.pause();
    for (let round = 0; round < 40; round++) {
      san.finish(...readsOf(san, driver));
      san.runFor(100);
    }
    expect(timeouts() - before).to.be.within(1, timeoutsMax);
    san.node('s1').process?.resume();
    san.runFor(soonMs);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });

  it('are used all the same when the switch is silent over which all others lead', () => {
    const san = smallSan();
    const driver = san.volume('h1', 'vol0');
    flap(san, 's1');
    const states = (san.facts('h1').paths as { route: string[]; state: string }[])
      .filter(({ route }) => route[0]?.endsWith('-s1'))
      .map(({ state }) => state);
    expect(new Set(states)).to.deep.equal(new Set(['quarantined']));
    san.node('s2').process?.pause();
    const ios = readsOf(san, driver);
    san.runFor(soonMs);
    san.finish(...ios);
    san.node('s2').process?.resume();
    san.runFor(soonMs);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});

function smallSan(): SimulatedSan {
  return new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '6MiB' })),
    })),
  );
}

function readsOf(san: SimulatedSan, driver: OptimizationDriver) {
  return Array.from({ length: 4 }, (_, at) => san.read(driver, at * 4096, 4096));
}

/** A node comes and goes until the links that lead to it are in quarantine. */
function flap(san: SimulatedSan, id: string): void {
  const driver = san.volume('h1', 'vol0');
  for (let failure = 1; failure <= 3; failure++) {
    san.world.crash(san.node(id));
    san.finish(...readsOf(san, driver));
    san.runUntil(`${id} is back`, () => san.world.isWhole && san.isServing);
    san.runFor(againMs);
  }
}
