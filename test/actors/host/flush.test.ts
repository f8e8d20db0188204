import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import {
  type DiskInstance,
  mebibyte,
  unitOf,
  type VolumeOffset,
} from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);

describe('flush (I11)', () => {
  let world: HostWorld;
  let ended: Status[];
  const flush = () => world.driver.flush((status) => ended.push(status));
  const write = (offset: number, fua = false) => {
    world.driver.write(at(offset), [contentOf(offset, 4096)], fua, () => {});
    world.answerAll();
  };
  const disksOf = (frames: readonly SentFrame[]) => frames.map(({ request }) => request.disk);
  const flushAll = () => {
    flush();
    world.answerAll();
    ended.pop();
  };
  const instanceOf = (instances: readonly number[], { request }: SentFrame) =>
    unitOf<DiskInstance>(instances[Number(request.disk.slice(1)) - 1] ?? 0);
  /** Disks answer everything as these processes of theirs. */
  const answerAs = (instances: readonly number[]) => {
    for (const frame of world.sent())
      world.answer(frame, { diskInstance: instanceOf(instances, frame) });
  };
  /** The volume is assembled from these processes of the disks, and the attachment goes on. */
  const goOnWith = (instances: readonly number[]) => {
    // Where neither disk of a set went on, nothing vouches for what no flush has covered.
    const heldSince = instances[0] === 1 || instances[1] === 1 ? 0 : 20;
    const m0 = mirrorSetOf('m0', 3, ['in-sync', 'in-sync']);
    world.publish({ state: 'assembling', reason: 'a disk restarted' });
    world.publish({
      ...{ generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20, instances },
      sets: { m0: { ...m0, heldSince: unitOf(heldSince) } },
    });
    world.clock.runFor(0);
    answerAs(instances);
  };
  beforeEach(() => {
    world = new HostWorld();
    world.serve();
    ended = [];
  });

  it('at first goes to every disk: what an earlier process of this host wrote is not known', () => {
    flush();
    const frames = world.sent();
    expect(disksOf(frames)).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
    for (const { request } of frames)
      expect(request).to.include({
        operation: Operation.flush,
        lengthBytes: 0,
        diskOffset: mebibyte,
        extentGeneration: 7,
      });
    world.answerAll(frames.slice(1));
    expect(ended).to.be.empty;
    world.answerAll(frames.slice(0, 1));
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('afterwards goes to the disks that hold writes acknowledged since, and to no other', () => {
    flushAll();
    write(0);
    flush();
    expect(disksOf(world.sent())).to.deep.equal(['d1', 'd2']);
  });

  it('in shared attach goes to every disk: it covers what was acknowledged to other hosts, too', () => {
    world = new HostWorld({ mode: 'shared' });
    world.serve();
    flushAll();
    flush();
    expect(disksOf(world.sent())).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
  });

  it('with nothing to make durable sends nothing', () => {
    flushAll();
    write(0, true);
    flush();
    expect(world.sent()).to.be.empty;
    expect(ended).to.be.empty;
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('does not rely on a flush that is still under way and may fail', () => {
    flushAll();
    write(0);
    flush();
    flush();
    expect(disksOf(world.sent())).to.deep.equal(['d1', 'd2', 'd1', 'd2']);
  });

  it('does not cover a write that was acknowledged after it was sent', () => {
    flushAll();
    write(0);
    flush();
    const frames = world.sent();
    write(0);
    world.answerAll(frames);
    flush();
    expect(disksOf(world.sent())).to.deep.equal(['d1', 'd2']);
  });

  it('answered by another instance of the disk waits for the decision about that, and is then asked again', () => {
    flush();
    const [first, ...others] = world.sent();
    world.answerAll(others);
    if (first === undefined) throw new Error('nothing was sent');
    world.answer(first, { diskInstance: unitOf(2) });
    world.clock.runFor(1000);
    expect(ended).to.be.empty;
    expect(world.sent()).to.be.empty;
    goOnWith([2, 1, 1, 1]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('that the only disk in sync could not carry out fails, and is the end of the attachment', () => {
    world.serve({ generation: 2, attachEpoch: 6, firstEpoch: 5, secondMirror: 'stale' });
    flush();
    const [first] = world.sent();
    if (first === undefined) throw new Error('nothing was sent');
    world.refuse(first, { status: Status.media, detail: { what: 'fdatasync failed' } });
    expect(ended).to.deep.equal([Status.media]);
    expect(world.attachment.state).to.equal('lost');
  });

  it('succeeds although a disk restarted with acknowledged writes unflushed: its mirror had them, and they were copied', () => {
    flushAll();
    write(0);
    goOnWith([2, 1, 1, 1]);
    flush();
    answerAs([2, 1, 1, 1]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  for (const isUnderWay of [false, true])
    it(`${isUnderWay ? 'that is under way' : 'fails once, and'} fails, after both mirrors restarted with acknowledged writes unflushed`, () => {
      flushAll();
      write(0);
      if (isUnderWay) flush();
      goOnWith([2, 2, 1, 1]);
      if (!isUnderWay) flush();
      world.clock.runFor(0);
      answerAs([2, 2, 1, 1]);
      expect(ended).to.deep.equal([Status.media]);
      flush();
      world.clock.runFor(0);
      answerAs([2, 2, 1, 1]);
      expect(ended).to.deep.equal([Status.media, Status.ok]);
    });

  it('after a restart of disks that held nothing unflushed does not fail', () => {
    flushAll();
    goOnWith([2, 2, 1, 1]);
    flush();
    answerAs([2, 2, 1, 1]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('is patient: a disk may take its time to make things durable', () => {
    flushAll();
    write(0);
    flush();
    const frames = world.sent();
    world.clock.runFor(450);
    expect(world.sent()).to.be.empty;
    world.answerAll(frames);
    expect(ended).to.deep.equal([Status.ok]);
  });
});
