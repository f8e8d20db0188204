/** The dirty region log of a host (DESIGN H10, I7): marked before it is written to, and taken back when it is clean. */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { contentOf, HostWorld, type SentFrame, type WorldOptions } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);
const idleMs = 2000;

describe('a host that writes', () => {
  let world: HostWorld;
  let ended: Status[];
  let marked: SentFrame[];
  const begin = (options: WorldOptions = {}) => {
    world = new HostWorld(options);
    world.serve();
    ended = [];
    marked = [];
  };
  beforeEach(() => begin());
  const note = (status: Status) => ended.push(status);
  const write = (offset: number, lengthBytes = 4096) =>
    world.driver.write(at(offset), [contentOf(offset, lengthBytes)], false, note);
  const flush = () => world.driver.flush(note);
  /** What was sent but for marks; these are left open. */
  const sentWithoutMarks = (): readonly SentFrame[] => {
    const marks = world.marks();
    const sent = world.sent();
    marked.push(...marks);
    return sent;
  };
  const rangesOf = (frames: readonly SentFrame[], operation: Operation) =>
    frames
      .filter(({ request }) => request.operation === operation)
      .map(({ request }) => [request.offset / mebibyte, request.lengthBytes / mebibyte]);
  /** Regions that the host takes back in so long, while everybody answers. */
  const takenBackIn = (forMs: number) => {
    const taken: (readonly number[])[] = [];
    for (let ms = 0; ms < forMs; ms += 10) {
      world.clock.runFor(10);
      const marks = world.marks();
      taken.push(...rangesOf(marks, Operation.unmark));
      for (const frame of marks) world.answer(frame);
      world.answerAll();
    }
    return taken;
  };

  it('sends nothing of a write before its region is marked, and then all', () => {
    write(mebibyte);
    expect(sentWithoutMarks()).to.deep.equal([]);
    expect(rangesOf(marked, Operation.mark)).to.deep.equal([[1, 1]]);
    for (const frame of marked) world.answer(frame);
    const [sent] = world.sent();
    expect(sent?.request).to.include({ operation: Operation.write, offset: mebibyte });
    world.answerAll(sent === undefined ? [] : [sent]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('marks a region once, for all that it writes there', () => {
    for (let count = 0; count < 3; count++) write(count * 4096);
    expect(rangesOf(world.marks(), Operation.mark)).to.have.length(1);
    begin();
    write(0);
    world.answerAll();
    write(8192);
    expect(world.sent()).to.have.length(1);
    expect(world.marksSeen).to.equal(1);
  });

  it('waits for all regions of a write that lies in two', () => {
    write(mebibyte - 4096, 8192);
    const marks = world.marks();
    expect(rangesOf(marks, Operation.mark), 'one for each coordinator').to.deep.equal([
      [0, 1],
      [1, 1],
    ]);
    const [first, second] = marks;
    if (first !== undefined) world.answer(first);
    expect(sentWithoutMarks()).to.deep.equal([]);
    if (second !== undefined) world.answer(second);
    expect(world.sent()).to.have.length(2);
  });

  it('marks nothing to read', () => {
    world.driver.read(at(0), 4096, note);
    world.sent();
    expect(world.marksSeen).to.equal(0);
  });

  it('takes a mark back once a flush has covered what it wrote, and it has been idle for a while', () => {
    write(0);
    world.answerAll();
    expect(takenBackIn(3 * idleMs), 'never flushed').to.deep.equal([]);
    flush();
    world.answerAll();
    expect(takenBackIn(idleMs - 100), 'not at once').to.deep.equal([]);
    expect(takenBackIn(2 * idleMs)).to.deep.equal([[0, 1]]);
    expect(world.driver.dirty.count).to.equal(0);
    write(0);
    expect(rangesOf(world.marks(), Operation.mark), 'it is marked anew').to.deep.equal([[0, 1]]);
  });

  it('takes back nothing that was written to while the flush was under way', () => {
    write(0);
    world.answerAll();
    flush();
    const flushes = world.sent();
    write(4096);
    const [second] = world.sent();
    world.answerAll(flushes);
    if (second !== undefined) world.answer(second);
    expect(ended).to.deep.equal([Status.ok, Status.ok, Status.ok]);
    expect(takenBackIn(3 * idleMs)).to.deep.equal([]);
  });

  it('takes back nothing while a mirror is missing', () => {
    write(0);
    world.answerAll();
    world.publish({ generation: 2, secondMirror: 'stale' });
    flush();
    world.answerAll();
    expect(takenBackIn(3 * idleMs)).to.deep.equal([]);
    world.publish({ generation: 3, mirrors: { m0: ['in-sync', 'resyncing'] } });
    expect(takenBackIn(2 * idleMs), 'nor while it is made equal').to.deep.equal([]);
  });

  it('takes back nothing of a write that failed: what it left is not known', () => {
    write(0);
    const [frame] = world.sent();
    if (frame !== undefined) world.refuse(frame, { status: Status.range, detail: { what: '' } });
    expect(ended).to.deep.equal([Status.range]);
    flush();
    world.answerAll();
    expect(takenBackIn(3 * idleMs)).to.deep.equal([]);
  });

  it('lets a write wait that comes while its mark is being taken back, and marks anew', () => {
    write(0);
    world.answerAll();
    flush();
    world.answerAll();
    world.clock.runFor(idleMs + 10);
    const unmarks = world.marks();
    expect(rangesOf(unmarks, Operation.unmark)).to.deep.equal([[0, 1]]);
    write(0);
    expect(sentWithoutMarks()).to.deep.equal([]);
    for (const frame of unmarks) world.answer(frame);
    const marks = world.marks();
    expect(rangesOf(marks, Operation.mark)).to.deep.equal([[0, 1]]);
    for (const frame of marks) world.answer(frame);
    expect(world.sent()).to.have.length(1);
  });

  it('marks everything anew when a mirror serves that nobody made equal', () => {
    world.publish({ generation: 2, secondMirror: 'stale' });
    write(0);
    world.answerAll();
    world.publish({
      generation: 3,
      attachEpoch: 6,
      firstEpoch: 5,
      mirrors: { m0: ['stale', 'in-sync'], m1: ['in-sync', 'stale'] },
    });
    write(0);
    expect(rangesOf(world.marks(), Operation.mark)).to.deep.equal([[0, 1]]);
  });

  it('marks everything anew when a mirror serves alone that was still being made equal', () => {
    world.publish({ generation: 2, mirrors: { m0: ['in-sync', 'resyncing'] } });
    write(0);
    world.answerAll();
    world.publish({
      generation: 3,
      attachEpoch: 6,
      firstEpoch: 5,
      mirrors: { m0: ['stale', 'in-sync'] },
    });
    write(0);
    expect(rangesOf(world.marks(), Operation.mark)).to.deep.equal([[0, 1]]);
  });

  it('keeps few regions dirty: it flushes by itself when there are too many', () => {
    begin({ policy: { dirtyRegionsMax: 3 } });
    for (let region = 0; region < 6; region++) {
      write(region * mebibyte);
      world.answerAll();
      world.clock.runFor(200);
    }
    takenBackIn(1000);
    expect(world.driver.dirty.count).to.be.at.most(4);
    expect(ended).to.deep.equal(Array(6).fill(Status.ok));
  });

  it('loses nothing when a mark cannot be taken back, and marks anew before it writes there again', () => {
    write(0);
    world.answerAll();
    flush();
    world.answerAll();
    world.clock.runFor(idleMs + 12_000);
    expect(world.attachment.state).to.equal('serving');
    world.marks();
    write(0);
    expect(rangesOf(world.marks(), Operation.mark)).to.deep.equal([[0, 1]]);
  });

  it('loses its attachment when a write cannot be sent in time for want of a mark', () => {
    write(0);
    world.clock.runFor(10_100);
    expect(world.attachment.state).to.equal('lost');
    expect(ended).to.deep.equal([Status.path]);
  });
});
