import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
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

  it('answered by another instance of the disk fails, and is the end of the attachment', () => {
    flush();
    const [first, ...others] = world.sent();
    world.answerAll(others);
    if (first === undefined) throw new Error('nothing was sent');
    world.answer(first, { diskInstance: unitOf(2) });
    expect(ended).to.deep.equal([Status.media]);
    expect(world.attachment.state).to.equal('lost');
  });

  it('that the disk could not carry out fails, and is the end of the attachment', () => {
    flush();
    const [first] = world.sent();
    if (first === undefined) throw new Error('nothing was sent');
    world.refuse(first, { status: Status.media, detail: { what: 'fdatasync failed' } });
    expect(ended).to.deep.equal([Status.media]);
    expect(world.attachment.state).to.equal('lost');
  });

  it('fails once after a disk restarted with acknowledged writes unflushed, although nothing was open', () => {
    flushAll();
    write(0);
    world.publish({ state: 'assembling', reason: 'disk d1 restarted' });
    world.serve({ generation: 2, attachEpoch: 6, partitionEpoch: 20, instances: [2, 1, 1, 1] });
    flush();
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.media]);
    flush();
    world.clock.runFor(0);
    const frames = world.sent();
    expect(disksOf(frames)).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
    for (const frame of frames)
      world.answer(frame, { diskInstance: unitOf(frame.request.disk === 'd1' ? 2 : 1) });
    expect(ended).to.deep.equal([Status.media, Status.ok]);
  });

  it('after a restart of a disk that held nothing unflushed does not fail', () => {
    flushAll();
    world.publish({ state: 'assembling' });
    world.serve({ generation: 2, attachEpoch: 6, partitionEpoch: 20, instances: [2, 1, 1, 1] });
    flush();
    for (const frame of world.sent())
      world.answer(frame, { diskInstance: unitOf(frame.request.disk === 'd1' ? 2 : 1) });
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
