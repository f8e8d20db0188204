/** What the virtualizer says of mirrors: which are left beside one that failed, and which it would rather be without. */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { alternateMirrors, setsBeside } from '../../../actors/virtualizer/alternate-mirrors.ts';
import { PresenceTable } from '../../../actors/virtualizer/presence.ts';
import { ReadErrors } from '../../../actors/virtualizer/read-errors.ts';
import type { AlternatesQuery } from '../../../protocols/commands.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import { type DiskId, idOf } from '../../../protocols/ids.ts';
import { at, blankVolume, description } from './samples.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const query = { host: 'h1', volume: 'vol0', offset: 0, lengthBytes: 4096, disk: 'd1' };

function staleIn(record: VolumeRecord, mirror: number): VolumeRecord {
  const mirrorSets = record.mirrorSets.map((set) => ({
    ...set,
    mirrors: set.mirrors.map((state, index) => (index === mirror ? ('stale' as const) : state)),
  }));
  return { ...record, mirrorSets };
}

describe('the mirrors that are left beside one that failed', () => {
  const presence = new PresenceTable(at(0));
  for (const disk of ['d1', 'd2', 'd3']) presence.see(description('disk', disk, 1));
  presence.see(description('disk', 'd4', 1, {}, 'failed'));
  const everywhere = { diskRoutes: () => [{ hba: idOf<never>('h1-a'), links: [], switches: [] }] };
  const ask = (changes: object, record = blankVolume(), input = everywhere) =>
    alternateMirrors(
      { ...query, ...changes } as unknown as AlternatesQuery,
      record,
      input,
      presence,
    );

  it('hold the same range, are in sync, there, and can be reached', () => {
    expect(ask({})).to.deep.equal({ alternates: ['d2'], away: [] });
    expect(ask({ offset: 64 * 1024, disk: 'd4' })).to.deep.equal({ alternates: ['d3'], away: [] });
  });

  it('that are not in sync are none', () => {
    expect(ask({}, staleIn(blankVolume(), 1))).to.deep.equal({ alternates: [], away: [] });
  });

  it('that are away, broken, or out of this host’s reach are told apart: they have not failed', () => {
    expect(ask({ offset: 64 * 1024, disk: 'd3' })).to.deep.equal({ alternates: [], away: ['d4'] });
    const nowhere = { diskRoutes: () => [] };
    expect(ask({}, blankVolume(), nowhere)).to.deep.equal({ alternates: [], away: ['d2'] });
  });

  it('of a range over several parts hold all of them', () => {
    expect(ask({ lengthBytes: 128 * 1024 })).to.deep.equal({ alternates: [], away: [] });
  });
});

describe('the command alternates', () => {
  it('is answered while the volume serves, and to hosts that may use it', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    expect(world.command('alternates', query)).to.deep.equal({
      ok: true,
      alternates: ['d2'],
      away: [],
    });
    const size = world.record().sizeBytes;
    expect(world.command('alternates', { ...query, offset: size })).to.include({
      ok: false,
      reason: 'invalid',
    });
    expect(world.command('alternates', { ...query, host: 'h9' })).to.include({ reason: 'refused' });
    expect(world.command('alternates', { ...query, volume: 'x' })).to.include({
      reason: 'unknown',
    });
    expect(world.command('alternates', { ...query, lengthBytes: 0 })).to.include({
      reason: 'invalid',
    });
    world.kill('d2');
    world.until(() => world.status().state !== 'serving', 'the loss of a disk to be seen');
    expect(world.command('alternates', query)).to.include({ ok: false, reason: 'not-ready' });
  });
});

describe('a mirror with too many read errors', () => {
  const policy = { readErrorsMax: 3, readErrorsWithinMs: 1000 };
  const [volume, disk] = [idOf<never>('vol0'), idOf<DiskId>('d1')];

  it('has more than the policy allows within its time, and is told of once', () => {
    const errors = new ReadErrors(policy);
    const told = [0, 10, 20, 30, 40].map((ms) => errors.note(volume, disk, at(ms)));
    expect(told).to.deep.equal([false, false, false, true, false]);
    const slow = [5000, 5500, 6001, 6502, 7003].map((ms) => errors.note(volume, disk, at(ms)));
    expect(slow).to.not.include(true);
  });

  it('is only one that another mirror can stand in for', () => {
    expect(setsBeside(blankVolume(), disk)).to.have.length(1);
    expect(setsBeside(staleIn(blankVolume(), 1), disk)).to.be.empty;
    expect(setsBeside(staleIn(blankVolume(), 0), disk)).to.be.empty;
    expect(setsBeside(blankVolume(), idOf<DiskId>('d9'))).to.be.empty;
  });

  it('is proposed for removal, and nothing is removed', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const bus = world.network.open();
    const proposed: object[] = [];
    bus.subscribe('san.v1.test.evt.>', {
      message: (data, subject) => {
        if (subject.endsWith('.decision')) proposed.push(decodeJson(data) as object);
      },
    });
    const { generation } = world.record();
    const retry = { volume: 'vol0', offset: 0, lengthBytes: 4096, failed: ['d1'], readFrom: 'd2' };
    const common = { sequence: 1, incarnation: 1, timeMs: 1 };
    for (let errors = 0; errors < 33; errors++) {
      expect(proposed).to.be.empty;
      bus.publish('san.v1.test.evt.host.h1.mirror-retry', encodeJson({ ...retry, ...common }));
      world.run(10);
    }
    const [proposal, ...more] = proposed;
    expect(more).to.be.empty;
    const [set] = world.record().mirrorSets;
    expect(proposal).to.deep.include({
      volume: 'vol0',
      what: 'removal of a mirror proposed',
      disk: 'd1',
      mirrorSet: set?.set,
      reason: 'more than 32 read errors in 600000 ms',
    });
    expect(world.record().generation).to.equal(generation);
    expect(world.status().state).to.equal('serving');
  });
});
