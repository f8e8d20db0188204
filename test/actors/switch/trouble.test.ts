/** Writes that a mirror missed: never acknowledged, never forgotten, reported until the volume is assembled anew. */
import { expect } from 'chai';
import { decodeJson } from '../../../actors/json.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { plainError } from '../../../protocols/frames/reply.ts';
import { type TroubleReport, troubleReportSchema } from '../../../protocols/trouble-report.ts';
import { blockBytes, mebibyte, unitOf } from '../../../protocols/units.ts';
import { mediaError } from './fake-disk.ts';
import { loadOf, SwitchWorld } from './switch-world.ts';

function serving(): SwitchWorld {
  return new SwitchWorld().serve();
}

/** How many commands of one verb the switch asked. */
function asked(world: SwitchWorld, verb: string): number {
  return world.control.sent.filter(({ subject }) => subject.endsWith(`.${verb}`)).length;
}

/** The last report of trouble. */
function reported(world: SwitchWorld): TroubleReport | undefined {
  const report = world.control.sent.findLast(({ subject }) => subject.endsWith('.trouble'));
  return troubleReportSchema.safeParse(decodeJson(report?.data ?? new Uint8Array())).data;
}

/** The disks that the last report of trouble calls silent. */
function silentDisks(world: SwitchWorld): readonly string[] | undefined {
  return reported(world)?.silentDisks;
}

describe('a write that a mirror missed', () => {
  for (const [name, outcome, failedDisks] of [
    ['a medium error', mediaError, ['d2']],
    ['a full disk', { status: Status.noSpace, detail: { what: 'full' } }, ['d2']],
    ['a range that the disk does not have', plainError(Status.range, 'of no extent'), []],
    ['a fence', { status: Status.fenced, detail: { number: 'attachEpoch', current: 31 } }, []],
  ] as const)
    it(`because of ${name} is not acknowledged, keeps its blocks, and is reported`, () => {
      const world = serving();
      world.disk('d2').outcome = () => outcome as never;
      world.write({ offset: 0 });
      expect(world.runDisks()).to.be.empty;
      expect(asked(world, 'trouble')).to.equal(1);
      expect(reported(world)).to.deep.include({ failedDisks, silentDisks: [] });
      world.disk('d2').outcome = null;
      world.write({ offset: 0 });
      const replies = world.runDisks();
      expect(replies.map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.busy]);
      world.clock.runFor(10_000);
      expect(world.runDisks()).to.be.empty;
    });

  it('because its disk restarted is not acknowledged, and is reported until the volume is assembled anew', () => {
    const world = serving();
    world.disk('d1').instance = unitOf(2);
    world.write({ offset: 0 });
    expect(world.runDisks()).to.be.empty;
    world.clock.runFor(3500);
    expect(asked(world, 'trouble')).to.equal(4);
    expect(reported(world)?.failedDisks, 'another process of it').to.deep.equal([]);
    const disks = loadOf().disks.map((member) => ({ ...member, instance: 2 }));
    const partitions = loadOf().partitions.map((record) => ({
      ...record,
      epoch: record.epoch + 9,
    }));
    for (const disk of world.disks.values()) disk.instance = unitOf(2);
    world.serve({ generation: 11, disks, partitions });
    expect(world.settled(11)).to.include({ settled: true, problem: '' });
    const before = asked(world, 'trouble');
    world.clock.runFor(3500);
    expect(asked(world, 'trouble')).to.equal(before);
    world.write({ offset: 0, generation: 11, partitionEpoch: 29 });
    expect(world.runDisks().map(({ reply }) => reply.outcome.status)).to.deep.equal([Status.ok]);
  });

  it('because its old block is bad, and no mirror can mend it, is reported with that disk', () => {
    const world = serving();
    const block = mebibyte / blockBytes;
    const bytes = new Uint8Array(blockBytes).fill(1);
    world.disk('d1').put(block, bytes, { epoch: 4, writeNumber: 2 });
    world.disk('d1').bad.add(block);
    world.disk('d2').outcome = ({ operation }) =>
      operation === Operation.read ? mediaError : null;
    world.write({ offset: 512, lengthBytes: 512 });
    expect(world.runDisks()).to.be.empty;
    expect(reported(world)).to.deep.include({ failedDisks: ['d1'] });
  });

  it('because its old block is bad, and the other disk restarted meanwhile, is no failure of the disk', () => {
    const world = serving();
    const block = mebibyte / blockBytes;
    world.disk('d1').put(block, new Uint8Array(blockBytes), { epoch: 4, writeNumber: 2 });
    world.disk('d1').bad.add(block);
    world.disk('d2').outcome = ({ operation }) => {
      if (operation === Operation.tags) world.disk('d2').instance = unitOf(2);
      return null;
    };
    world.write({ offset: 512, lengthBytes: 512 });
    expect(world.runDisks()).to.be.empty;
    expect(reported(world)?.what).to.match(/d2 restarted/);
    expect(reported(world)).to.deep.include({ failedDisks: [] });
  });

  it('names the disk no more once the volume was decided about anew', () => {
    const world = serving();
    world.disk('d2').outcome = () => mediaError;
    world.write({ offset: 0 });
    world.runDisks();
    expect(reported(world)?.failedDisks).to.deep.equal(['d2']);
    world.disk('d2').outcome = null;
    const partitions = loadOf().partitions.map((record) => ({
      ...record,
      epoch: record.epoch + 9,
    }));
    world.serve({ generation: 11, partitions });
    world.disk('d4').instance = unitOf(2);
    world.write({ offset: 65_536, generation: 11, partitionEpoch: 29 });
    expect(world.runDisks()).to.be.empty;
    expect(reported(world)).to.deep.include({ generation: 11, failedDisks: [] });
  });

  it('lets no waiting one of its partition begin', () => {
    const world = serving();
    world.write({ offset: 0 });
    world.write({ offset: 0 });
    world.write({ offset: 65_536 });
    world.disk('d3').instance = unitOf(2);
    const [first, second, third, fourth] = world.takeToDisks();
    for (const frame of [third, fourth, first, second])
      if (frame !== undefined) world.answer(frame);
    expect(world.takeReplies().map(({ reply }) => reply.ioNumber)).to.deep.equal([1]);
    expect(world.takeToDisks()).to.be.empty;
  });

  it('because its disk is silent is reported, with the disk, and acknowledged if the disk answers after all', () => {
    const world = serving();
    world.write({ offset: 0 });
    const [first, second] = world.takeToDisks();
    if (first !== undefined) world.answer(first);
    world.clock.runFor(5100);
    expect(asked(world, 'trouble')).to.equal(1);
    expect(silentDisks(world)).to.deep.equal([second?.request.disk]);
    expect(world.takeReplies()).to.be.empty;
    if (second !== undefined) world.answer(second);
    expect(world.takeReplies()).to.have.length(1);
    world.clock.runFor(1000);
    expect(asked(world, 'trouble')).to.equal(2);
    expect(silentDisks(world), 'it has answered').to.deep.equal([]);
  });
});
