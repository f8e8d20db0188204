/** A TRIM that means thousands of parts, and what is done beside it (H11, I12), through whole actors. */
import { expect } from 'chai';
import { kibibyte, mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import {
  type Ended,
  type Plain,
  SimulatedSan,
  smallShippedTopology,
} from '../../tools/simulated-san.ts';

/** Two volumes of one host, in strips of one block. */
function sanWithThinStrips(): SimulatedSan {
  return new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      hosts: (plain.hosts as Plain[]).map((host) => ({
        ...host,
        exports: ['vol0', 'vol1'].map((volume) => ({ volume, listen: 'nbd://127.0.0.1:0' })),
      })),
      volumes: ['vol0', 'vol1'].map((id) => ({
        id,
        size: '8MiB',
        layout: {
          stripe: { stripBytes: '4KiB', of: [{ mirror: ['d1', 'd2'] }, { mirror: ['d3', 'd4'] }] },
        },
      })),
    })),
  );
}

describe('a TRIM of a whole volume with thin strips', () => {
  it('ends well, and small I/O that comes after it ends long before', () => {
    const san = sanWithThinStrips();
    const { clock } = san.world;
    const [vol0, vol1] = ['vol0', 'vol1'].map((volume) => san.volume('h1', volume));
    if (vol0 === undefined || vol1 === undefined) throw new Error('two volumes were expected');
    san.finish(san.write(vol0, mebibyte, 64 * kibibyte, 1));
    const trim: Ended = { status: null, bytes: Buffer.alloc(0) };
    const beganMs = clock.now();
    vol0.trim(unitOf<VolumeOffset>(0), 6 * mebibyte, false, (status) => {
      trim.status = status;
    });
    const ios = [san.write(vol1, 8192, 4096, 2), san.read(vol1, mebibyte, 4096)];
    ios.push(san.write(vol0, 6 * mebibyte, 4096, 3));
    while (ios.some(({ status }) => status === null)) san.runFor(0.5);
    const ioMs = clock.now() - beganMs;
    while (trim.status === null) san.runFor(0.5);
    const trimMs = clock.now() - beganMs;
    expect(ioMs).to.be.below(trimMs / 4);
    const read = san.read(vol0, mebibyte, 4096);
    san.finish(trim, ...ios, read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096));
    expect(san.stopAndCompare()).to.deep.equal([]);
  }).timeout(60_000);
});
