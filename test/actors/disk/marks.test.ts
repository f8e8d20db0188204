/** Where hosts may be writing, as a disk keeps it (DESIGN H10, I7). */
import { expect } from 'chai';
import { HostMarks, type Marker, markEntry } from '../../../actors/disk/host-marks.ts';
import { MarkedStretches } from '../../../actors/disk/marked-stretches.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { hasBlockBit } from '../../../protocols/frames/block-bits.ts';
import { type Request, RequestFlag } from '../../../protocols/frames/request.ts';
import { type HostId, idOf } from '../../../protocols/ids.ts';
import {
  type AttachEpoch,
  blockBytes,
  type EventCount,
  type Generation,
  type Incarnation,
  mebibyte,
  type PartitionEpoch,
  unitOf,
  type WriteNumber,
} from '../../../protocols/units.ts';
import { DiskActorWorld } from './disk-actor-world.ts';
import { bytesOf } from './disk-world.ts';

const other = idOf<HostId>('h2');
const own = { flags: RequestFlag.copy, host: '' } as const;

describe('a disk that is told where hosts may be writing', () => {
  let world: DiskActorWorld;
  beforeEach(() => {
    world = new DiskActorWorld();
    world.format();
    world.start();
    expect(world.assemble()).to.include({ ok: true });
  });
  const ask = (
    operation: Operation,
    first: number,
    blocks: number,
    changes: Partial<Request> = {},
  ): Status => {
    const request = world.request(operation, first * blockBytes, blocks * blockBytes, changes);
    return world.ask(request).reply.outcome.status;
  };
  const numbered = (writeNumber: number) => ({ writeNumber: unitOf<WriteNumber>(writeNumber) });
  const marked = (changes: Partial<Request> = own): readonly number[] => {
    const { reply, data } = world.ask(world.request(Operation.marks, 0, 64 * blockBytes, changes));
    expect(reply.outcome.status).to.equal(Status.ok);
    const blocks = Array.from({ length: 64 }, (_, index) => index);
    return blocks.filter((index) => hasBlockBit(data.bytes, index));
  };
  /** The power fails; what was not durable is gone. */
  const cutPower = (changes = {}) => {
    world.kill();
    world.medium.powerCut();
    world.start();
    const generation = unitOf<Generation>(2);
    expect(world.assemble({ generation, ...changes })).to.include({ ok: true });
  };

  it('still knows when the power fails right after it said so', () => {
    expect(ask(Operation.mark, 3, 2)).to.equal(Status.ok);
    cutPower();
    expect(marked()).to.deep.equal([3, 4]);
  });

  it('has not said so before it is durable', () => {
    world = new DiskActorWorld({ readMs: 0.1, writeMs: 0.1, flushMs: 500 });
    world.format();
    world.start((store) => store, 60_000);
    expect(world.assemble()).to.include({ ok: true });
    const slot = world.send(world.request(Operation.mark, 0, blockBytes));
    world.clock.runFor(50);
    expect(world.answered(slot)?.reply.outcome).to.equal(undefined);
    world.clock.runFor(2000);
    expect(world.answered(slot)?.reply.outcome.status).to.equal(Status.ok);
  });

  it('keeps marks when the journal that they came by was used again', () => {
    ask(Operation.mark, 3, 2);
    for (let round = 0; round < 3; round++) {
      world.write(16 * blockBytes, bytesOf(mebibyte / 4, round), numbered(10 + round));
      world.disk.opened?.device.writeBehind.drain(() => {});
      world.clock.runFor(1000);
    }
    cutPower();
    expect(marked()).to.deep.equal([3, 4]);
  });

  it('forgets what the host takes back, and nothing beside it', () => {
    ask(Operation.mark, 0, 10);
    expect(ask(Operation.unmark, 2, 3, numbered(2))).to.equal(Status.ok);
    expect(marked()).to.deep.equal([0, 1, 5, 6, 7, 8, 9]);
  });

  it('does not let a late copy take away what was marked after it', () => {
    ask(Operation.mark, 0, 4);
    ask(Operation.unmark, 0, 4, numbered(2));
    ask(Operation.mark, 0, 4, numbered(3));
    expect(ask(Operation.unmark, 0, 4, numbered(2))).to.equal(Status.ok);
    expect(marked()).to.deep.equal([0, 1, 2, 3]);
  });

  it('refuses what comes from a coordinator that is one no more', () => {
    ask(Operation.mark, 0, 4);
    const late = { ...numbered(9), partitionEpoch: unitOf<PartitionEpoch>(0) };
    expect(ask(Operation.unmark, 0, 4, late)).to.equal(Status.fenced);
    expect(marked()).to.deep.equal([0, 1, 2, 3]);
  });

  it('tells the marks of hosts apart, and takes away only those of hosts that are gone when a coordinator asks', () => {
    const { attachments } = world.assembly();
    const second = attachments.map((each) => ({
      ...each,
      host: other,
      attachEpoch: unitOf<AttachEpoch>(4),
    }));
    const generation = unitOf<Generation>(2);
    world.assemble({ generation, attachments: [...attachments, ...second] });
    const byOther = { host: other, attachEpoch: unitOf<AttachEpoch>(4) };
    ask(Operation.mark, 0, 2);
    ask(Operation.mark, 1, 2, byOther);
    expect(marked({})).to.deep.equal([0, 1]);
    expect(marked(byOther)).to.deep.equal([1, 2]);
    expect(marked()).to.deep.equal([0, 1, 2]);
    ask(Operation.unmark, 0, 64, { ...own, ...numbered(5) });
    expect(marked(), 'both are attached').to.deep.equal([0, 1, 2]);
    world.assemble({ generation: unitOf<Generation>(3), attachments: second });
    ask(Operation.unmark, 0, 64, { ...own, ...numbered(6) });
    expect(marked()).to.deep.equal([1, 2]);
  });

  it('takes another process of a host for another host', () => {
    ask(Operation.mark, 0, 2);
    const restarted = world.assembly().attachments.map((each) => ({
      ...each,
      hostIncarnation: unitOf<Incarnation>(6),
      attachEpoch: unitOf<AttachEpoch>(7),
    }));
    world.assemble({ generation: unitOf<Generation>(2), attachments: restarted });
    const now = { hostIncarnation: unitOf<Incarnation>(6), attachEpoch: unitOf<AttachEpoch>(7) };
    ask(Operation.unmark, 0, 2, { ...now, ...numbered(2) });
    expect(marked(), 'nobody but a coordinator ends them').to.deep.equal([0, 1]);
    ask(Operation.unmark, 0, 2, { ...own, ...numbered(3) });
    expect(marked()).to.deep.equal([]);
  });

  it('marks nothing for who is no member of the set any more', () => {
    const outdated = { eventCount: unitOf<EventCount>(2) };
    expect(ask(Operation.mark, 0, 2, outdated)).to.equal(Status.fenced);
    expect(marked()).to.deep.equal([]);
  });

  it('takes whole blocks only', () => {
    const request = world.request(Operation.mark, 512, blockBytes);
    expect(world.ask(request).reply.outcome.status).to.equal(Status.invalid);
  });
});

describe('marks of hosts', () => {
  const marker: Marker = { reference: 1, host: idOf<HostId>('h1'), hostIncarnation: 5 };
  const order = (number: number) => ({ epoch: 1, number });
  const blocksOf = (marks: HostMarks, blocks: number): number =>
    marks
      .bitsOf(1, { firstBlock: 0, blocks }, { ...marker, hostIncarnation: unitOf<Incarnation>(5) })
      .reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);

  it('are never dropped for want of room: many become one that spans them', () => {
    const marks = new HostMarks(4 * mebibyte);
    const most = 40_000;
    for (let at = 0; at < most; at += 2)
      marks.note(markEntry('mark', marker, order(1), [{ firstBlock: at, blocks: 1 }]));
    expect(blocksOf(marks, most)).to.be.at.least(most / 2);
    expect(marks.entries().length).to.be.below(100);
    marks.note(markEntry('unmark', marker, order(2), [{ firstBlock: 0, blocks: most }]));
    expect(blocksOf(marks, most)).to.equal(0);
  });

  it('count what a checkpoint may have to write, also of those that a crash brings back', () => {
    const marks = new HostMarks(4 * mebibyte);
    marks.note(markEntry('mark', marker, order(1), [{ firstBlock: 0, blocks: 9 }]));
    const bytes = marks.journaledBytes;
    marks.note(markEntry('unmark', marker, order(2), [{ firstBlock: 0, blocks: 9 }]));
    expect(marks.journaledBytes).to.equal(bytes);
    marks.freeze();
    expect(marks.journaledBytes).to.equal(bytes);
    marks.release();
    expect(marks.journaledBytes).to.equal(0);
  });

  it('end with the extents that they are of', () => {
    const marks = new HostMarks(4 * mebibyte);
    for (const reference of [1, 2])
      marks.note(
        markEntry('mark', { ...marker, reference }, order(1), [{ firstBlock: 0, blocks: 1 }]),
      );
    marks.keepOnly(new Set([2]));
    expect(marks.markersOf(1)).to.deep.equal([]);
    expect(marks.markersOf(2)).to.have.length(1);
  });
});

describe('the stretches that a host has marked', () => {
  const stretch = (firstBlock: number, blocks: number) => ({ firstBlock, blocks });
  const order = (epoch: number, number: number) => ({ epoch, number });

  it('do not overlap, and each block keeps the order that it was marked in last', () => {
    const marked = new MarkedStretches();
    marked.mark(stretch(0, 10), order(1, 5));
    marked.mark(stretch(4, 2), order(2, 1));
    marked.mark(stretch(0, 12), order(1, 9));
    expect(
      marked.all.map((each) => [each.firstBlock, each.blocks, each.order.epoch]),
    ).to.deep.equal([
      [0, 4, 1],
      [4, 2, 2],
      [6, 6, 1],
    ]);
    marked.unmark(stretch(0, 12), order(1, 10));
    expect(marked.all).to.deep.equal([{ ...stretch(4, 2), order: order(2, 1) }]);
    expect(marked.highestOrder).to.deep.equal(order(2, 1));
  });
});
