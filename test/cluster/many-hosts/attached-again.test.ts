/** A volume that a host lets go while no virtualizer hears of it, and attaches again (I9, I12), through whole actors. */
import { expect } from 'chai';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const vol0 = idOf<VolumeId>('vol0');

/** The default wiring with caches in both switches; reads go by one that no write comes by. */
function sanWithCaches(): SimulatedSan {
  return new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      switches: ['s1', 's2'].map((id) => ({ id, limits: { cacheBytes: '64KiB' } })),
      volumes: [
        {
          id: 'vol0',
          size: '4MiB',
          layout: { mirror: ['d1', 'd2'] },
          coordinators: { map: 'modulo', switches: ['s2'] },
        },
      ],
    })),
  );
}

describe('a host that attaches a volume again which it let go unheard', () => {
  it('reads what it wrote last, although caches hold what it read under the attachment before', () => {
    const san = sanWithCaches();
    const former = san.volume('h1', 'vol0');
    const { attachEpoch = 0 } = former.view.attachment ?? {};
    san.finish(san.write(former, 0, 4096, 1));
    san.finish(san.read(former, 0, 4096));
    const host = san.hostOf('h1');
    san.world.network.partition('h1', 'v1');
    let left = false;
    host.detach(vol0, () => {
      left = true;
    });
    san.runUntil('h1 let go', () => left);
    san.world.network.healAll();
    const again = host.attach({ volume: vol0, mode: 'exclusive', readOnly: false });
    san.runUntil('h1 has it again', () => again.volume?.admission.open === true);
    const { volume } = again;
    if (volume === null) throw new Error('the volume is not known');
    san.finish(san.write(volume, 0, 4096, 2));
    // The first read through a switch shows it that the attachment still holds.
    san.finish(san.read(volume, mebibyte, 4096));
    const read = san.read(volume, 0, 4096);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096, 2));
    expect(volume.view.attachment?.attachEpoch).to.be.greaterThan(attachEpoch);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
