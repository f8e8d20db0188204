/** Hosts that the virtualizer cannot reach learn of decisions in band (DESIGN V2), through whole actors. */
import { expect } from 'chai';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const vol0 = idOf<VolumeId>('vol0');
const shared = { attach: 'shared', listen: 'nbd://127.0.0.1:0' };

/** Two hosts that may share vol0, of which h1 does. */
function sharedSan(): SimulatedSan {
  return new SimulatedSan(
    smallShippedTopology('two-tier.yaml', (plain) => ({
      ...plain,
      hosts: ['h1', 'h2'].map((id) => ({
        id,
        hbas: [`${id}-a`, `${id}-b`],
        exports: id === 'h1' ? [{ volume: vol0, ...shared }] : [],
      })),
      volumes: (plain.volumes as Plain[])
        .slice(0, 1)
        .map((volume) => ({ ...volume, size: '4MiB', hosts: 'all' })),
    })),
  );
}

describe('a host that the virtualizer cannot reach', () => {
  it('goes on without a pause when another one comes to its volume: switches tell it of the decision', () => {
    const san = sharedSan();
    const volume = san.volume('h1', vol0);
    const { network } = san.world;
    network.partition('v1', 'h1');
    const attached = san.attach('h2', { volume: vol0, mode: 'shared', readOnly: false });
    san.runUntil('h2 uses it', () => attached.volume?.admission.open === true);
    const begun = san.world.clock.now();
    const writes = Array.from({ length: 8 }, (_, index) =>
      san.write(volume, (index * mebibyte) / 2, 4096, index + 1),
    );
    san.finish(...writes);
    expect(san.world.clock.now() - begun, 'ms').to.be.below(100);
    const counters = san.facts('h1').counters as Record<string, number>;
    expect(counters.decisionsBrought).to.equal(1);
    network.heal('v1', 'h1');
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
