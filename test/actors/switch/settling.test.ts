/** After an assembly: mirrors are compared and made equal before anybody reads or writes; what cannot be decided is not. */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { RequestFlag } from '../../../protocols/frames/request.ts';
import { blockBytes, mebibyte, unitOf } from '../../../protocols/units.ts';
import { loadOf, SwitchWorld, switchIncarnation } from './switch-world.ts';

/** Where the extents begin on their disks. */
const extentBlock = mebibyte / blockBytes;

function block(fill: number): Uint8Array {
  return new Uint8Array(blockBytes).fill(fill);
}

/** Requests of one operation that a disk got. */
function requestsOf(world: SwitchWorld, disk: string, operation: Operation): readonly Request[] {
  return world.disk(disk).requests.filter((request) => request.operation === operation);
}

describe('settling', () => {
  it('of mirrors that are equal asks for digests only', () => {
    const world = new SwitchWorld();
    for (const disk of ['d1', 'd2'])
      world.disk(disk).put(extentBlock + 3, block(7), { epoch: 4, writeNumber: 9 });
    world.serve();
    expect(world.settled()).to.deep.include({
      settled: true,
      problem: '',
      remainingBytes: 0,
      copiedBlocks: 0,
    });
    const operations = [...world.disks.values()].flatMap(({ requests }) =>
      requests.map(({ operation }) => operation),
    );
    expect(new Set(operations)).to.deep.equal(new Set([Operation.tagDigest]));
    expect(operations).to.have.length(4);
  });

  it('after a restart copies durably: what one mirror kept through a power cut is read from now on (seed 138 on two-tier)', () => {
    const world = new SwitchWorld();
    world.disk('d1').put(extentBlock + 1, block(1), { epoch: 4, writeNumber: 9 });
    world.serve();
    for (const disk of ['d1', 'd2']) {
      const [copy] = requestsOf(world, disk, Operation.write);
      expect((copy?.flags ?? 0) & RequestFlag.fua, disk).to.equal(RequestFlag.fua);
    }
  });

  it('takes the block with the highest tag, whichever mirror has it, and writes it to all', () => {
    const world = new SwitchWorld();
    const d1 = world.disk('d1');
    const d2 = world.disk('d2');
    d1.put(extentBlock + 1, block(1), { epoch: 4, writeNumber: 900 });
    d2.put(extentBlock + 1, block(2), { epoch: 5, writeNumber: 1 });
    d1.put(extentBlock + 2, block(3), { epoch: 5, writeNumber: 8 });
    d2.put(extentBlock + 2, block(4), { epoch: 5, writeNumber: 7 });
    d2.put(extentBlock + 300, block(5), { epoch: 1, writeNumber: 1 });
    world.serve();
    expect(world.settled()).to.include({ settled: true });
    for (const [at, fill] of [
      [1, 2],
      [2, 3],
      [300, 5],
    ] as const)
      for (const disk of [d1, d2]) {
        expect(disk.bytesOf(extentBlock + at)[99], `block ${at} of ${disk.id}`).to.equal(fill);
        expect(disk.tagOf(extentBlock + at)).to.deep.equal(d1.tagOf(extentBlock + at));
        expect(disk.tagOf(extentBlock + at)[0], 'a fresh number of the new epoch').to.be.within(
          20,
          21,
        );
      }
  });

  it('copies under the numbers of the coordinator, marked as copies, and tells no host', () => {
    const world = new SwitchWorld();
    world.disk('d1').put(extentBlock + 20, block(1), { epoch: 4, writeNumber: 9 });
    world.serve();
    expect(world.settled()).to.include({ copiedBlocks: 1, comparedBytes: 4 * mebibyte });
    const [copy] = requestsOf(world, 'd2', Operation.write);
    expect(copy).to.deep.include({
      flags: RequestFlag.copy | RequestFlag.fua,
      host: '',
      hostIncarnation: switchIncarnation,
      attachEpoch: 0,
      offset: 2 * 65_536 + 4 * blockBytes,
      diskOffset: mebibyte + 20 * blockBytes,
      lengthBytes: blockBytes,
      partition: 0,
      partitionEpoch: 20,
      ownerIncarnation: switchIncarnation,
      writeNumber: 1,
    });
    expect(world.takeReplies()).to.be.empty;
  });

  it('lets hosts wait until it is done, and serves them then', () => {
    const world = new SwitchWorld();
    world.command('load', loadOf());
    world.write({ offset: 0 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.busy);
    expect(world.settled()).to.include({ settled: false, problem: '' });
    world.runDisks();
    expect(world.settled()).to.include({ settled: true });
    world.write({ offset: 0 });
    expect(world.runDisks()[0]?.reply.outcome.status).to.equal(Status.ok);
  });

  it('never guesses: the same tag for different bytes needs an operator, and both are kept', () => {
    const world = new SwitchWorld();
    world.disk('d1').put(extentBlock + 1, block(1), { epoch: 4, writeNumber: 9 });
    world.disk('d2').put(extentBlock + 1, block(2), { epoch: 4, writeNumber: 9 });
    world.serve();
    const answer = world.settled();
    expect(answer).to.include({ settled: false });
    expect(answer)
      .to.have.property('problem')
      .that.matches(/offset 4096.*operator/);
    expect(world.disk('d1').bytesOf(extentBlock + 1)[0]).to.equal(1);
    expect(world.disk('d2').bytesOf(extentBlock + 1)[0]).to.equal(2);
    world.write({ offset: 0 });
    expect(world.takeReplies()[0]?.reply.outcome.status).to.equal(Status.busy);
    world.clock.runFor(1100);
    const reports = world.control.sent.filter(({ subject }) => subject.endsWith('v1.trouble'));
    expect(reports.length).to.be.greaterThan(0);
  });

  it('believes only the disk processes that were assembled', () => {
    const world = new SwitchWorld();
    world.disk('d3').instance = unitOf(2);
    world.serve();
    expect(world.settled())
      .to.have.property('problem')
      .that.matches(/d3 restarted/);
  });

  it('survives lost frames and lost answers', () => {
    const world = new SwitchWorld();
    for (let at = 0; at < 40; at++)
      world.disk(at % 2 === 0 ? 'd1' : 'd2').put(extentBlock + at * 3, block(at), {
        epoch: 2,
        writeNumber: at,
      });
    world.command('load', loadOf());
    for (let round = 0; round < 200; round++) {
      world.takeToDisks().forEach((frame, index) => {
        const fate = (5 * round + index) % 8;
        if (fate === 0) return;
        if (fate === 1) world.disk(frame.request.disk).answer(frame.request, frame.data);
        else world.answer(frame);
      });
      world.clock.runFor(50);
    }
    expect(world.settled()).to.include({ settled: true });
    for (let at = 0; at < 40; at++)
      expect(world.disk('d1').bytesOf(extentBlock + at * 3)).to.deep.equal(
        world.disk('d2').bytesOf(extentBlock + at * 3),
      );
  });

  it('asks again when an answer arrives damaged, and copies no damaged bytes', () => {
    const world = new SwitchWorld();
    world.disk('d1').put(extentBlock + 1, block(1), { epoch: 4, writeNumber: 9 });
    world.command('load', loadOf());
    let damaged = 0;
    for (let round = 0; round < 20; round++) {
      for (const { request, data } of world.takeToDisks()) {
        const reply = world.disk(request.disk).answer(request, data);
        if (request.operation === Operation.read && damaged++ === 0) reply[reply.length - 1] = 0xff;
        world.reply(request, reply);
      }
      world.clock.runFor(21);
    }
    expect(damaged).to.equal(2);
    expect(world.settled()).to.include({ settled: true });
    expect(world.disk('d2').bytesOf(extentBlock + 1)).to.deep.equal(block(1));
  });

  it('of partitions that another switch owns is left to that one', () => {
    const world = new SwitchWorld();
    const partitions = loadOf().partitions.map((record) =>
      record.partition === 1 ? { ...record, coordinator: 's2' } : record,
    );
    // The second MiB of the volume, and so the ninth strip of this mirror, belongs to partition 1.
    world.disk('d1').put(extentBlock + 8 * 16, block(1), { epoch: 4, writeNumber: 9 });
    world.disk('d1').put(extentBlock + 7 * 16, block(2), { epoch: 4, writeNumber: 9 });
    world.serve({ partitions });
    expect(world.settled()).to.include({ settled: true });
    expect(world.disk('d2').bytesOf(extentBlock + 7 * 16)[0]).to.equal(2);
    expect(world.disk('d2').bytesOf(extentBlock + 8 * 16)[0]).to.equal(0);
  });

  it('has nothing to do again for partitions that kept their epoch', () => {
    const world = new SwitchWorld().serve();
    for (const disk of world.disks.values()) disk.requests.length = 0;
    world.serve({ generation: 11 });
    expect(world.settled(11)).to.include({ settled: true });
    expect([...world.disks.values()].flatMap(({ requests }) => requests)).to.be.empty;
  });

  it('begins anew when the volume is assembled anew before it was done', () => {
    const world = new SwitchWorld();
    world.disk('d1').put(extentBlock + 1, block(1), { epoch: 4, writeNumber: 9 });
    world.command('load', loadOf());
    for (const frame of world.takeToDisks()) world.answer(frame);
    for (const frame of world.takeToDisks()) world.answer(frame);
    const old = world.takeToDisks();
    expect(old.map(({ request }) => request.operation)).to.deep.equal([Operation.read]);
    const partitions = loadOf().partitions.map((record) => ({
      ...record,
      epoch: record.epoch + 5,
    }));
    world.command('load', loadOf({ generation: 11, partitions }));
    for (const frame of old) world.answer(frame);
    world.runDisks();
    expect(world.settled(11)).to.include({ settled: true });
    expect(world.disk('d2').tagOf(extentBlock + 1)).to.deep.equal([25, 1]);
    world.clock.runFor(5000);
    expect(world.takeToDisks(), 'nothing of the old one is sent again').to.be.empty;
  });
});
