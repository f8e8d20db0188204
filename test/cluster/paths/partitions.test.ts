/** Partitions between two actors under I/O, on a whole simulated SAN. */
import { expect } from 'chai';
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { decodeJson } from '../../../actors/json.ts';
import { virtualizerFactsSchema } from '../../../cluster/status-facts.ts';
import { suspicionSchema } from '../../../protocols/events.ts';
import { type Fault, faultText } from '../../../protocols/faults.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const intervalMs = 40;
/** Apart, so that all strips and both partitions are met. */
const stepBytes = 65_536;
/** Longer than an I/O is tried: what is not got over ends with an error. */
const partedSeconds = 32;
/** A switch whose disk is silent waits for it for five seconds. */
const pauseMsMax = 6000;

function begin(): SimulatedSan {
  const change = (plain: Plain) => {
    const [volume] = plain.volumes as Plain[];
    return { ...plain, volumes: [{ ...volume, size: '16MiB' }] };
  };
  return new SimulatedSan(smallShippedTopology('default.yaml', change));
}

/** Writes here and there, and reads it again, one after the other. @returns the longest of them */
function longestMs(san: SimulatedSan, driver: OptimizationDriver, seconds: number): number {
  const { clock } = san.world;
  const untilMs = clock.now() + seconds * 1000;
  let longest = 0;
  for (let count = 0; clock.now() < untilMs; count++) {
    const offset = (count * stepBytes) % driver.sizeBytes;
    const value = 1 + (count % 250);
    const begunMs = clock.now();
    san.finish(san.write(driver, offset, 4096, value));
    const read = san.read(driver, offset, 4096);
    san.finish(read);
    expect([...new Set(read.bytes)]).to.deep.equal([value]);
    longest = Math.max(longest, clock.now() - begunMs);
    san.runFor(intervalMs);
  }
  return longest;
}

/** What the virtualizer tells of suspects, as `silent s1`. */
function suspicionsOf(san: SimulatedSan): readonly string[] {
  const told: string[] = [];
  const { cluster } = san.world.topology;
  san.connect('watcher').subscribe(subjectsOf(cluster).eventsOf('virtualizer', 'suspicion'), {
    message: (data) => {
      const { verdict, suspect } = suspicionSchema.parse(decodeJson(data));
      told.push(`${verdict} ${suspect.id}`);
    },
  });
  return told;
}

/** By partition of vol0, as the virtualizer says. */
function coordinatorsOf(san: SimulatedSan): readonly string[] {
  const facts = san.node('v1').assembled?.virtualizers[0]?.description().facts;
  const [volume] = virtualizerFactsSchema.parse(facts).volumes;
  return (volume?.partitions ?? []).map(({ coordinator }) => coordinator);
}

describe('partitions on a simulated SAN', function () {
  this.timeout(60_000);
  const missable: readonly Fault[] = [
    { kind: 'cut', target: 'partition:h1/s1' },
    { kind: 'one-way', target: 'partition:h1/s1' },
    { kind: 'one-way', target: 'partition:s2/h1' },
    { kind: 'cut', target: 'partition:h1-a/s1' },
    { kind: 'cut', target: 'partition:s1/d1' },
    { kind: 'one-way', target: 'partition:s1/d1' },
    { kind: 'one-way', target: 'partition:d3/s2' },
    { kind: 'cut', target: 'partition:s1/s2' },
    { kind: 'cut', target: 'partition:h1/d1' },
    { kind: 'cut', target: 'partition:h1/v1' },
  ];
  for (const fault of missable)
    it(`${faultText(fault)}: consumers see a pause, and no error`, () => {
      const san = begin();
      const driver = san.volume('h1', 'vol0');
      longestMs(san, driver, 5);
      san.world.inject(fault);
      expect(longestMs(san, driver, partedSeconds)).to.be.below(pauseMsMax);
      san.world.heal(fault.target);
      san.runFor(70_000);
      expect(longestMs(san, driver, 5), 'healed').to.be.below(100);
      expect(coordinatorsOf(san), 'healed').to.deep.equal(['s1', 's2']);
      expect(san.stopAndCompare()).to.deep.equal([]);
    });

  it('of a switch from a disk makes the other switch coordinate, and nobody silent', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    const told = suspicionsOf(san);
    san.world.inject({ kind: 'cut', target: 'partition:s1/d1' });
    longestMs(san, driver, 10);
    expect(coordinatorsOf(san)).to.deep.equal(['s2', 's2']);
    expect(told).to.deep.equal([]);
  });

  it('of one switch and soon of the other: the one whose partition is over coordinates', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestMs(san, driver, 5);
    san.world.inject({ kind: 'cut', target: 'partition:d4/s2' });
    longestMs(san, driver, 8);
    san.world.heal('partition:d4/s2');
    expect(coordinatorsOf(san)).to.deep.equal(['s1', 's1']);
    san.world.inject({ kind: 'one-way', target: 'partition:s1/h1' });
    expect(longestMs(san, driver, partedSeconds)).to.be.below(pauseMsMax);
    expect(coordinatorsOf(san)).to.deep.equal(['s2', 's2']);
  });

  it('of a switch from the virtualizer makes the switch silent, and the other one coordinates', () => {
    const san = begin();
    const driver = san.volume('h1', 'vol0');
    longestMs(san, driver, 5);
    const told = suspicionsOf(san);
    san.world.inject({ kind: 'cut', target: 'partition:v1/s1' });
    san.runFor(5000);
    expect(told).to.deep.equal(['suspected s1', 'silent s1']);
    expect(coordinatorsOf(san)).to.deep.equal(['s2', 's2']);
    expect(longestMs(san, driver, partedSeconds), 'it lacks what is decided').to.be.below(100);
  });
});
