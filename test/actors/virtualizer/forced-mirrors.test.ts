/** An operator says which mirrors are right, where those that have everything will not be back (DESIGN I4). */
import { expect } from 'chai';
import { forcedSets, forcedText } from '../../../actors/virtualizer/forced-mirrors.ts';
import { newestSets } from '../../../actors/virtualizer/mirror-changes.ts';
import { verbs } from '../../../protocols/commands.ts';
import type { MirrorState } from '../../../protocols/control-data.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { mebibyte, type PartitionEpoch, unitOf } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { extentOn, mirror } from '../host/control-data-sample.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const epochMin = unitOf<PartitionEpoch>(50);

/** Of one set on d1, d2 and d3. */
function force(states: readonly MirrorState[], disks: readonly string[]) {
  const layout = mirror(
    'm0',
    ['d1', 'd2', 'd3'].map((disk) => extentOn(disk, mebibyte)),
  );
  const mirrorSets = [mirrorSetOf('m0', 7, states)];
  return forcedSets({ layout, mirrorSets }, disks as readonly DiskId[], epochMin);
}

describe('mirrors that an operator calls right', () => {
  it('are in sync, all others of their set are behind them, and nothing vouches for what was acknowledged', () => {
    const forced = force(['in-sync', 'stale', 'resyncing'], ['d2']);
    if (forced.outcome !== 'forced') throw new Error(forced.reason);
    const [set] = forced.sets;
    expect(set?.record.mirrors).to.deep.equal(['stale', 'in-sync', 'stale']);
    expect(set?.record.heldSince).to.equal(epochMin);
    expect(forcedText(forced.sets)).to.equal(
      'the mirror on d2 of m0, stale until now, is taken for right: what it has missed is lost, and what d1 alone has; ' +
        'where switches and hosts still reach d1, writes may be acknowledged there until others are fenced, and are lost, too',
    );
  });

  it('outrank whatever those who are away were told meanwhile', () => {
    const forced = force(['in-sync', 'stale', 'stale'], ['d2']);
    const [set] = forced.outcome === 'forced' ? forced.sets : [];
    if (set === undefined) throw new Error('it was refused');
    const away = mirrorSetOf('m0', 7_000_000, ['in-sync', 'stale', 'stale']);
    expect(newestSets([set.record], [away])).to.deep.equal([set.record]);
  });

  it('are not two of one set, none that is to hold the volume no more, and no part of one', () => {
    const reasonOf = (states: readonly MirrorState[], disks: readonly string[]) => {
      const forced = force(states, disks);
      return forced.outcome === 'refused' ? forced.reason : 'forced';
    };
    expect(reasonOf(['stale', 'stale', 'in-sync'], ['d1', 'd2'])).to.match(
      /d1, and d2 are mirrors of each other: name the one that is right/,
    );
    expect(reasonOf(['in-sync', 'detached', 'stale'], ['d2'])).to.match(/hold the volume no more/);
    expect(reasonOf(['in-sync', 'stale', 'stale'], ['d1']), 'nothing would change').to.match(
      /d1 is no whole mirror of it that is behind others/,
    );
    expect(reasonOf(['in-sync', 'stale', 'stale'], ['d9'])).to.match(/no whole mirror/);
  });
});

describe('a volume that lacks a mirror which has everything', () => {
  let world: VirtualizerWorld;
  const order = (disks: readonly string[], isForced: boolean) =>
    world.command(verbs.assembleVolume, { volume: 'vol0', disks, isForced });
  const states = () => world.record().mirrorSets[0]?.mirrors;
  const untilStates = (text: string) => world.until(() => states()?.join(' ') === text, text);
  beforeEach(() => {
    world = new VirtualizerWorld();
    world.startServing();
    world.kill('d2');
    untilStates('in-sync stale');
    world.untilState('serving');
    world.kill('d1');
    world.run(5000);
    world.start('d2');
    world.run(5000);
    expect(world.status().reason).to.match(
      /nobody else has all that was written: d1 must come back/,
    );
  });

  it('is assembled without it when an operator says so, and the host is served', () => {
    expect(order(['d2'], true)).to.include({
      ok: true,
      what:
        'the mirror on d2 of vol0-m0, stale until now, is taken for right: what it has missed is lost, and what d1 alone has; ' +
        'where switches and hosts still reach d1, writes may be acknowledged there until others are fenced, and are lost, too',
    });
    world.untilState('serving');
    expect(states()).to.deep.equal(['stale', 'in-sync']);
    const [set] = world.record().mirrorSets;
    expect(set?.heldSince, 'flushes of before must fail').to.be.greaterThan(1);
  });

  it('overrules it when it is back: it is made good again like any other', () => {
    order(['d2'], true);
    world.untilState('serving');
    world.start('d1');
    untilStates('resyncing in-sync');
    untilStates('in-sync in-sync');
  });

  it('is only told what would be lost, as long as that is not meant', () => {
    expect(order(['d2'], false)).to.include({ ok: true });
    world.run(5000);
    expect(states()).to.deep.equal(['in-sync', 'stale']);
    expect(world.status().state).to.match(/^gathering/);
  });

  it('is assembled by what was looked at, and by no order that is older than the last decision', () => {
    const looked = order(['d2'], false);
    const generation = looked.ok ? Number(looked.generation) : 0;
    expect(generation).to.equal(world.record().generation);
    const body = { volume: 'vol0', disks: ['d2'], isForced: true };
    const force = (seen: number) =>
      world.command(verbs.assembleVolume, { ...body, generation: seen });
    expect(force(generation - 1)).to.include({ ok: false, reason: 'fenced' });
    world.run(2000);
    expect(states()).to.deep.equal(['in-sync', 'stale']);
    expect(force(generation)).to.include({ ok: true });
    world.untilState('serving');
    expect(states()).to.deep.equal(['stale', 'in-sync']);
  });

  it('is assembled although somebody only looks before that is decided', () => {
    world.database.isAvailable = false;
    order(['d2'], true);
    expect(order(['d2'], false)).to.include({ ok: true });
    expect(order(['d9'], false)).to.include({ ok: false });
    world.database.isAvailable = true;
    world.untilState('serving');
    expect(states()).to.deep.equal(['stale', 'in-sync']);
  });

  it('loses nothing when that one comes back before the decision', () => {
    world.database.isAvailable = false;
    order(['d2'], true);
    world.start('d1');
    world.run(3000);
    world.database.isAvailable = true;
    world.untilState('serving');
    untilStates('in-sync in-sync');
    expect(world.record().mirrorSets[0]?.eventCount).to.be.below(100);
  });

  it('is not assembled from who is not there, nor where nothing is missing', () => {
    world.kill('d2');
    world.run(5000);
    expect(order(['d2'], true)).to.include({ ok: false, reason: 'refused' });
    world.start('d1');
    world.untilState('serving');
    const answer = order(['d2'], true);
    expect(answer).to.include({ ok: false, reason: 'refused' });
    expect(states()?.[0]).to.equal('in-sync');
  });
});
