/**
 * One host with two volumes on the same disks: its I/O numbers and their watermark are the host's, so that a write of
 * one volume which has to wait holds the watermark down for what the other one writes meanwhile (I6, I12).
 */
import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';
import { SteadyLoad } from '../../tools/steady-load.ts';

/** vol0 is coordinated by s1, vol1 by s2; both are mirrored on d1 and d2. */
function twoVolumes(): SimulatedSan {
  const volumes = [
    { id: 'vol0', coordinators: { map: 'modulo', switches: ['s1'] } },
    { id: 'vol1', coordinators: { map: 'modulo', switches: ['s2'] } },
  ];
  return new SimulatedSan(
    smallShippedTopology('default.yaml', (plain) => ({
      ...plain,
      hosts: (plain.hosts as Plain[]).map((host) => ({
        ...host,
        exports: volumes.map(({ id }) => ({ volume: id, name: id })),
      })),
      volumes: volumes.map((volume) => ({
        ...volume,
        size: '4MiB',
        layout: { mirror: ['d1', 'd2'] },
      })),
    })),
  );
}

describe('a host whose write to one volume waits for another coordinator', () => {
  it('writes thousands of times to its other volume on the same disks meanwhile, and all of it ends well', function () {
    this.timeout(60_000);
    const san = twoVolumes();
    const [vol0, vol1] = [san.volume('h1', 'vol0'), san.volume('h1', 'vol1')];
    san.finish(san.write(vol0, 0, 4096, 1), san.write(vol1, 0, 4096, 1));
    san.node('s1').process?.pause();
    const waiting = san.write(vol0, 8192, 4096, 2);
    const load = new SteadyLoad(san, vol1, 3, false);
    san.runUntil('the other coordinator took the write', () => waiting.status !== null);
    const meanwhile = load.writes;
    load.stop();
    expect(waiting.status).to.equal(Status.ok);
    expect([...load.statuses]).to.deep.equal([Status.ok]);
    expect(meanwhile).to.be.greaterThan(2000);
    san.node('s1').process?.resume();
    const read = san.read(vol0, 8192, 4096);
    san.finish(read);
    expect(read.bytes).to.deep.equal(Buffer.alloc(4096, 2));
    san.runFor(3000);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
