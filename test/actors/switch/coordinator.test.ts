/** Writes through their coordinator: order, joining, acknowledgement, and lost frames. */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { mebibyte, unitOf } from '../../../protocols/units.ts';
import { SwitchWorld, type ToDisk } from './switch-world.ts';

function serving(): SwitchWorld {
  return new SwitchWorld().serve();
}

describe('a write at its coordinator', () => {
  it('goes to all mirrors of its set, with one number, and is acknowledged once by the last of them', () => {
    const world = serving();
    const write = world.write({ offset: 4096, flags: 1, replySlot: 33 });
    const [first, second, ...more] = world.takeToDisks();
    expect(more).to.be.empty;
    expect([first?.request.disk, second?.request.disk]).to.deep.equal(['d1', 'd2']);
    for (const frame of [first, second])
      expect(frame?.request).to.include({
        diskOffset: mebibyte + 4096,
        extentGeneration: 5,
        mirrorSet: 'm0',
        eventCount: 2,
        flags: 1,
        partitionEpoch: 20,
        writeNumber: 1,
        lowestUnsettled: 1,
        host: 'h1',
        ioNumber: write.ioNumber,
        replyKind: 'switch',
        replyId: 's1',
      });
    if (first !== undefined) world.answer(first);
    expect(world.takeReplies()).to.be.empty;
    if (second !== undefined) world.answer(second);
    const [acknowledged, ...others] = world.takeReplies();
    expect(others).to.be.empty;
    expect(acknowledged?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.33');
    expect(acknowledged?.reply).to.deep.include({
      outcome: { status: Status.ok, detail: null },
      ioNumber: write.ioNumber,
      attempt: 0,
      generation: 10,
      eventCount: 2,
      writeNumber: 1,
    });
    expect(world.disk('d1').bytesOf(257)).to.deep.equal(world.disk('d2').bytesOf(257));
    expect(world.disk('d1').bytesOf(257)[0]).to.equal(write.ioNumber);
  });

  it('waits behind earlier ones that it overlaps, and lets others pass', () => {
    const world = serving();
    world.write({ offset: 0, lengthBytes: 8192 });
    world.write({ offset: 4096, lengthBytes: 8192 });
    world.write({ offset: 8192 });
    world.write({ offset: 16_384 });
    const begun = world.takeToDisks();
    expect(begun.map(({ request }) => request.ioNumber)).to.deep.equal([1, 1, 4, 4]);
    for (const frame of begun.filter(({ request }) => request.ioNumber === 1)) world.answer(frame);
    const next = world.takeToDisks();
    expect(
      next.map(({ request }) => request.ioNumber),
      'none is overtaken',
    ).to.deep.equal([2, 2]);
    for (const frame of next) world.answer(frame);
    const last = world.takeToDisks();
    expect(last.map(({ request }) => request.ioNumber)).to.deep.equal([3, 3]);
    expect(last[0]?.request.writeNumber).to.equal(4);
    expect(last[0]?.request.lowestUnsettled, 'the second that began has not ended').to.equal(2);
  });

  it('of a part of a block waits for another part of the same block', () => {
    const world = serving();
    world.write({ offset: 512, lengthBytes: 512 });
    world.write({ offset: 1024, lengthBytes: 512 });
    expect(world.takeToDisks().map(({ request }) => request.ioNumber)).to.deep.equal([1, 1]);
  });

  it('keeps its bytes while it waits, whatever becomes of the memory that they came in', () => {
    const world = serving();
    world.write({ offset: 0 });
    const { ioNumber } = world.write({ offset: 0 });
    expect(world.runDisks()).to.have.length(2);
    expect(world.disk('d1').bytesOf(256)[5]).to.equal(ioNumber);
    expect(world.disk('d2').bytesOf(256)[5]).to.equal(ioNumber);
  });

  it('is carried out once however often it comes, and answered where it was asked last', () => {
    const world = serving();
    const write = world.write({ offset: 0, replySlot: 1 });
    world.arrive({ ...write, attempt: 1, replyId: 'h1-b', replySlot: 2 });
    const frames = world.takeToDisks();
    expect(frames).to.have.length(2);
    for (const frame of frames) world.answer(frame);
    const replies = world.takeReplies();
    expect(replies.map(({ sent }) => sent.subject)).to.deep.equal(['san.v1.lab.rpl.hba.h1-b.2']);
    expect(replies[0]?.reply.attempt).to.equal(1);
  });

  it('is answered where it was asked last, although an earlier attempt comes after that', () => {
    const world = serving();
    const write = world.write({ offset: 0, attempt: 1, replyId: 'h1-b', replySlot: 2 });
    world.arrive({ ...write, attempt: 0, replyId: 'h1-a', replySlot: 1 });
    const replies = world.runDisks();
    expect(replies.map(({ sent }) => sent.subject)).to.deep.equal(['san.v1.lab.rpl.hba.h1-b.2']);
    expect(replies[0]?.reply.attempt).to.equal(1);
  });

  it('that ended gets the same outcome again, without being carried out again', () => {
    const world = serving();
    const write = world.write({ offset: 0 });
    world.runDisks();
    world.write({ offset: 0 });
    world.runDisks();
    world.arrive({ ...write, attempt: 4 });
    const [again] = world.takeReplies();
    expect(world.takeToDisks()).to.be.empty;
    expect(again?.reply).to.deep.include({
      outcome: { status: Status.ok, detail: null },
      attempt: 4,
      writeNumber: 1,
    });
  });

  it('joins its original also while that one waits for others', () => {
    const world = serving();
    world.write({ offset: 0 });
    const second = world.write({ offset: 0 });
    world.arrive({ ...second, attempt: 1 });
    const replies = world.runDisks();
    expect(replies.map(({ reply }) => [reply.ioNumber, reply.attempt])).to.deep.equal([
      [1, 0],
      [2, 1],
    ]);
  });

  it('of zeros and of trim takes the same way, without payload and up to 64 MiB', () => {
    const world = serving();
    world.write({ operation: Operation.writeZeroes, offset: 0, lengthBytes: 65_536 });
    world.write({ operation: Operation.trim, offset: 0, lengthBytes: 65_536 });
    const frames = world.takeToDisks();
    expect(frames.map(({ request }) => request.operation)).to.deep.equal([3, 3]);
    for (const frame of frames) world.answer(frame);
    expect(world.takeToDisks().map(({ request }) => request.operation)).to.deep.equal([4, 4]);
  });

  it('travels on when it is for another switch', () => {
    const world = serving();
    world.write({ offset: 0, route: ['s1-s2'] });
    const [frame] = world.takeToDisks();
    expect(frame?.sent.subject).to.equal('san.v1.lab.io.switch.s2.s1-s2');
    expect(frame?.request).to.deep.include({ route: [], extentGeneration: 0 });
  });
});

describe('a write whose frames get lost', () => {
  it('is sent again to the mirror that did not answer, and to no other', () => {
    const world = serving();
    world.write({ offset: 0 });
    const [first] = world.takeToDisks();
    if (first !== undefined) world.answer(first);
    world.clock.runFor(130);
    const again = world.takeToDisks();
    expect(again.map(({ request }) => request.disk)).to.deep.equal(['d2']);
    for (const frame of again) world.answer(frame);
    expect(world.takeReplies()).to.have.length(1);
    expect(world.clock.idle || world.takeToDisks().length === 0).to.equal(true);
  });

  it('is acknowledged although acknowledgements of disks were lost and came twice', () => {
    const world = serving();
    world.write({ offset: 0 });
    for (const { request, data } of world.takeToDisks())
      world.disk(request.disk).answer(request, data);
    world.clock.runFor(130);
    const again = world.takeToDisks();
    expect(again).to.have.length(2);
    for (const frame of again) {
      world.answer(frame);
      world.answer(frame);
    }
    expect(world.takeReplies()).to.have.length(1);
  });

  it('is sent less and less often, over other ways too', () => {
    const world = serving();
    world.write({ offset: 0 });
    world.takeToDisks();
    world.clock.runFor(4000);
    const links = world
      .takeToDisks()
      .filter(({ request }) => request.disk === 'd1')
      .map(({ link }) => link);
    expect(links.length).to.be.within(5, 8);
    expect(new Set(links)).to.deep.equal(new Set(['s1-d1', 's1-s2']));
  });

  it('takes another way at once when nobody listens on the first', () => {
    const world = serving();
    world.write({ offset: 0 });
    const [first] = world.takeToDisks();
    if (first !== undefined) world.io.unanswered(first.sent);
    const [again] = world.takeToDisks();
    expect(again?.sent.subject).to.equal('san.v1.lab.io.switch.s2.s1-s2');
    expect(again?.request).to.deep.include({ disk: 'd1', route: ['s2-d1'] });
  });

  it('waits as long as a busy disk asks', () => {
    const world = serving();
    const busy = { status: Status.busy, detail: { retryAfterMs: 60 } } as const;
    world.disk('d1').outcome = () => busy;
    world.write({ offset: 0 });
    for (const frame of world.takeToDisks()) world.answer(frame);
    world.disk('d1').outcome = null;
    world.clock.runFor(41);
    expect(world.takeToDisks()).to.be.empty;
    world.clock.runFor(40);
    expect(world.runDisks()).to.have.length(1);
  });

  it('tells the disk, when it is sent again, what its host has seen the end of meanwhile', () => {
    const world = serving();
    const write = world.write({ offset: 0, ioNumber: 50, watermark: 7 });
    const first = world.takeToDisks();
    world.arrive({ ...write, attempt: 1, watermark: unitOf(50) });
    expect(world.takeToDisks()).to.be.empty;
    world.clock.runFor(130);
    const again = world.takeToDisks();
    const watermarks = (frames: readonly ToDisk[]) =>
      frames.map(({ request, data }) => [request.watermark, data.bytes[0]]);
    expect([first, again].map(watermarks)).to.deep.equal([
      [
        [7, 50],
        [7, 50],
      ],
      [
        [50, 50],
        [50, 50],
      ],
    ]);
  });

  it('does not take the answer to another write for its own', () => {
    const world = serving();
    world.write({ offset: 0 });
    const [late] = world.takeToDisks();
    world.clock.runFor(130);
    const replies = world.runDisks();
    expect(replies).to.have.length(1);
    world.write({ offset: 8192 });
    const frames = world.takeToDisks();
    expect(frames.some(({ request }) => request.replySlot === late?.request.replySlot)).to.equal(
      true,
    );
    if (late !== undefined) world.answer(late);
    if (late !== undefined) world.answer(late);
    expect(world.takeReplies()).to.be.empty;
  });
});
