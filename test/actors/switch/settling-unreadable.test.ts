/** After an assembly: a block that differs and cannot be read where it is newest. Nothing acknowledged is lost by it. */
import { expect } from 'chai';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { nextSource, type UnequalBlock } from '../../../actors/switch/settling-source.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { tagRecordBytes, writeTagRecord } from '../../../protocols/frames/tag-records.ts';
import { type DiskId, type HostId, idOf } from '../../../protocols/ids.ts';
import {
  blockBytes,
  type Incarnation,
  type IoNumber,
  mebibyte,
  unitOf,
  type VolumeOffset,
} from '../../../protocols/units.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

/** Where the extents begin on their disks. */
const extentBlock = mebibyte / blockBytes;
const block = (fill: number) => new Uint8Array(blockBytes).fill(fill);

/** h1 goes on under a later attach epoch than it began with. */
const goingOn = {
  generation: 11,
  compared: 'unfinished',
  attachments: loadOf().attachments.map((record) => ({
    ...record,
    attachEpoch: 40,
    firstEpoch: 30,
  })),
};

/** Block 3: the older copy on d2 is what was acknowledged last, the newer one on d1 is a write's that nobody saw end. */
function halfWritten(): SwitchWorld {
  const world = new SwitchWorld();
  world.disk('d1').put(extentBlock + 3, block(7), { epoch: 19, writeNumber: 4 });
  world.disk('d2').put(extentBlock + 3, block(5), { epoch: 18, writeNumber: 9 });
  world.disk('d1').bad.add(extentBlock + 3);
  return world;
}

/** Answers what a new coordinator asks on the command network. */
function answer(world: SwitchWorld, verb: string, bodyOf: (receiver: string) => object): void {
  const asked = world.control.sent.filter(({ subject }) => subject.endsWith(`.${verb}`));
  world.control.sent = world.control.sent.filter((sent) => !asked.includes(sent));
  for (const { subject, replySubject } of asked)
    world.control.deliver(replySubject, encodeJson(bodyOf(subject.split('.').at(-2) ?? '')));
}

interface OpenWrite {
  readonly ioNumber: number;
  readonly block: number;
  readonly lengthBytes?: number;
}

/** h1 goes on, and says what it has open; each disk says what it has done of that. */
function takeOver(
  world: SwitchWorld,
  writes: readonly OpenWrite[],
  done: Readonly<Record<string, readonly number[]>>,
): void {
  expect(world.command('load', loadOf(goingOn))).to.include({ ok: true });
  const told = writes.map(({ ioNumber, block: at, lengthBytes = blockBytes }) => ({
    ioNumber,
    offset: at * blockBytes,
    lengthBytes,
    fua: false,
  }));
  answer(world, 'unfinished', () => ({ ok: true, watermark: 5, writes: told }));
  answer(world, 'remembered', (disk) => ({ ok: true, instance: 1, done: [done[disk] ?? []] }));
  world.runDisks();
}

/** A write of h1 under the numbers of the new decision, filled with its number. */
function write(world: SwitchWorld, ioNumber: number, at: number, lengthBytes: number = blockBytes) {
  const numbers = { generation: 11, attachEpoch: 40, attempt: 1 };
  world.write({ ioNumber, offset: at * blockBytes, lengthBytes, ...numbers });
}

interface Copy {
  readonly epoch: number;
  readonly writeNumber: number;
  readonly checksum?: number;
}

/** The tags of one block, one mirror each: d1, d2 and so on. */
function unequal(...copies: readonly Copy[]): UnequalBlock {
  const records = copies.map(({ epoch, writeNumber, checksum = 1 }) => {
    const record = new DataView(new ArrayBuffer(tagRecordBytes));
    writeTagRecord(record, 0, { epoch, writeNumber, checksum });
    return record;
  });
  const disks = copies.map((_, at) => idOf<DiskId>(`d${at + 1}`));
  return { records, index: 0, disks, start: unitOf(0) };
}

describe('the source of a block whose newest copy cannot be read', () => {
  const newest = { epoch: 9, writeNumber: 5 };
  const older = { epoch: 9, writeNumber: 4 };
  const oldest = { epoch: 8, writeNumber: 70 };

  it('is another mirror with the same tag, whatever hosts have open', () => {
    const hosts = [
      {
        host: idOf<HostId>('h1'),
        hostIncarnation: unitOf<Incarnation>(1),
        watermark: unitOf<IoNumber>(1),
        writes: [
          {
            ioNumber: unitOf<IoNumber>(7),
            offset: unitOf<VolumeOffset>(0),
            lengthBytes: 512,
            fua: false,
          },
        ],
        done: new Map([[unitOf<IoNumber>(7), new Set([idOf<DiskId>('d1')])]]),
      },
    ];
    expect(nextSource(unequal(newest, oldest, newest), new Set([0]), hosts)).to.deep.equal({
      kind: 'copy',
      source: 2,
    });
  });

  it('is the next older one, and then the next', () => {
    const block = unequal(newest, oldest, older);
    expect(nextSource(block, new Set([0]), [])).to.deep.equal({ kind: 'copy', source: 2 });
    expect(nextSource(block, new Set([0, 2]), [])).to.deep.equal({ kind: 'copy', source: 1 });
    expect(nextSource(block, new Set([0, 1, 2]), [])).to.deep.equal({ kind: 'none' });
  });

  it('is never one of two that differ under one tag', () => {
    const block = unequal(newest, older, { ...older, checksum: 2 });
    expect(nextSource(block, new Set([0]), [])).to.deep.equal({ kind: 'none' });
  });
});

describe('settling where the newest copy of a block cannot be read', () => {
  it('goes back to what was acknowledged last when no host has the newer write open', () => {
    const world = halfWritten();
    world.serve();
    expect(world.settled()).to.include({ settled: true, problem: '' });
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(extentBlock + 3)[0], disk).to.equal(5);
    expect(world.disk('d1').tagOf(extentBlock + 3)).to.deep.equal(
      world.disk('d2').tagOf(extentBlock + 3),
    );
  });

  it('loses nothing of the blocks beside it', () => {
    const world = halfWritten();
    for (let at = 1; at < 7; at++)
      if (at !== 3)
        world.disk('d1').put(extentBlock + at, block(at), { epoch: 19, writeNumber: 4 });
    world.serve();
    for (const disk of ['d1', 'd2'])
      expect(
        [1, 2, 3, 4, 5, 6].map((at) => world.disk(disk).bytesOf(extentBlock + at)[0]),
      ).to.deep.equal([1, 2, 5, 4, 5, 6]);
  });

  it('tells which mirror was bad, and which was taken', () => {
    const world = halfWritten();
    world.serve();
    const [told] = world.control.sent.filter(({ subject }) => subject.endsWith('.repair'));
    expect(decodeJson(told?.data ?? new Uint8Array())).to.deep.include({
      offset: 3 * blockBytes,
      lengthBytes: blockBytes,
      outcome: 'repaired',
      disks: ['d1'],
      source: 'd2',
    });
  });

  it('serves, and lets the write that is lost there be carried out again before anybody else comes to its blocks', () => {
    const world = halfWritten();
    takeOver(world, [{ ioNumber: 7, block: 3 }], { d1: [7] });
    expect(world.settled(11)).to.include({ settled: true, problem: '' });
    expect(world.disk('d2').bytesOf(extentBlock + 3)[0], 'it is left as it is').to.equal(5);
    write(world, 20, 3);
    expect(world.takeToDisks(), 'another write of the block waits').to.be.empty;
    write(world, 21, 9);
    expect(world.runDisks()[0]?.reply.outcome.status, 'other blocks are served').to.equal(
      Status.ok,
    );
    write(world, 7, 3);
    const ended = world.runDisks().map(({ reply }) => [reply.ioNumber, reply.outcome.status]);
    expect(ended).to.deep.equal([
      [7, Status.ok],
      [20, Status.ok],
    ]);
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(extentBlock + 3)[0], disk).to.equal(20);
  });

  it('answers a write that the older copy has as well, and does not carry it out again', () => {
    const world = halfWritten();
    takeOver(world, [{ ioNumber: 7, block: 3 }], { d1: [7], d2: [7] });
    expect(world.settled(11)).to.include({ settled: true });
    write(world, 7, 3);
    expect(world.takeToDisks()).to.be.empty;
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.ok);
    expect(world.disk('d1').bytesOf(extentBlock + 3)[0]).to.equal(5);
  });

  it('keeps what is owed as it is when it is taken over once more before the host has sent it', () => {
    const world = halfWritten();
    takeOver(world, [{ ioNumber: 7, block: 3 }], { d1: [7] });
    const partitions = loadOf().partitions.map((record) => ({
      ...record,
      epoch: record.epoch + 5,
    }));
    const again = { ...goingOn, generation: 12, partitions };
    expect(world.command('load', loadOf(again))).to.include({ ok: true });
    const open = [
      { ioNumber: 7, offset: 3 * blockBytes, lengthBytes: blockBytes, fua: false },
    ] as const;
    world.disk('d1').bad.clear();
    answer(world, 'unfinished', () => ({ ok: true, watermark: 5, writes: open }));
    answer(world, 'remembered', (disk) => ({
      ok: true,
      instance: 1,
      done: [disk === 'd1' ? [7] : []],
    }));
    world.runDisks();
    expect(world.settled(12)).to.include({ settled: true });
    expect(world.disk('d2').bytesOf(extentBlock + 3)[0], 'it can be read again').to.equal(7);
  });

  // Seed 1006 on two-tier: it was given up, and the mirror that had it differed from the others for good.
  it('does not give up the write when no mirror can merge its retry with the old block: that is trouble', () => {
    const world = halfWritten();
    takeOver(world, [{ ioNumber: 7, block: 3, lengthBytes: 512 }], { d1: [7] });
    world.disk('d2').bad.add(extentBlock + 3);
    write(world, 7, 3, 512);
    expect(world.runDisks(), 'its host is told nothing').to.be.empty;
    const told = world.control.sent.filter(({ subject }) => subject.endsWith('.trouble'));
    expect(told).to.not.be.empty;
    for (const disk of ['d1', 'd2'])
      expect(
        world.disk(disk).requests.map(({ operation }) => operation),
        disk,
      ).to.not.include(Operation.trim);
  });

  for (const [what, at] of [
    ['has what was acknowledged last', 3],
    ['was never written, for then nothing was acknowledged', 5],
  ] as const)
    it(`takes the copy that ${what}, where the tag of another is lost`, () => {
      const world = halfWritten();
      world.disk('d1').bad.clear();
      world.disk('d1').lost.add(extentBlock + at);
      world.serve();
      expect(world.settled()).to.include({ settled: true, problem: '' });
      expect(world.disk('d1').lost).to.be.empty;
      const fills = ['d1', 'd2'].map((disk) => world.disk(disk).bytesOf(extentBlock + at)[0]);
      expect(fills).to.deep.equal(at === 3 ? [5, 5] : [0, 0]);
    });

  it('takes no copy that can be read again, but whose place among the others was not known', () => {
    const world = halfWritten();
    const d1 = world.disk('d1');
    d1.bad.clear();
    d1.lost.add(extentBlock + 3);
    d1.outcome = ({ operation }) => {
      if (operation === Operation.read) d1.lost.clear();
      return null;
    };
    world.serve();
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(extentBlock + 3)[0], disk).to.equal(5);
  });

  it('owes a write that was done where the tag is lost, and that the other copy lacks', () => {
    const world = halfWritten();
    world.disk('d1').bad.clear();
    world.disk('d1').lost.add(extentBlock + 3);
    takeOver(world, [{ ioNumber: 7, block: 3 }], { d1: [7] });
    expect(world.settled(11)).to.include({ settled: true, problem: '' });
    write(world, 7, 3);
    expect(world.runDisks().map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.ok]);
    for (const disk of ['d1', 'd2'])
      expect(world.disk(disk).bytesOf(extentBlock + 3)[0], disk).to.equal(7);
  });

  it('does not give up the write when its retry comes damaged: that is trouble', () => {
    const world = halfWritten();
    takeOver(world, [{ ioNumber: 7, block: 3 }], { d1: [7] });
    const numbers = { generation: 11, attachEpoch: 40, attempt: 1 };
    const retry = world.request({ ioNumber: 7, offset: 3 * blockBytes, ...numbers });
    world.arrive(retry, '', (frame) => frame.fill(1, frame.length - 1));
    expect(world.runDisks(), 'its host is told nothing').to.be.empty;
    expect(world.control.sent.some(({ subject }) => subject.endsWith('.trouble'))).to.equal(true);
  });

  it('stops when no copy can be read', () => {
    const world = halfWritten();
    world.disk('d2').bad.add(extentBlock + 3);
    world.serve();
    expect(world.settled()).to.include({ settled: false });
    expect(world.settled())
      .to.have.property('problem')
      .that.matches(/offset 12288, can be read on no mirror/);
    expect(world.disk('d2').requests.filter(({ operation }) => operation === Operation.write)).to.be
      .empty;
  });
});
