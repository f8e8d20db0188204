/** Hosts say which ways they prefer, and switches that choose ways themselves take these, though others are shorter (H8). */
import { expect } from 'chai';
import type { Topology } from '../../../protocols/topology.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const strip = 64 * 1024;

/** A host on s1 alone, and disk d5: behind s3, and one link further away behind s4 and s5. Switches choose the ways. */
function unequalWays(): Topology {
  return smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    hosts: [{ id: 'h1', hbas: ['h1-a'], exports: [{ volume: 'far', name: 'far' }] }],
    switches: [...(plain.switches as Plain[]), { id: 's5', virtualizing: false }],
    disks: [...(plain.disks as Plain[]), { id: 'd5', size: '24MiB' }],
    links: [
      ...(plain.links as string[][]).filter((ends) => !ends.some((end) => /^h2|^h1-b/.test(end))),
      ...[
        ['s4', 's5'],
        ['s3', 'd5'],
        ['s5', 'd5'],
      ],
    ],
    volumes: [
      { id: 'far', size: '4MiB', layout: 'd5', coordinators: { map: 'modulo', switches: ['s1'] } },
    ],
    policies: { ...(plain.policies as Plain), route: 'firstHop' },
  }));
}

describe('where switches choose the ways, one that its host prefers', () => {
  it('is taken though it is longer, without trying the shorter one first, and no more when that is well again', () => {
    const san = new SimulatedSan(unequalWays());
    const far = san.volume('h1', 'far');
    const framesAt = (id: string) =>
      (san.facts(id).counters as { receivedFrames: number }).receivedFrames;
    const reissues = () => (san.facts('h1').counters as { reissues: number }).reissues;
    /** Reads one after the other. @returns how many frames came to the switches behind s1, and what was sent again */
    const readMany = (count: number) => {
      const before = [framesAt('s3'), framesAt('s5'), reissues()];
      for (let at = 0; at < count; at++) san.finish(san.read(far, (at % 16) * strip, 4096));
      const after = [framesAt('s3'), framesAt('s5'), reissues()];
      const [short = 0, long = 0, again = 0] = after.map((each, at) => each - (before[at] ?? 0));
      return { short, long, again };
    };
    expect(readMany(20)).to.deep.equal({ short: 20, long: 0, again: 0 });
    // s1 does not see that link: it would go on to send what it is not told to send another way to s3.
    san.world.inject({ kind: 'down', target: 'link:s3-d5' });
    san.finish(san.read(far, 0, 4096));
    const around = readMany(40);
    expect(around.again, 'nothing was sent in vain').to.equal(0);
    expect(around.long).to.be.at.least(40);
    san.world.heal('link:s3-d5');
    san.runFor(5000);
    const healed = readMany(40);
    expect(healed.again).to.equal(0);
    expect(healed.short).to.be.at.least(40);
    expect(healed.long).to.be.at.most(2);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
