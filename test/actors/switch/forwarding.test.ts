/** What switches carry, what they refuse to carry, and how a dead link becomes known to who waits. */
import { expect } from 'chai';
import { legSilenceMs, sweepMs } from '../../../actors/switch/leg-calls.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { decodeFrame, FrameKind, isDataIntact } from '../../../protocols/frames/frame.ts';
import { routeLengthMax } from '../../../protocols/frames/request.ts';
import { idOf, type LinkId, type SwitchId } from '../../../protocols/ids.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

/** A frame that already says which disk, and where on it. */
const diskAddressed = { disk: 'd1', diskOffset: 1_048_576, extentGeneration: 5 };
const flush = { ...diskAddressed, operation: Operation.flush, lengthBytes: 0 };
const read = { operation: Operation.read, disk: 'd1', route: ['s1-d1'], replySlot: 41 };

function serving(): SwitchWorld {
  return new SwitchWorld().serve();
}

describe('a switch forwards', () => {
  it('disk-addressed frames to the next link of their route, with their data untouched', () => {
    const world = serving();
    world.write({ ...diskAddressed, route: ['s1-s2', 's2-d1'] });
    const [frame] = world.takeToDisks();
    expect(frame?.sent.subject).to.equal('san.v1.lab.io.switch.s2.s1-s2');
    expect(frame?.request.route).to.deep.equal(['s2-d1']);
    expect(frame && isDataIntact(frame.data, 0)).to.equal(true);
  });

  it('those without a route by the best way that it knows', () => {
    const world = serving();
    world.write(flush);
    expect(world.takeToDisks()[0]?.sent.subject).to.equal('san.v1.lab.io.disk.d1.s1-d1');
  });

  it('those that come again by another way, for nobody answered on the one before', () => {
    const world = serving();
    const links = [0, 1, 2, 3, 4].map((attempt) => {
      world.write({ ...flush, attempt });
      return world.takeToDisks()[0]?.link;
    });
    expect(links).to.deep.equal(['s1-d1', 's1-s2', 's1-s2', 's1-d1', 's1-d1']);
  });

  it('each with a reply subject of its own, while the answer goes to the host directly', () => {
    const world = serving();
    world.write({ ...flush, replySlot: 17 });
    const [frame] = world.takeToDisks();
    expect(frame?.sent.replySubject).to.match(/^san\.v1\.lab\.rpl\.switch\.s1\.\d+$/);
    expect(frame?.request).to.include({ replyKind: 'hba', replyId: 'h1-a', replySlot: 17 });
  });

  it('not over links that it does not have, nor to disks that it cannot reach', () => {
    const world = serving();
    world.write({ ...flush, route: ['s9-d1'] });
    world.write({ ...flush, disk: 'd9' });
    expect(world.takeToDisks()).to.be.empty;
    const replies = world.takeReplies();
    expect(replies.map(({ reply }) => reply.outcome.status)).to.deep.equal([
      Status.invalid,
      Status.invalid,
    ]);
  });

  it('nothing while its fabric is gone, and goes on when it is back', () => {
    const world = serving();
    world.io.become('disconnected');
    world.write(flush);
    expect(world.switch.mode).to.equal('isolated');
    world.io.become('connected');
    expect(world.takeToDisks()).to.be.empty;
    world.write(flush);
    expect(world.takeToDisks()).to.have.length(1);
  });

  it('no bytes that are not a request', () => {
    const world = serving();
    world.io.deliver('san.v1.lab.io.switch.s1.h1-s1', new Uint8Array([1, 2, 3]));
    expect(world.io.sent).to.be.empty;
    expect(world.switch.counters.invalidFrames).to.equal(1);
  });
});

describe('a switch that is not told how a frame goes on', () => {
  const coordinatorRoutes = [
    { coordinator: idOf<SwitchId>('s3'), links: [idOf<LinkId>('s1-s2'), idOf<LinkId>('s2-s3')] },
  ];
  const partitions = loadOf().partitions.map((record) =>
    record.partition === 1 ? { ...record, coordinator: 's3' } : record,
  );
  const world = () => new SwitchWorld({ coordinatorRoutes }).serve({ partitions });

  it('gives a write for another coordinator its whole way', () => {
    const s1 = world();
    s1.write({ offset: mebibyte });
    const [frame] = s1.takeToDisks();
    expect(frame?.sent.subject).to.equal('san.v1.lab.io.switch.s2.s1-s2');
    expect(frame?.request).to.deep.include({ route: ['s2-s3'], extentGeneration: 0 });
  });

  it('but not when it was made under other control data: who does not agree could send it round', () => {
    const s1 = world();
    s1.write({ offset: mebibyte, generation: 9 });
    expect(s1.takeToDisks()).to.be.empty;
    expect(s1.takeReplies()[0]?.reply.outcome.status).to.equal(Status.staleGeneration);
  });

  it('nor to itself, when it coordinated in an earlier life', () => {
    const before = partitions.map((record) => ({ ...record, ownerIncarnation: 5 }));
    const s1 = new SwitchWorld({ coordinatorRoutes }).serve({ partitions: before });
    s1.write({ offset: 0 });
    expect(s1.takeToDisks()).to.be.empty;
    expect(s1.takeReplies()[0]?.reply.outcome.status).to.equal(Status.notCoordinator);
  });

  it('ends a frame that was sent in a circle: each switch takes a link off its route', () => {
    const s1 = world();
    const round = Array.from({ length: routeLengthMax }, () => 's1-s2');
    s1.write({ ...flush, route: round });
    for (let left = round.length - 1; left >= 0; left--) {
      const [frame] = s1.takeToDisks();
      expect(frame?.request.route).to.have.length(left);
      if (frame !== undefined) s1.arrive(frame.request);
    }
    expect(s1.takeToDisks().map(({ link }) => link)).to.deep.equal(['s1-d1']);
  });
});

describe('a plain switch', () => {
  it('carries disk-addressed frames and nothing else', () => {
    const world = new SwitchWorld({ virtualizing: false });
    world.write(flush);
    expect(world.takeToDisks()).to.have.length(1);
    world.write(read);
    world.write({});
    expect(world.takeToDisks()).to.be.empty;
    for (const { reply } of world.takeReplies())
      expect(reply.outcome).to.deep.equal({
        status: Status.invalid,
        detail: { what: 'switch s1 carries disk-addressed frames only' },
      });
  });

  it('loads nothing', () => {
    const world = new SwitchWorld({ virtualizing: false });
    expect(world.command('load', loadOf())).to.include({ ok: false, reason: 'unknown' });
  });
});

describe('a dead link', () => {
  it('is named to the slot of the host that waits, with other ways', () => {
    const world = serving();
    const request = world.write(read);
    const [frame] = world.takeToDisks();
    if (frame !== undefined) world.io.unanswered(frame.sent);
    const [told, ...more] = world.takeReplies();
    expect(more).to.be.empty;
    expect(told?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.41');
    expect(told?.reply).to.deep.include({
      outcome: { status: Status.path, detail: { links: ['s1-d1'], alternates: ['s1-s2'] } },
      ioNumber: request.ioNumber,
      attempt: 0,
      operation: Operation.read,
    });
  });

  it('is told once, and each to its own', () => {
    const world = serving();
    world.write({ ...read, replySlot: 1 });
    world.write({ ...read, disk: 'd2', route: ['s1-s2', 's2-d2'], replySlot: 2 });
    const [first, second] = world.takeToDisks();
    for (const frame of [second, first, second])
      if (frame !== undefined) world.io.unanswered(frame.sent);
    const told = world.takeReplies().map(({ sent, reply }) => ({
      slot: sent.subject.slice(sent.subject.lastIndexOf('.') + 1),
      links: (reply.outcome.detail as { links: readonly string[] }).links,
    }));
    expect(told).to.deep.equal([
      { slot: '2', links: ['s1-s2'] },
      { slot: '1', links: ['s1-d1'] },
    ]);
  });

  it('on the way to another coordinator is told to the host that writes', () => {
    const world = serving();
    world.write({ route: ['s1-s2'], replySlot: 5 });
    const [frame] = world.takeToDisks();
    if (frame !== undefined) world.io.unanswered(frame.sent);
    const [told] = world.takeReplies();
    expect(told?.reply.outcome).to.deep.equal({
      status: Status.path,
      detail: { links: ['s1-s2'], alternates: [] },
    });
  });

  it('behind another switch makes a coordinator take another way', () => {
    const world = serving();
    world.write({ offset: 0 });
    const [toDisk] = world.takeToDisks();
    if (toDisk === undefined) throw new Error('nothing was sent');
    // What s2 would say of a frame that it could not deliver.
    const other = new SwitchWorld();
    other.arrive({ ...toDisk.request, route: [idOf('s1-d1')] });
    const [forwarded] = other.takeToDisks();
    if (forwarded !== undefined) other.io.unanswered(forwarded.sent);
    const [told] = other.takeReplies();
    expect(told?.sent.subject).to.equal(`san.v1.lab.rpl.switch.s1.${toDisk.request.replySlot}`);
    if (told !== undefined) world.reply(toDisk.request, told.sent.data);
    world.clock.runFor(25);
    expect(world.takeToDisks()[0]?.link).to.equal('s1-s2');
  });
});

describe('a probe', () => {
  it('of a switch is answered at once, of something behind it is sent on', () => {
    const world = new SwitchWorld();
    world.write({ operation: Operation.probe, lengthBytes: 0 });
    expect(world.takeReplies().map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.ok]);
    world.write({ operation: Operation.probe, lengthBytes: 0, route: ['s1-d1'] });
    const [sent] = world.takeToDisks();
    expect(sent?.sent.subject).to.equal('san.v1.lab.io.disk.d1.s1-d1');
    const frame = decodeFrame(sent?.sent.data ?? new Uint8Array(0));
    expect(frame?.kind).to.equal(FrameKind.request);
  });
});

describe('reads of a volume that several hosts share', () => {
  const attachments = loadOf().attachments.map((record) => ({ ...record, mode: 'shared' }));
  const sharedRead = { operation: Operation.read, disk: '' };

  it('wait at the coordinator for the writes before them, then go to a disk', () => {
    const world = new SwitchWorld().serve({ attachments });
    world.write({ offset: 0 });
    const writes = world.takeToDisks();
    world.write({ ...sharedRead, offset: 512, lengthBytes: 512 });
    world.write({ ...sharedRead, offset: 4096 });
    const free = world.takeToDisks();
    expect(free.map(({ request }) => request.ioNumber)).to.deep.equal([3]);
    for (const frame of writes) world.answer(frame);
    const [held] = world.takeToDisks();
    expect(held?.request).to.deep.include({ ioNumber: 2, disk: 'd1', replyKind: 'switch' });
  });

  // Seed 3006 on default: a read that was only sent on met a write that came after it, and that one mirror had.
  it('keep what comes after them off their blocks until their answer has come by, with its data', () => {
    const world = new SwitchWorld().serve({ attachments });
    world.write({ ...sharedRead, offset: 0, replySlot: 9 });
    const [atDisk] = world.takeToDisks();
    world.write({ ...sharedRead, offset: 0 });
    const [beside] = world.takeToDisks();
    expect(beside?.request.operation, 'another read may pass').to.equal(Operation.read);
    world.write({ offset: 0 });
    expect(world.takeToDisks(), 'a write may not').to.be.empty;
    for (const frame of [atDisk, beside]) if (frame !== undefined) world.answer(frame);
    const [answer] = world.takeReplies();
    expect(answer?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.9');
    expect(answer?.reply).to.deep.include({ ioNumber: 1, disk: 'd1' });
    expect(answer?.data.bytes).to.have.length(4096);
    expect(answer && isDataIntact(answer.data, 0)).to.equal(true);
    expect(world.takeToDisks().map(({ request }) => request.operation)).to.deep.equal([
      Operation.write,
      Operation.write,
    ]);
  });

  it('are held once however often they come, and answer the last that came', () => {
    const world = new SwitchWorld().serve({ attachments });
    world.write({ offset: 0 });
    const writes = world.takeToDisks();
    const read = world.write({ ...sharedRead, offset: 0 });
    world.arrive({ ...read, attempt: 1, replySlot: 8 });
    for (const frame of writes) world.answer(frame);
    world.takeReplies();
    const [first] = world.takeToDisks();
    world.arrive({ ...read, attempt: 2, replySlot: 8 });
    const [second, ...others] = world.takeToDisks();
    expect(others).to.be.empty;
    expect([first, second].map((frame) => frame?.request.disk)).to.deep.equal(['d1', 'd2']);
    if (first !== undefined) world.answer(first);
    expect(world.takeReplies(), 'nobody waits for the first any more').to.be.empty;
    if (second !== undefined) world.answer(second);
    expect(world.takeReplies().map(({ reply }) => reply.attempt)).to.deep.equal([2]);
  });

  it('end with an error of their path when their disk stays silent, and hold nothing up any longer', () => {
    const world = new SwitchWorld().serve({ attachments });
    world.write({ ...sharedRead, offset: 0 });
    world.write({ offset: 0 });
    world.clock.runFor(legSilenceMs + sweepMs);
    const [told] = world.takeReplies();
    expect(told?.reply.outcome).to.deep.include({ status: Status.path });
    const operations = world.takeToDisks().map(({ request }) => request.operation);
    expect(operations.slice(-2)).to.deep.equal([Operation.write, Operation.write]);
  });

  it('that one mirror cannot carry out name the others', () => {
    const world = new SwitchWorld().serve({ attachments });
    world.write({ ...sharedRead, offset: 0 });
    const [atDisk] = world.takeToDisks();
    const failed = { status: Status.media, detail: { badBlocks: [0], what: 'gone' } } as const;
    if (atDisk !== undefined) world.refuse(atDisk, failed);
    const [told] = world.takeReplies();
    expect(told?.reply.outcome).to.deep.equal({
      status: Status.mirrorRead,
      detail: { disk: 'd1', alternates: ['d2'] },
    });
  });

  it('are refused by switches that do not coordinate, and travel on to the one that does', () => {
    const partitions = loadOf().partitions.map((record) => ({ ...record, coordinator: 's2' }));
    const world = new SwitchWorld().serve({ attachments, partitions });
    world.write({ ...sharedRead, offset: 0 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.notCoordinator);
    world.write({ ...sharedRead, offset: 0, route: ['s1-s2'] });
    const [frame] = world.takeToDisks();
    expect(frame?.link).to.equal('s1-s2');
    expect(frame?.request.extentGeneration).to.equal(0);
  });
});
