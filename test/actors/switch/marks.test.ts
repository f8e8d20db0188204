/** Where hosts may be writing, through a coordinator (DESIGN H10, I7), and what it compares after a crash (I8). */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { blockBytes, kibibyte } from '../../../protocols/units.ts';
import {
  block,
  firstBlock,
  mirrorSetsWith,
  partitionsLater,
  ResyncingWorld,
} from './resyncing-world.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

const stripBytes = 64 * kibibyte;
const stripBlocks = stripBytes / blockBytes;
const tag = (writeNumber: number) => ({ epoch: 4, writeNumber });

const mark = { operation: Operation.mark, lengthBytes: stripBytes };
const unmark = { operation: Operation.unmark, lengthBytes: stripBytes };

describe('a host that marks where it may be writing', () => {
  it('hears so once all mirrors that are written have noted it', () => {
    const world = new SwitchWorld().serve();
    world.write(mark);
    const frames = world.takeToDisks();
    expect(frames.map(({ request }) => request.disk)).to.deep.equal(['d1', 'd2']);
    const [first, second] = frames;
    if (first !== undefined) world.answer(first);
    expect(world.takeReplies()).to.deep.equal([]);
    if (second !== undefined) world.answer(second);
    expect(world.takeReplies().map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.ok]);
    for (const disk of ['d1', 'd2']) {
      const { marked } = world.disk(disk);
      expect(marked.size).to.equal(stripBlocks);
      expect(marked.has(firstBlock)).to.equal(true);
    }
    expect(first?.request).to.deep.include({ host: 'h1', attachEpoch: 30, partitionEpoch: 20 });
  });

  it('takes back what it has marked, under a later number', () => {
    const world = new SwitchWorld().serve();
    world.write(mark);
    world.runDisks();
    world.write(unmark);
    world.runDisks();
    const numbers = world
      .disk('d1')
      .requests.filter(
        ({ operation }) => operation === Operation.mark || operation === Operation.unmark,
      )
      .map(({ writeNumber }) => writeNumber);
    expect(numbers[1]).to.be.above(numbers[0] ?? 0);
    expect(world.disk('d2').marked.size).to.equal(0);
  });

  it('and asks again joins what it asked for before', () => {
    const world = new SwitchWorld().serve();
    const request = world.write(mark);
    const frames = world.takeToDisks();
    world.arrive({ ...request, attempt: 1 });
    expect(world.takeToDisks()).to.deep.equal([]);
    for (const frame of frames) world.answer(frame);
    const [reply] = world.takeReplies();
    expect(reply?.reply.attempt).to.equal(1);
    world.arrive({ ...request, attempt: 2 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.ok);
    expect(world.takeToDisks()).to.deep.equal([]);
  });

  it('has a mirror that is being made equal note it, too', () => {
    const world = new ResyncingWorld().settle().run();
    world.write(mark);
    world.runDisks();
    expect(world.disk('d2').marked.has(firstBlock)).to.equal(true);
  });

  it('has the only mirror that is left note it, and who is made equal with that later gets it from there', () => {
    const disks = loadOf().disks.filter(({ disk }) => disk !== 'd2');
    const world = new ResyncingWorld().settle({
      mirrorSets: mirrorSetsWith('in-sync', 'stale'),
      disks,
    });
    world.run();
    world.write(mark);
    world.run();
    expect(world.disk('d1').marked.has(firstBlock)).to.equal(true);
    expect(world.disk('d2').marked.size).to.equal(0);
    const later = { generation: 11, partitions: partitionsLater(20) };
    world.settle({ ...later, compared: 'unfinished' }).run();
    expect(world.resync(11)).to.include({ isDone: true });
    expect(world.disk('d2').marked.has(firstBlock)).to.equal(true);
  });

  it('asks anew when the epoch ends before all mirrors have noted it', () => {
    const world = new SwitchWorld().serve();
    const request = world.write(mark);
    world.takeToDisks();
    world.command(
      'load',
      loadOf({ generation: 11, partitions: partitionsLater(20), compared: 'unfinished' }),
    );
    world.runDisks();
    const later = { generation: 11, partitionEpoch: 40 };
    world.arrive({ ...request, ...later, attempt: 1 } as unknown as typeof request);
    expect(world.takeToDisks().map(({ request }) => request.disk)).to.deep.equal(['d1', 'd2']);
  });
});

describe('settling after a crash of hosts that mark', () => {
  /** Blocks of d1 that d2 lacks, in strips of the volume on both. */
  const unequal = (...strips: readonly number[]): SwitchWorld => {
    const world = new SwitchWorld();
    for (const strip of strips)
      world.disk('d1').put(firstBlock + strip * stripBlocks, block(strip + 1), tag(9));
    return world;
  };
  const markOn = (world: SwitchWorld, disk: string, strip: number): void => {
    for (let at = 0; at < stripBlocks; at++)
      world.disk(disk).marked.add(firstBlock + strip * stripBlocks + at);
  };

  it('compares what is marked on any mirror, and nothing else', () => {
    const world = unequal(0, 1, 5);
    markOn(world, 'd1', 0);
    markOn(world, 'd2', 5);
    world.serve({ compared: 'marked' });
    expect(world.settled()).to.include({ settled: true, copiedBlocks: 2 });
    const d2 = world.disk('d2');
    for (const strip of [0, 5])
      expect(d2.bytesOf(firstBlock + strip * stripBlocks)[0], String(strip)).to.equal(strip + 1);
    expect(d2.bytesOf(firstBlock + stripBlocks)[0], 'nobody marked it').to.equal(0);
    const compared = d2.requests.filter(({ operation }) => operation === Operation.tags);
    expect(compared.map(({ lengthBytes }) => lengthBytes)).to.deep.equal([stripBytes, stripBytes]);
  });

  it('takes back what nobody attached has marked, once it is equal', () => {
    const world = unequal(0);
    markOn(world, 'd1', 0);
    world.serve({ compared: 'marked' });
    const { requests, marked } = world.disk('d1');
    expect(marked.size).to.equal(0);
    const operations = requests.map(({ operation }) => operation);
    expect(operations.indexOf(Operation.unmark)).to.be.above(
      operations.lastIndexOf(Operation.write),
    );
    const own = requests.find(({ operation }) => operation === Operation.unmark);
    expect(own).to.include({ host: '' });
  });

  it('takes nothing back in partitions that others settle', () => {
    const world = unequal(0);
    markOn(world, 'd1', 0);
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 0 ? { ...record, coordinator: 's2' } : record,
    );
    world.serve({ compared: 'marked', partitions });
    expect(world.disk('d1').marked.size).to.equal(stripBlocks);
    expect(world.disk('d2').bytesOf(firstBlock)[0]).to.equal(0);
  });
});

describe('a mirror that is being made equal', () => {
  it('gets what hosts have marked on those in sync', () => {
    const world = new ResyncingWorld();
    for (const at of [3, 4, 20]) world.disk('d1').marked.add(firstBlock + at);
    world.settle().run();
    expect(world.resync()).to.include({ isDone: true });
    expect([...world.disk('d2').marked].map((at) => at - firstBlock)).to.have.members([3, 4, 20]);
    const given = world.asked('d2', Operation.mark);
    expect(given[0]).to.include({ host: 'h1', attachEpoch: 30 });
  });

  it('is not called equal before it has them', () => {
    const world = new ResyncingWorld();
    world.disk('d1').marked.add(firstBlock);
    world.settle();
    for (let at = 0; at < 100; at++) {
      for (const frame of world.takeToDisks())
        if (frame.request.operation !== Operation.mark) world.answer(frame);
      world.clock.runFor(5);
    }
    expect(world.resync()).to.include({ isDone: false });
  });
});
