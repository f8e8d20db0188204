import { expect } from 'chai';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import { SimulatedSan } from '../../tools/simulated-san.ts';

const told = { volume: 'vol0' as VolumeId, offset: 0, lengthBytes: 4096, failed: ['d1' as DiskId] };

describe('whether a host may call a mirror bad', () => {
  it('it may not where nothing was ever wrong with any mirror, and may where something was', () => {
    const { world } = new SimulatedSan(simulatedTopology('default'));
    const problem = () => world.damage.accusationProblem(told, world.database);
    expect(problem()).to.match(/a host calls d1 bad for volume vol0, 4096 bytes at 0/);
    for (const { id } of world.topology.disks) {
      world.inject({ kind: 'down', target: `link:s1-${id}` });
      world.inject({ kind: 'slow', target: `disk:${id}`, delayMs: 10 });
    }
    expect(problem(), 'paths and slowness are no damage').to.be.a('string');
    for (const { id } of world.topology.disks)
      world.inject({
        kind: 'read-error',
        target: `disk:${id}`,
        atBytes: 8 << 20,
        lengthBytes: 4096,
      });
    expect(problem(), 'elsewhere').to.be.a('string');
    for (const { id } of world.topology.disks)
      world.inject({ kind: 'read-error', target: `disk:${id}` });
    world.heal(null);
    expect(problem()).to.equal(null);
  });
});
