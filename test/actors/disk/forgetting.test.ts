import { expect } from 'chai';
import {
  isRetired,
  nothingRetired,
  retire,
  retiredMax,
} from '../../../actors/disk/retired-generations.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { verbs } from '../../../protocols/commands.ts';
import type { DiskForget } from '../../../protocols/control-data.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import {
  type ControlEpoch,
  type ExtentGeneration,
  type Generation,
  unitOf,
} from '../../../protocols/units.ts';
import { DiskActorWorld, volumeId } from './disk-actor-world.ts';
import { bytesOf } from './disk-world.ts';

const generation = (value: number) => unitOf<ExtentGeneration>(value);

/** A disk with a volume of which the first block is written. */
function written(): DiskActorWorld {
  const world = new DiskActorWorld();
  world.format();
  world.start();
  expect(world.assemble()).to.include({ ok: true });
  expect(world.write(0, bytesOf(4096, 1)).outcome.status).to.equal(Status.ok);
  return world;
}

function order(world: DiskActorWorld, changes: Partial<DiskForget> = {}): DiskForget {
  const { cluster, clusterIdentity, volume, controlEpoch, disk } = world.assembly();
  const body = { cluster, clusterIdentity, volume, controlEpoch, disk };
  return { ...body, generation: unitOf<Generation>(2), ...changes };
}

function fateOf(world: DiskActorWorld, changes: object = {}) {
  return world.ask(world.request(Operation.read, 0, 4096, changes)).reply.outcome.status;
}

/** The same place for a volume, with another extent generation. */
function extentsOf(world: DiskActorWorld, extentGeneration: number) {
  const [extent] = world.assembly().extents;
  if (extent === undefined) throw new Error('the assembly has an extent');
  return [{ ...extent, generation: generation(extentGeneration) }];
}

describe('a disk that is told to forget a volume', () => {
  it('serves nothing of it any more, at once and after a restart, and says so in its facts', () => {
    const world = written();
    expect(world.command(verbs.forget, order(world))).to.include({ ok: true });
    expect(fateOf(world)).to.equal(Status.fenced);
    expect(world.disk.facts()).to.deep.include({ volumes: [], highestExtentGeneration: 1 });
    world.kill();
    world.start();
    expect(world.disk.facts()).to.deep.include({ volumes: [], highestExtentGeneration: 1 });
  });

  it('confirms it again, and confirms it for a volume that it never knew', () => {
    const world = written();
    for (const volume of [volumeId, volumeId, idOf<VolumeId>('other')])
      expect(world.command(verbs.forget, order(world, { volume }))).to.include({ ok: true });
  });

  it('never lets it come back: a late assembly of the same extents is refused, also after a restart', () => {
    const world = written();
    world.command(verbs.forget, order(world));
    for (const restart of [false, true]) {
      if (restart) world.kill();
      if (restart) world.start();
      const late = world.assemble({ generation: unitOf<Generation>(9) });
      expect(late).to.include({ ok: false, reason: 'fenced' });
      expect(late).to.have.property('message').that.contains('gave up extent e1 of generation 1');
    }
  });

  it('gives its place to another volume, which reads zeros and not what the former owner wrote', () => {
    const world = written();
    world.command(verbs.forget, order(world));
    const volume = idOf<VolumeId>('vol1');
    const extents = extentsOf(world, 2);
    expect(world.assemble({ volume, extents })).to.include({ ok: true });
    const request = world.request(Operation.read, 0, 4096, {
      volume,
      extentGeneration: generation(2),
    });
    const { reply, data } = world.ask(request);
    expect(reply.outcome.status).to.equal(Status.ok);
    expect(Buffer.from(data.bytes).equals(Buffer.alloc(4096))).to.equal(true);
    expect(fateOf(world), 'a frame of the former owner').to.equal(Status.fenced);
  });

  it('gives its place to a volume of the same name, too, which begins with event counts of its own', () => {
    const world = written();
    const [set] = world.assembly().mirrorSets;
    const mirrorSets = set === undefined ? [] : ([{ ...set, eventCount: unitOf(1) }] as never);
    // It was down when the volume was deleted, and hears of the new one first.
    const next = { generation: unitOf<Generation>(3), extents: extentsOf(world, 2), mirrorSets };
    expect(world.assemble(next)).to.include({ ok: true });
    const late = world.command(verbs.forget, order(world));
    expect(late, 'the order to forget the former one').to.include({ ok: false, reason: 'fenced' });
    const back = world.assemble({
      ...next,
      generation: unitOf<Generation>(4),
      extents: extentsOf(world, 1),
    });
    expect(back, 'the extents of the former one').to.include({ ok: false, reason: 'fenced' });
  });

  it('refuses an order that is older than what it knows, or meant for another process or cluster', () => {
    const world = written();
    expect(
      world.assemble({ controlEpoch: unitOf<ControlEpoch>(5), generation: unitOf<Generation>(7) }),
    ).to.include({ ok: true });
    const newer = { controlEpoch: unitOf<ControlEpoch>(5), generation: unitOf<Generation>(8) };
    const refused: [Partial<DiskForget>, string][] = [
      [{ ...newer, controlEpoch: unitOf<ControlEpoch>(4) }, 'fenced'],
      [{ ...newer, generation: unitOf<Generation>(7) }, 'fenced'],
      [{ ...newer, clusterIdentity: 'd'.repeat(32) }, 'refused'],
      [{ ...newer, disk: { ...world.assembly().disk, instance: unitOf(9) } }, 'refused'],
    ];
    for (const [changes, reason] of refused)
      expect(world.command(verbs.forget, order(world, changes))).to.include({ ok: false, reason });
    expect(world.disk.facts()).to.have.property('volumes').that.has.length(1);
    expect(world.command(verbs.forget, order(world, newer))).to.include({ ok: true });
  });
});

describe('generations of extents that were given up', () => {
  it('stay given up, each by itself', () => {
    const retired = retire(retire(nothingRetired, [{ generation: generation(5) }]), [
      { generation: generation(2) },
    ]);
    const fates = [1, 2, 3, 4, 5, 6].map((value) => isRetired(retired, value));
    expect(fates).to.deep.equal([false, true, false, false, true, false]);
  });

  it('take bounded room: of very many the lower ones become one number', () => {
    let retired = nothingRetired;
    for (let value = 1; value <= 3 * retiredMax; value++)
      retired = retire(retired, [{ generation: generation(value * 2) }]);
    expect(retired.above).to.have.length(retiredMax);
    for (const value of [1, 2, 2 * retiredMax, 6 * retiredMax])
      expect(isRetired(retired, value), String(value)).to.equal(true);
    expect(isRetired(retired, 6 * retiredMax - 1)).to.equal(false);
    expect(isRetired(retired, 6 * retiredMax + 1)).to.equal(false);
  });
});
