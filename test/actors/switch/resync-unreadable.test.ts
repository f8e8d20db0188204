/** Resync: a block that cannot be read, or whose tag is lost, is had from another mirror, or known to be lacking. */
import { expect } from 'chai';
import { unreadableRetryMs } from '../../../actors/switch/resync-copies.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { blockBytes, kibibyte, mebibyte } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import {
  block,
  expectEqual,
  extentOn,
  firstBlock,
  lacking,
  mirrorSetsWith,
  old,
  ResyncingWorld,
} from './resyncing-world.ts';
import { loadOf } from './switch-world.ts';

describe('a block that a resync cannot read', () => {
  it('is had from another mirror in sync, and is good again on all', () => {
    const world = new ResyncingWorld();
    const bad = firstBlock + 2;
    const third = { ...extentOn('d3'), extent: 'd3-n' };
    const children = [extentOn('d1'), extentOn('d2'), third];
    for (const disk of ['d1', 'd3'])
      for (const at of [1, 2, 3]) world.disk(disk).put(firstBlock + at, block(at), old);
    world.disk('d1').bad.add(bad);
    const mirrorSets = [mirrorSetOf('m0', 2, ['in-sync', 'resyncing', 'in-sync'])];
    const layout = { kind: 'mirror', set: 'm0', children };
    world.settle({ layout, sizeBytes: 2 * mebibyte, mirrorSets }).run();
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 3 });
    expect(world.disk('d1').bad).to.be.empty;
    expectEqual(world, [1, 2, 3]);
    expect(world.toldOf('repair')[0]).to.deep.include({ disks: ['d1'], source: 'd3', blocks: 1 });
  });

  it('for its tag is lost is had from another mirror in sync, even if the mirror has just that, or nothing', () => {
    const [inD3, onBoth, nowhere] = [1, 2, 3];
    const world = new ResyncingWorld();
    const third = { ...extentOn('d3'), extent: 'd3-n' };
    const children = [extentOn('d1'), extentOn('d2'), third];
    for (const at of [inD3, onBoth]) world.disk('d3').put(firstBlock + at, block(at), old);
    world.disk('d2').put(firstBlock + onBoth, block(9), old);
    for (const at of [inD3, onBoth, nowhere]) world.disk('d1').lost.add(firstBlock + at);
    world.disk('d2').lost.add(firstBlock + onBoth);
    const mirrorSets = [mirrorSetOf('m0', 2, ['in-sync', 'resyncing', 'in-sync'])];
    const layout = { kind: 'mirror', set: 'm0', children };
    world.settle({ layout, sizeBytes: 2 * mebibyte, mirrorSets, compared: 'unfinished' }).run();
    expect(world.resync()).to.include({ isDone: true, copiedBlocks: 3 });
    expectEqual(world, [inD3, onBoth, nowhere]);
    for (const [at, fill] of [
      [inD3, 1],
      [onBoth, 2],
      [nowhere, 0],
    ] as const)
      expect(world.disk('d2').bytesOf(firstBlock + at)).to.deep.equal(block(fill));
  });

  it('for its tag is lost, on the only mirror in sync, keeps a blank one from being called equal', () => {
    const world = new ResyncingWorld();
    world.disk('d1').put(firstBlock + 2, block(7), old);
    world.disk('d1').lost.add(firstBlock + 2);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: false });
    expect(world.resync().problem).to.match(/can be read on no mirror/);
    expect(world.asked('d1', Operation.writeZeroes), 'its bytes are kept').to.be.empty;
    expect(world.disk('d1').bytesOf(firstBlock + 2)).to.deep.equal(block(7));
  });

  it('is not called equal to one that is lost just as well', () => {
    const world = new ResyncingWorld();
    for (const disk of ['d1', 'd2']) world.disk(disk).lost.add(firstBlock + 2);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: false });
    world.write({ offset: 2 * blockBytes });
    world.runDisks();
    world.run(2 * unreadableRetryMs);
    expect(world.resync()).to.include({ isDone: true });
  });

  it('is in the way of no other, wherever they are, and each of them is copied once it was written', () => {
    const world = lacking(16);
    // What is looked at first is what lies last.
    const bad = [15, 14, 3];
    for (const at of bad) world.disk('d1').bad.add(firstBlock + at * 16);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: false, copiedBlocks: 13 });
    expect(world.resync().remainingBytes).to.equal(3 * blockBytes);
    expect(world.resync().problem).to.match(
      /^the block at offset \d+ and 2 others can be read on no/,
    );
    const writeAt = (at: number) => world.write({ offset: at * 128 * kibibyte });
    for (const at of [3, 14]) writeAt(at);
    world.run(unreadableRetryMs);
    expect(world.resync()).to.include({ isDone: false, remainingBytes: blockBytes });
    expect(world.resync().problem).to.match(/^the block at offset 1966080 can be read on no/);
    writeAt(15);
    world.run(unreadableRetryMs);
    expect(world.resync()).to.include({ isDone: true, problem: '', remainingBytes: 0 });
    expectEqual(
      world,
      Array.from({ length: 16 }, (_, at) => at * 16),
    );
  });

  it('is left to who coordinates it by now, with what is said about it', () => {
    const world = lacking(16);
    for (const at of [1, 9]) world.disk('d1').bad.add(firstBlock + at * 16);
    world.settle().run();
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, coordinator: 's2', epoch: 40 } : record,
    );
    const mirrorSets = mirrorSetsWith('in-sync', 'resyncing');
    world.command('load', loadOf({ generation: 11, mirrorSets, partitions }));
    expect(world.resync(11)).to.include({ isDone: false, remainingBytes: blockBytes });
    expect(world.resync(11).problem).to.match(/^the block at offset 131072 /);
    world.disk('d1').bad.clear();
    world.run(unreadableRetryMs);
    expect(world.resync(11)).to.include({ isDone: true, problem: '' });
    expect(world.troubles()).to.be.empty;
  });

  it('anywhere is named, keeps nobody from serving, and is copied once it was written', () => {
    const world = lacking(4);
    const offset = 2 * 128 * kibibyte;
    world.disk('d1').bad.add(firstBlock + 2 * 16);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: false });
    const { problem } = world.resync();
    expect(problem).to.match(new RegExp(`offset ${offset} `));
    expect(world.toldOf('settled').at(-1))
      .to.have.property('resync')
      .that.includes({ isDone: false, problem });
    const others = [0, 16, 48];
    expectEqual(world, others);
    const reads = world.asked('d1', Operation.read).length;
    world.run(unreadableRetryMs / 2);
    expect(world.asked('d1', Operation.read), 'tried again at once').to.have.length(reads);
    expect(world.settled()).to.include({ settled: true, problem: '' });
    expect(world.troubles()).to.be.empty;
    world.write({ offset });
    const [written] = world.runDisks();
    expect(written?.reply.outcome.status).to.equal(Status.ok);
    world.run(unreadableRetryMs);
    expect(world.resync()).to.include({ isDone: true, problem: '' });
    expectEqual(world, [0, 16, 32, 48]);
  });
});
