/** A volume that goes on without a mirror, and with one that is being made equal (DESIGN I3, I4, I8), at the host. */
import { expect } from 'chai';
import { viewOf } from '../../../actors/host/volume-view.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import { type DiskId, idOf } from '../../../protocols/ids.ts';
import type { Layout } from '../../../protocols/layout/layout.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { type ControlDataOptions, controlDataOf, extentOn, mirror } from './control-data-sample.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const id = (disk: string) => idOf<DiskId>(disk);

/** One mirror set of disks. */
function mirrors(disks: readonly string[]): Layout {
  return mirror(
    'm0',
    disks.map((disk) => extentOn(disk, mebibyte)),
  );
}

/** What a switch says of a mirror that it could not read. */
function mirrorRead(disk: string, alternates: readonly string[] = []): Outcome {
  const detail = { disk: id(disk), alternates: alternates.map(id) };
  return { status: Status.mirrorRead, detail };
}

describe('control data of a volume that lacks a mirror', () => {
  const view = (options: ControlDataOptions) =>
    viewOf(controlDataOf(1, options), idOf('h1'), unitOf(1));

  it('is taken when the disk that is no member has only mirrors that are stale or detached', () => {
    for (const state of ['stale', 'detached'] as const) {
      const result = view({ mirrors: { m0: [state, 'in-sync'] } });
      expect(result.ok && result.view.disks).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
      expect(result.ok && result.view.instances).to.deep.equal([null, 1, 1, 1]);
    }
  });

  it('is refused when a disk that is to be written is no member', () => {
    for (const state of ['in-sync', 'resyncing'] as const) {
      const result = view({ mirrors: { m0: [state, 'in-sync'] }, members: ['d2', 'd3', 'd4'] });
      expect(result.ok || result.problem).to.match(/^volume vol0: disk d1 .* is no member$/);
    }
  });

  it('sends nothing to a disk that is a member without a mirror that is written', () => {
    const members = ['d1', 'd2', 'd3', 'd4'];
    const result = view({ mirrors: { m0: ['stale', 'in-sync'] }, members });
    expect(result.ok && result.view.instances).to.deep.equal([null, 1, 1, 1]);
  });

  it('reads and writes an extent within several mirrors as the worst of them says', () => {
    const layout = mirror('m1', [mirrors(['d1', 'd2']), extentOn('d3', mebibyte)]);
    const states = (outer: 'resyncing' | 'stale', inner: 'resyncing' | 'stale') => {
      const result = view({
        layout,
        mirrors: { m0: ['in-sync', inner], m1: [outer, 'in-sync'] },
      });
      if (!result.ok) return result.problem;
      const { readableExtents, instances } = result.view;
      return readableExtents.map((isReadable, index) =>
        isReadable ? 'read' : instances[index] === null ? 'absent' : 'written',
      );
    };
    expect(states('resyncing', 'stale')).to.deep.equal(['written', 'absent', 'read']);
    expect(states('stale', 'resyncing')).to.deep.equal(['absent', 'absent', 'read']);
    expect(states('resyncing', 'resyncing')).to.deep.equal(['written', 'written', 'read']);
  });
});

describe('a volume that goes on without a mirror', () => {
  let world: HostWorld;
  let ended: Status[];
  let decisions: number;
  const begin = (options: ControlDataOptions, mode: 'exclusive' | 'shared' = 'exclusive') => {
    world = new HostWorld({ mode });
    world.serve(options);
    ended = [];
    decisions = 0;
  };
  const read = (lengthBytes = 4096) =>
    world.driver.read(unitOf<VolumeOffset>(0), lengthBytes, (status) => ended.push(status));
  const disksOf = (frames: readonly SentFrame[]) => frames.map(({ request }) => request.disk);
  const decide = (options: ControlDataOptions) => {
    decisions++;
    const [attachEpoch, partitionEpoch] = [5 + decisions, 10 + 10 * decisions];
    world.publish({
      generation: 1 + decisions,
      ...{ attachEpoch, firstEpoch: 5, partitionEpoch },
      ...options,
    });
    world.clock.runFor(0);
  };
  const takeOnly = () => {
    const frames = world.sent();
    const [frame] = frames;
    if (frame === undefined || frames.length !== 1)
      throw new Error(`${frames.length} frames were sent`);
    return frame;
  };

  for (const state of ['stale', 'resyncing'] as const)
    it(`reads nothing from one that is ${state}, however many reads there are`, () => {
      begin({ mirrors: { m0: [state, 'in-sync'] } });
      for (let reads = 0; reads < 20; reads++) read();
      expect(new Set(disksOf(world.sent()))).to.deep.equal(new Set(['d2']));
    });

  it('knows no ways to a disk that is no member, and looks at none of its links', () => {
    begin({ mirrors: { m0: ['stale', 'in-sync'] } });
    const [toFirst, toSecond] = world.driver.routes.disks;
    expect(toFirst).to.be.empty;
    expect(toSecond).to.not.be.empty;
    const links = world.driver.routes.every.flatMap((route) => route.links.map(({ link }) => link));
    expect(links).to.include('s1-d2');
    for (const link of ['s1-d1', 's2-d1']) expect(links).to.not.include(link);
    decide({ mirrors: { m0: ['resyncing', 'in-sync'] } });
    expect(world.driver.routes.disks[0], 'it is back').to.not.be.empty;
  });

  it('answers a read that was under way to a mirror that is decided stale from another one', () => {
    begin({ layout: mirrors(['d1', 'd2']) });
    read();
    expect(takeOnly().request.disk).to.equal('d1');
    decide({ layout: mirrors(['d1', 'd2']), mirrors: { m0: ['stale', 'in-sync'] } });
    const again = takeOnly();
    expect(again.request.disk).to.equal('d2');
    world.answerAll([again]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  for (const mode of ['exclusive', 'shared'] as const)
    it(`passes over alternates that are not in sync, whoever names them (${mode})`, () => {
      const layout = mirrors(['d1', 'd2', 'd3']);
      begin({ layout, mirrors: { m0: ['in-sync', 'resyncing', 'in-sync'] } }, mode);
      world.alternatesAnswer = { ok: true, alternates: ['d2'], away: [] };
      read();
      world.refuse(takeOnly(), mirrorRead('d1', ['d2', 'd3']));
      const second = takeOnly();
      expect(second.request.disk).to.equal('d3');
      world.refuse(second, mirrorRead('d3', ['d2']));
      world.clock.runFor(500);
      expect(disksOf(world.sent()), 'the virtualizer names it, too: it is waited for').to.be.empty;
      decide({ layout, mirrors: { m0: ['in-sync', 'in-sync', 'in-sync'] } });
      world.clock.runFor(300);
      const third = takeOnly();
      expect(third.request.disk).to.equal('d2');
      world.answerAll([third]);
      expect(ended).to.deep.equal([Status.ok]);
    });

  for (const mode of ['exclusive', 'shared'] as const)
    it(`ends a read whose only good mirror becomes stale under it, and asks what is left (${mode})`, () => {
      const layout = mirrors(['d1', 'd2']);
      begin({ layout }, mode);
      read();
      world.refuse(takeOnly(), mirrorRead('d1', ['d2']));
      expect(takeOnly().request.disk).to.equal('d2');
      decide({ layout, mirrors: { m0: ['in-sync', 'stale'] } });
      const again = takeOnly();
      expect(again.request.disk, 'nothing else may be read').to.be.oneOf(['d1', '']);
      world.refuse(again, mirrorRead('d1', ['d2']));
      world.clock.runFor(10);
      const mending = takeOnly();
      expect(mending.request).to.include({ operation: Operation.repair, disk: '' });
      world.refuse(mending, { status: Status.media, detail: { what: 'no good copy' } });
      expect(ended).to.deep.equal([Status.media]);
    });

  it('ends a repair quietly that was under way when the bad mirror is decided stale', () => {
    const layout = mirrors(['d1', 'd2']);
    begin({ layout });
    read();
    world.refuse(takeOnly(), mirrorRead('d1', ['d2']));
    const second = takeOnly();
    world.answer(second, {}, [contentOf(0, 4096)]);
    expect(takeOnly().request.operation).to.equal(Operation.repair);
    decide({ layout, mirrors: { m0: ['stale', 'in-sync'] } });
    const again = takeOnly();
    expect(again.request).to.include({ operation: Operation.repair, disk: '' });
    world.answerAll([again]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.driver.openIos).to.equal(0);
    expect(world.attachment.state).to.equal('serving');
  });
});
