/** Resync: mirrors become equal to those in sync beside consumers' I/O, and are called so only when all of it is durable. */
import { expect } from 'chai';
import { looksMax, resyncStepsMax } from '../../../actors/switch/resyncs.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { rangeBytesMax } from '../../../protocols/frames/request.ts';
import { blockBytes, kibibyte, mebibyte, unitOf } from '../../../protocols/units.ts';
import {
  block,
  expectEqual,
  extentOn,
  firstBlock,
  lacking,
  mirrorSetsWith,
  old,
  partitionsLater,
  ResyncingWorld,
} from './resyncing-world.ts';
import { loadOf } from './switch-world.ts';

describe('a resync', () => {
  it('copies what the mirror lacks, has older, or has with another checksum, and its newer blocks, too', () => {
    const world = new ResyncingWorld();
    const [d1, d2] = [world.disk('d1'), world.disk('d2')];
    d1.put(firstBlock + 1, block(1), old);
    d1.put(firstBlock + 2, block(2), { epoch: 5, writeNumber: 1 });
    d2.put(firstBlock + 2, block(3), old);
    // Written by nobody who was acknowledged: membership outranks tags.
    d1.put(firstBlock + 3, block(4), old);
    d2.put(firstBlock + 3, block(5), { epoch: 9, writeNumber: 9 });
    d2.put(firstBlock + 4, block(6), { epoch: 9, writeNumber: 10 });
    // A part of a block, written over an old one.
    d1.put(firstBlock + 300, block(7), old);
    d2.put(firstBlock + 300, block(8), old);
    world.settle().run();
    expect(world.resync()).to.deep.equal({
      totalBytes: 4 * mebibyte,
      remainingBytes: 0,
      copiedBlocks: 5,
      isDone: true,
      problem: '',
    });
    expectEqual(world, [1, 2, 3, 4, 300]);
    for (const [at, fill] of [
      [1, 1],
      [2, 2],
      [3, 4],
      [4, 0],
      [300, 7],
    ] as const)
      expect(d1.bytesOf(firstBlock + at), `block ${at}`).to.deep.equal(block(fill));
    expect(world.asked('d2', Operation.read), 'nothing of it is read').to.be.empty;
    expect(world.toldOf('settled').at(-1))
      .to.have.property('resync')
      .that.includes({ isDone: true });
  });

  it('makes zeros of what is all zeros, and takes no room for it', () => {
    const world = new ResyncingWorld();
    world.disk('d1').put(firstBlock + 1, block(0), old);
    world.disk('d2').put(firstBlock + 1, block(3), old);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 1 });
    expect(world.asked('d2', Operation.write)).to.be.empty;
    expectEqual(world, [1]);
    expect(world.disk('d2').bytesOf(firstBlock + 1)).to.deep.equal(block(0));
  });

  it('of mirrors that are equal compares their tags, and makes the disk durable', () => {
    const world = new ResyncingWorld();
    for (const disk of ['d1', 'd2']) world.disk(disk).put(firstBlock + 3, block(7), old);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 0 });
    const operations = world.disk('d2').requests.map(({ operation }) => operation);
    expect(operations).to.deep.equal([Operation.tagDigest, Operation.flush]);
    const [flush] = world.asked('d2', Operation.flush);
    expect(flush).to.include({ host: '', partitionEpoch: 20, ownerIncarnation: 77 });
  });

  it('is not done before the disk has answered the flush, which follows the last copy', () => {
    const world = lacking(3).settle();
    const held = [];
    for (let round = 0; round < 100; round++) {
      for (const frame of world.takeToDisks())
        if (frame.request.operation === Operation.flush) held.push(frame);
        else world.answer(frame);
      world.clock.runFor(1);
    }
    expect(world.resync()).to.include({ copiedBlocks: 3, remainingBytes: 0, isDone: false });
    const [flush] = held;
    if (flush === undefined) throw new Error('no flush');
    expect(flush.request.disk).to.equal('d2');
    expect(world.disk('d2').requests.at(-1)?.operation, 'before').to.equal(Operation.write);
    world.answer(flush);
    expect(world.resync()).to.include({ isDone: true });
  });

  it('is not done when the disk answers the flush as another process: that is trouble', () => {
    const world = lacking(1).settle();
    world.disk('d2').outcome = ({ operation }) => {
      if (operation === Operation.flush) world.disk('d2').instance = unitOf(2);
      return null;
    };
    world.run();
    expect(world.resync()).to.include({ isDone: false });
    expect(world.troubles()[0]?.what).to.match(/d2 restarted/);
  });

  it('that the disk cannot take is trouble, which names it, and begins nothing more', () => {
    const world = lacking(16).settle();
    let refusals = 0;
    world.disk('d2').outcome = ({ operation }) =>
      operation === Operation.write && refusals++ === 0
        ? { status: Status.noSpace, detail: { what: 'full' } }
        : null;
    world.run();
    expect(world.resync()).to.include({ isDone: false });
    expect(world.troubles()[0]).to.deep.include({ failedDisks: ['d2'] });
    expect(world.asked('d1', Operation.read).length).to.be.at.most(resyncStepsMax);
  });

  it('does not begin before its partitions are served, and delays nobody', () => {
    const world = lacking(1).settle();
    const isOfSet = (disk: string) => ['d1', 'd2'].includes(disk);
    expect(world.takeToDisks().filter(({ request }) => isOfSet(request.disk))).to.be.empty;
    expect(world.resync()).to.include({ isDone: false });
    world.clock.runFor(100);
    for (const frame of world.takeToDisks()) world.answer(frame);
    expect(world.settled()).to.include({ settled: true });
    world.write({ offset: 64 * kibibyte });
    for (const frame of world.takeToDisks()) if (!isOfSet(frame.request.disk)) world.answer(frame);
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.ok);
  });

  it('is none where nothing is resyncing', () => {
    const world = new ResyncingWorld();
    world.serve();
    expect(world.resync()).to.include({ isDone: true, totalBytes: 0 });
    expect(world.asked('d1', Operation.flush)).to.be.empty;
  });

  it('of partitions that another switch owns is left to that one', () => {
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, coordinator: 's2' } : record,
    );
    // The second MiB of the volume, and so the ninth strip of this mirror, belongs to partition 1.
    const world = lacking(9).settle({ partitions }).run();
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 8, totalBytes: 2 * mebibyte });
    expect(world.disk('d2').bytesOf(firstBlock + 7 * 16)).to.deep.equal(block(8));
    expect(world.disk('d2').bytesOf(firstBlock + 8 * 16)).to.deep.equal(block(0));
  });
});

describe('beside a resync', () => {
  /** Answers until a frame comes that is meant, and gives it; it stays unanswered. */
  function heldAt(world: ResyncingWorld, disk: string, operation: Operation) {
    for (let round = 0; round < 100; round++) {
      const frames = world.takeToDisks();
      const isMeant = (frame: (typeof frames)[number]) =>
        frame.request.disk === disk && frame.request.operation === operation;
      const held = frames.find(isMeant);
      for (const frame of frames) if (frame !== held) world.answer(frame);
      if (held !== undefined) return held;
      world.clock.runFor(1);
    }
    throw new Error('no such frame');
  }

  it('a write to a block that is being copied waits for that, and is not lost', () => {
    const world = lacking(1).settle();
    const copying = heldAt(world, 'd1', Operation.read);
    const { ioNumber } = world.write({ offset: 0 });
    expect(world.takeToDisks(), 'the blocks are held').to.be.empty;
    world.answer(copying);
    world.run();
    expect(world.resync()).to.include({ isDone: true });
    expectEqual(world, [0]);
    expect(world.disk('d2').bytesOf(firstBlock)).to.deep.equal(block(ioNumber));
  });

  it('a copy waits for the write that is under way, and goes over nothing newer', () => {
    const world = lacking(1).settle();
    const comparing = heldAt(world, 'd2', Operation.tags);
    const { ioNumber } = world.write({ offset: 0 });
    world.answer(comparing);
    const legs = world.takeToDisks();
    expect(legs.map(({ request }) => [request.disk, request.host])).to.deep.equal([
      ['d1', 'h1'],
      ['d2', 'h1'],
    ]);
    const [toFirst, toSecond] = legs;
    if (toFirst !== undefined) world.answer(toFirst);
    if (toSecond !== undefined) world.answer(toSecond);
    world.run();
    expect(world.resync()).to.include({ isDone: true });
    expectEqual(world, [0]);
    expect(world.disk('d1').bytesOf(firstBlock)).to.deep.equal(block(ioNumber));
  });

  it('a part of a block that lands on an old one is made whole by the copy', () => {
    const world = lacking(1).settle();
    const comparing = heldAt(world, 'd2', Operation.tags);
    const { ioNumber } = world.write({ offset: 512, lengthBytes: 512 });
    for (const frame of world.takeToDisks()) world.answer(frame);
    expect(world.disk('d2').tagOf(firstBlock)).to.deep.equal(world.disk('d1').tagOf(firstBlock));
    world.answer(comparing);
    world.run();
    expectEqual(world, [0]);
    expect(world.disk('d2').bytesOf(firstBlock)).to.deep.equal(block(1).fill(ioNumber, 512, 1024));
  });

  it('nothing is copied faster than the policy says, and no more steps are under way than a few', () => {
    const blocksPerSecond = 2;
    const world = lacking(16, { resyncBytesPerSecond: blocksPerSecond * blockBytes });
    world.settle().run(3000);
    expect(world.asked('d2', Operation.write).length).to.be.within(6, 8);
    expect(world.resync()).to.deep.include({ isDone: false });
    world.run(6000);
    expect(world.resync()).to.deep.include({ isDone: true, copiedBlocks: 16 });
    const fast = lacking(16).settle();
    for (let most = 0; !fast.resync().isDone; ) {
      const frames = fast.takeToDisks();
      most = Math.max(most, frames.length);
      expect(most).to.be.at.most(2 * resyncStepsMax);
      for (const frame of frames) fast.answer(frame);
      fast.clock.runFor(1);
    }
  });

  it('nobody waits while what is resyncing is looked for in a large volume', () => {
    const lengthBytes = 4096 * mebibyte;
    const large = (disk: string) => ({ ...extentOn(disk), lengthBytes });
    const mirrors = [
      { kind: 'mirror', set: 'm1', children: [large('d3'), large('d4')] },
      { kind: 'mirror', set: 'm0', children: [extentOn('d1'), extentOn('d2')] },
    ];
    const sizeBytes = lengthBytes + 2 * mebibyte;
    const layout = { kind: 'concat', children: mirrors };
    const world = new ResyncingWorld().settle({ layout, sizeBytes, compared: 'unfinished' });
    const lookedAtBytes = looksMax * rangeBytesMax;
    expect(world.resync()).to.include({ totalBytes: sizeBytes, isDone: false });
    expect(world.resync().remainingBytes).to.equal(sizeBytes - lookedAtBytes);
    world.run(50);
    expect(world.resync()).to.include({ remainingBytes: 0, isDone: true });
  });

  it('nothing new is begun while others are to take a partition over, and it goes on when they do not', () => {
    const world = lacking(16, { resyncBytesPerSecond: 8 * blockBytes });
    world.settle().run(500);
    world.command('yield', { volume: 'vol0', generation: 10 });
    world.run(100);
    const before = world.asked('d2', Operation.write).length;
    world.run(1500);
    expect(world.asked('d2', Operation.write)).to.have.length(before);
    world.run(4000);
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 16 });
  });
});

describe('a resync and decisions', () => {
  const slow = { resyncBytesPerSecond: 4 * blockBytes };
  /** Of partition 0. */
  const firstBlocks = Array.from({ length: 8 }, (_, at) => at * 16);

  it('begins anew with new epochs, and counts nothing of what it did before', () => {
    const world = lacking(8, slow).settle().run(500);
    expect(world.resync()).to.include({ isDone: false });
    world.clock.runFor(300);
    expect(world.takeToDisks(), 'a copy that is not answered').to.have.length(1);
    const mirrorSets = mirrorSetsWith('in-sync', 'resyncing');
    for (const disk of world.disks.values()) disk.requests.length = 0;
    const later = { generation: 11, partitions: partitionsLater(9), mirrorSets };
    world.command('load', loadOf(later));
    expect(world.resync(11)).to.include({ isDone: false, totalBytes: 0 });
    world.run(5000);
    expect(world.asked('d2', Operation.tagDigest)).to.have.length(1);
    for (const disk of ['d1', 'd2'])
      for (const { partitionEpoch } of world.disk(disk).requests)
        expect(partitionEpoch, 'nothing of the old one is sent again').to.be.within(29, 30);
    expect(world.resync(11)).to.include({ isDone: true, copiedBlocks: 8 });
    expectEqual(world, firstBlocks);
  });

  it('ends where the mirror is resyncing no more', () => {
    const world = lacking(8, slow).settle().run(500);
    world.serve({ generation: 11, partitions: partitionsLater(9) });
    expect(world.resync(11)).to.include({ isDone: true, totalBytes: 0 });
    for (const disk of world.disks.values()) disk.requests.length = 0;
    world.run(5000);
    expect(world.asked('d2', Operation.write)).to.be.empty;
  });

  it('goes on in partitions that keep their epoch, without those that are another switch’s now', () => {
    const world = lacking(16, slow).settle().run(500);
    const mirrorSets = mirrorSetsWith('in-sync', 'resyncing');
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, coordinator: 's2', epoch: 40 } : record,
    );
    const before = world.disk('d2').requests.length;
    world.command('load', loadOf({ generation: 11, mirrorSets, partitions }));
    world.run(6000);
    const after = world.disk('d2').requests.slice(before);
    expect(after.filter(({ operation }) => operation === Operation.tagDigest)).to.be.empty;
    expect(new Set(after.map(({ partition }) => partition))).to.deep.equal(new Set([0]));
    expect(world.resync(11)).to.include({ isDone: true, totalBytes: 2 * mebibyte });
    expectEqual(world, firstBlocks);
    expect(world.troubles()).to.be.empty;
  });
});
