import { expect } from 'chai';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

/** Much less than an I/O waits for a way before it ends with an error. */
const soonMs = 2000;
/** Longer than a failed link takes to be found to work again. */
const againMs = 1200;

describe('links in quarantine', () => {
  it('are used all the same when the switch is silent over which all others lead', () => {
    const san = new SimulatedSan(
      smallShippedTopology('default.yaml', (plain) => ({
        ...plain,
        volumes: (plain.volumes as Plain[]).map((volume) => ({ ...volume, size: '6MiB' })),
      })),
    );
    const driver = san.volume('h1', 'vol0');
    const reads = () => Array.from({ length: 4 }, (_, at) => san.read(driver, at * 4096, 4096));
    for (let failure = 1; failure <= 3; failure++) {
      san.world.crash(san.node('s1'));
      san.finish(...reads());
      san.runUntil('s1 is back', () => san.world.isWhole && san.isServing);
      san.runFor(againMs);
    }
    const states = (san.facts('h1').paths as { route: string[]; state: string }[])
      .filter(({ route }) => route[0]?.endsWith('-s1'))
      .map(({ state }) => state);
    expect(new Set(states)).to.deep.equal(new Set(['quarantined']));
    san.node('s2').process?.pause();
    const ios = reads();
    san.runFor(soonMs);
    san.finish(...ios);
    san.node('s2').process?.resume();
    san.runFor(soonMs);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
