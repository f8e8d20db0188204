/** Reads through a switch with a cache: what it answers itself, what it keeps of answers that come by, what it forgets. */
import { expect } from 'chai';
import { fillsMax } from '../../../actors/switch/fills.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { isDataIntact } from '../../../protocols/frames/frame.ts';
import { RequestFlag } from '../../../protocols/frames/request.ts';
import { blockBytes, kibibyte, mebibyte } from '../../../protocols/units.ts';
import { loadOf, SwitchWorld, type ToDisk, type ToHost } from './switch-world.ts';

const limits = {
  namesAlternates: true,
  layoutMemoryBytes: mebibyte,
  mirrorsMax: 4,
  serializesSpans: true,
};
const read = {
  operation: Operation.read,
  disk: 'd1',
  lengthBytes: 2 * blockBytes,
  regionWrites: 4,
};

interface CacheFacts {
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly discardedFills: number;
  readonly strayFills: number;
  readonly unproven: number;
}

function caching(changes: Record<string, unknown> = {}, cacheBytes = mebibyte): SwitchWorld {
  const world = new SwitchWorld({ limits: { ...limits, cacheBytes } });
  return world.serve(changes);
}

function factsOf(world: SwitchWorld): CacheFacts {
  return world.switch.facts().cache as CacheFacts;
}

/** A read as it goes on to a disk. */
function miss(world: SwitchWorld, changes: Record<string, unknown> = {}): ToDisk {
  world.write({ ...read, ...changes });
  const [toDisk, ...more] = world.takeToDisks();
  if (toDisk === undefined || more.length > 0) throw new Error('the read did not go to one disk');
  return toDisk;
}

/** A read that is answered without a disk. */
function hit(world: SwitchWorld, changes: Record<string, unknown> = {}): ToHost {
  world.write({ ...read, ...changes });
  const [reply] = world.takeReplies();
  if (reply === undefined || world.takeToDisks().length > 0) throw new Error('it was not there');
  return reply;
}

/** What a disk has becomes what the cache has. */
function fill(world: SwitchWorld, changes: Record<string, unknown> = {}): ToHost {
  world.answer(miss(world, changes));
  const [reply] = world.takeReplies();
  if (reply === undefined) throw new Error('nothing went on to the host');
  return reply;
}

function invalidate(world: SwitchWorld, changes: Record<string, unknown> = {}) {
  const body = { host: 'h1', volume: 'vol0', attachEpoch: 30, firstIo: 0, ...changes };
  return world.command('invalidate', body);
}

describe('a switch with a read cache', () => {
  it('lets the answer of the disk come by, and passes it on to the slot of the host as it is', () => {
    const world = caching();
    world.write({ offset: 0, lengthBytes: 2 * blockBytes });
    world.runDisks();
    const toDisk = miss(world, { replySlot: 41 });
    expect(toDisk.request).to.include({ replyKind: 'switch', replyId: 's1', disk: 'd1' });
    world.answer(toDisk);
    const [passedOn] = world.takeReplies();
    expect(passedOn?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.41');
    expect(passedOn?.reply).to.include({ ioNumber: toDisk.request.ioNumber, disk: 'd1' });
    expect(passedOn && isDataIntact(passedOn.data, 0)).to.equal(true);
  });

  it('answers the same read again in two messages, with the same bytes and checksums', () => {
    const world = caching();
    world.write({ offset: 0, lengthBytes: 2 * blockBytes });
    world.runDisks();
    const first = fill(world);
    const again = hit(world, { replySlot: 17, attempt: 0 });
    expect(again.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.17');
    expect(again.data.bytes).to.deep.equal(first.data.bytes);
    expect(isDataIntact(again.data, 0)).to.equal(true);
    expect(again.reply).to.deep.include({ disk: '', lengthBytes: 2 * blockBytes });
    expect(factsOf(world)).to.include({ hits: 1, misses: 1, bytes: 2 * blockBytes });
  });

  it('answers parts of blocks that it has, and fills whole blocks only', () => {
    const world = caching();
    world.write({ offset: 0, lengthBytes: 4 * blockBytes });
    world.runDisks();
    const whole = fill(world, { offset: 1024, lengthBytes: 3 * blockBytes });
    expect(factsOf(world).bytes).to.equal(2 * blockBytes);
    const part = hit(world, { offset: blockBytes + 512, lengthBytes: blockBytes });
    expect(isDataIntact(part.data, blockBytes + 512)).to.equal(true);
    const start = blockBytes + 512 - 1024;
    expect(part.data.bytes).to.deep.equal(whole.data.bytes.subarray(start, start + blockBytes));
    miss(world, { offset: 0, lengthBytes: 512 });
  });

  it('answers only reads with the write count of the region that the block was read under', () => {
    const world = caching();
    fill(world);
    miss(world, { regionWrites: 5 });
    hit(world);
  });

  it('has one read go to the disk when none has answered its attachment for a second', () => {
    const world = caching();
    fill(world);
    world.clock.runFor(1000);
    hit(world);
    world.clock.runFor(1);
    const toDisk = miss(world);
    world.clock.runFor(600);
    world.answer(toDisk);
    world.takeReplies();
    world.clock.runFor(400);
    hit(world);
    world.clock.runFor(1);
    miss(world);
    expect(factsOf(world), 'what counts is when it was sent').to.include({ unproven: 2, hits: 2 });
  });

  it('takes no error of a disk for a proof', () => {
    const world = caching();
    fill(world);
    world.clock.runFor(1001);
    const other = { offset: 64 * kibibyte * 4 };
    const refused = miss(world, other);
    const detail = { number: 'attachEpoch', current: 31 } as const;
    world.refuse(refused, { status: Status.fenced, detail });
    world.takeReplies();
    miss(world);
  });

  it('answers an attachment from nothing that another one has read', () => {
    const world = caching();
    fill(world);
    const attachments = loadOf().attachments.map((each) => ({ ...each, attachEpoch: 31 }));
    world.serve({ generation: 11, attachments });
    miss(world, { generation: 11, attachEpoch: 31 });
  });

  it('forgets a volume when something else is decided about it: its disks may hold something else', () => {
    const world = caching();
    const late = miss(world, { offset: 64 * kibibyte, disk: 'd3' });
    fill(world);
    world.serve({ generation: 11 });
    world.answer(late);
    expect(factsOf(world)).to.include({ bytes: 0, discardedFills: 1 });
    miss(world, { generation: 11 });
  });

  it('forgets what a write that passes through overlaps, and keeps nothing that was read before it', () => {
    const world = caching();
    fill(world);
    fill(world, { offset: 4 * blockBytes });
    const late = miss(world, { offset: 8 * blockBytes });
    world.write({ offset: blockBytes });
    world.write({ offset: 9 * blockBytes });
    world.runDisks();
    world.answer(late);
    expect(factsOf(world)).to.include({ bytes: 3 * blockBytes, discardedFills: 1 });
    hit(world, { offset: 4 * blockBytes });
    hit(world, { lengthBytes: blockBytes });
    miss(world);
    miss(world, { offset: 8 * blockBytes });
  });

  it('forgets when it is told to, and keeps nothing that was under way then', () => {
    const world = caching();
    fill(world);
    const late = miss(world, { offset: 4 * blockBytes });
    expect(invalidate(world)).to.deep.equal({ ok: true, blocks: 2 });
    world.answer(late);
    expect(world.takeReplies(), 'the host gets its answer all the same').to.have.length(1);
    expect(factsOf(world)).to.include({ bytes: 0, discardedFills: 1 });
    miss(world);
  });

  it('neither answers nor keeps a read from before an invalidation that arrives after it', () => {
    const world = caching();
    fill(world);
    expect(invalidate(world, { firstIo: 50 }).ok).to.equal(true);
    const late = miss(world, { ioNumber: 49 });
    expect(late.request.replyKind, 'the disk answers the host directly').to.equal('hba');
    expect(invalidate(world, { firstIo: 20 }).ok, 'a late copy of a command').to.equal(true);
    expect(miss(world, { ioNumber: 49 }).request.replyKind).to.equal('hba');
    fill(world, { ioNumber: 50 });
    hit(world, { ioNumber: 51 });
  });

  it('is passed by when the host says so, and then forgets what it was not asked for', () => {
    const world = caching();
    fill(world);
    const around = miss(world, { flags: RequestFlag.bypassCache, attempt: 1 });
    expect(around.request).to.include({ replyKind: 'hba', replyId: 'h1-a' });
    miss(world);
  });

  it('keeps nothing that arrives damaged', () => {
    const world = caching();
    const toDisk = miss(world);
    const frame = world.disk('d1').answer(toDisk.request, toDisk.data).slice();
    frame[frame.length - 1] = (frame[frame.length - 1] ?? 0) ^ 1;
    world.reply(toDisk.request, frame);
    expect(world.takeReplies()).to.have.length(1);
    expect(factsOf(world).bytes).to.equal(0);
  });

  it('passes errors of the disk and dead links on to the host, and keeps nothing', () => {
    const world = caching();
    world.disk('d1').outcome = () => ({ status: Status.media, detail: { what: 'worn out' } });
    const refused = fill(world);
    expect(refused.reply.outcome.status).to.equal(Status.media);
    const toDisk = miss(world, { replySlot: 5 });
    world.io.unanswered(toDisk.sent);
    // It tells itself, and passes that on.
    const [own] = world.takeReplies();
    if (own === undefined) throw new Error('nobody was told');
    world.io.deliver(own.sent.subject, own.sent.data);
    const [told] = world.takeReplies();
    expect(told?.sent.subject).to.equal('san.v1.lab.rpl.hba.h1-a.5');
    expect(told?.reply.outcome).to.deep.include({ status: Status.path });
    expect(factsOf(world).bytes).to.equal(0);
  });

  it('passes an answer on once, however often it comes, and never to another slot', () => {
    const world = caching();
    const first = miss(world);
    world.answer(first);
    world.takeReplies();
    const second = miss(world, { offset: 8 * blockBytes, replySlot: 3 });
    expect(second.request.replySlot, 'the place is used again').to.equal(first.request.replySlot);
    world.answer(first);
    expect(world.takeReplies()).to.be.empty;
    world.answer(second);
    expect(world.takeReplies().map(({ sent }) => sent.subject)).to.deep.equal([
      'san.v1.lab.rpl.hba.h1-a.3',
    ]);
    expect(factsOf(world).strayFills).to.equal(1);
  });

  it('bounds the reads whose answers come by, and takes the places of lost ones back', () => {
    const world = caching();
    for (let count = 0; count < fillsMax; count++) miss(world);
    expect(miss(world).request.replyKind).to.equal('hba');
    world.clock.runFor(6000);
    const again = miss(world);
    expect(again.request.replyKind).to.equal('switch');
    world.answer(again);
    hit(world);
  });

  it('keeps nothing of shared volumes: they are read through their coordinator', () => {
    const attachments = loadOf().attachments.map((each) => ({ ...each, mode: 'shared' }));
    const world = caching({ attachments });
    world.answer(miss(world));
    world.answer(miss(world));
    expect(factsOf(world)).to.include({ hits: 0, misses: 0, bytes: 0 });
  });

  it('lets go of everything of a volume that is unloaded', () => {
    const world = caching();
    fill(world);
    expect(world.command('unload', { volume: 'vol0', generation: 10 }).ok).to.equal(true);
    expect(factsOf(world).bytes).to.equal(0);
    expect(invalidate(world)).to.deep.equal({ ok: true, blocks: 0 });
  });
});

describe('a switch without a read cache', () => {
  it('lets every answer go from the disk to the host directly, and has nothing to forget', () => {
    const world = new SwitchWorld().serve();
    expect(miss(world).request.replyKind).to.equal('hba');
    expect(invalidate(world)).to.deep.equal({ ok: true, blocks: 0 });
    expect(world.switch.facts()).to.not.have.property('cache');
  });

  it('refuses an invalidation that makes no sense', () => {
    const world = new SwitchWorld().serve();
    expect(invalidate(world, { firstIo: -1 })).to.include({ ok: false, reason: 'invalid' });
  });
});
