import { expect } from 'chai';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import {
  type DiskId,
  type ExtentId,
  idOf,
  type MirrorSetId,
  type VolumeId,
} from '../../../protocols/ids.ts';
import type { Layout } from '../../../protocols/layout/layout.ts';
import { type DiskOffset, type ExtentGeneration, unitOf } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
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

describe('whether a mirror may have to be repaired', () => {
  it('it may not where nothing was ever bad: others have left it unequal; it may where something was, or while it is made good', () => {
    const { world } = new SimulatedSan(simulatedTopology('default'));
    const fields = { ...told, disks: told.failed, source: 'd2' as DiskId, reason: '' };
    const problemOf = (outcome: 'repaired' | 'kept', nowMs = 1_000_000) =>
      world.damage.repairProblem({ ...fields, outcome }, world, nowMs);
    expect(problemOf('repaired')).to.match(/d1 had to be repaired, where nothing ever was bad/);
    expect(problemOf('kept')).to.equal(null);
    const away = { wasInSync: () => false } as unknown as typeof world.membership;
    const asAway = { database: world.database, membership: away };
    const repaired = { ...fields, outcome: 'repaired' } as const;
    expect(world.damage.repairProblem(repaired, asAway, 1_000_000)).to.equal(null);
    for (const { id } of world.topology.disks)
      world.inject({ kind: 'read-error', target: `disk:${id}` });
    expect(problemOf('repaired')).to.equal(null);
  });
});

describe('whether a mirror may stay unequal', () => {
  it('may where a block rotted on every mirror in sync, however many others did (seed 276)', () => {
    const { world } = new SimulatedSan(simulatedTopology('default'));
    const record = {
      layout: layoutOf(['d1', 'd2']),
      mirrorSets: [mirrorSetOf('m0', 2, ['resyncing', 'in-sync'])],
    };
    const said = (which: string) => `the block at offset 8192${which} can be read on no mirror`;
    const mayStay = (text: string) => world.damage.keepsUnequal(record, text);
    world.damage.rotted('d1' as DiskId, 2);
    expect(mayStay(said('')), 'only where it is not in sync').to.equal(false);
    world.damage.rotted('d2' as DiskId, 2);
    for (const which of ['', ' and 1 other', ' and 12 others'])
      expect(mayStay(said(which)), which).to.equal(true);
    expect(mayStay('the block at offset 4096 can be read on no mirror')).to.equal(false);
    expect(mayStay('disk d2 does not answer')).to.equal(false);
  });
});

function layoutOf(disks: readonly string[]): Layout {
  const children = disks.map((disk) => ({
    ...({
      kind: 'extent',
      extent: idOf<ExtentId>(`on-${disk}`),
      disk: idOf<DiskId>(disk),
    } as const),
    start: unitOf<DiskOffset>(0),
    lengthBytes: 1 << 20,
    generation: unitOf<ExtentGeneration>(1),
  }));
  return { kind: 'mirror', set: idOf<MirrorSetId>('m0'), children };
}
