/** A disk verifies what it has where it lies (DESIGN D5): without handing anything out. */
import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { verbs } from '../../../protocols/commands.ts';
import { hasBlockBit, verifyBytesMax } from '../../../protocols/frames/block-bits.ts';
import { RequestFlag } from '../../../protocols/frames/request.ts';
import { blockBytes, type Generation, mebibyte, unitOf } from '../../../protocols/units.ts';
import { DiskActorWorld } from './disk-actor-world.ts';
import { bytesOf } from './disk-world.ts';

const copy = { flags: RequestFlag.copy, host: '' } as const;

describe('a disk that verifies a range', () => {
  let world: DiskActorWorld;
  beforeEach(() => {
    world = new DiskActorWorld();
    world.format();
    world.start();
    expect(world.assemble()).to.include({ ok: true });
  });
  const verify = (at: number, lengthBytes: number) =>
    world.ask(world.request(Operation.verify, at, lengthBytes, copy));
  /** A bit of a block of the volume changes where it lies. */
  const rot = (block: number) => {
    const device = world.disk.opened?.device;
    if (device === undefined) throw new Error('the disk is not open');
    device.writeBehind.drain(() => {});
    world.clock.runFor(1000);
    const at = device.parts.layout.homeStart + mebibyte + block * blockBytes;
    world.medium.corrupt(at + 77, (bytes) => bytes.fill(0x55), 1);
  };
  const badBlocks = (at: number, blocks: number): readonly number[] => {
    const { reply, data } = verify(at, blocks * blockBytes);
    expect(reply.outcome.status).to.equal(Status.ok);
    return Array.from({ length: blocks }, (_, index) => index).filter((index) =>
      hasBlockBit(data.bytes, index),
    );
  };

  it('finds nothing wrong with what was written, zeroed, or never written', () => {
    world.write(0, bytesOf(3 * blockBytes, 1));
    world.ask(world.request(Operation.writeZeroes, blockBytes, blockBytes));
    expect(badBlocks(0, 40)).to.deep.equal([]);
  });

  it('names each block that rotted, and no other', () => {
    world.write(0, bytesOf(40 * blockBytes, 1));
    for (const block of [0, 17, 18, 39]) rot(block);
    expect(badBlocks(0, 40)).to.deep.equal([0, 17, 18, 39]);
    expect(badBlocks(17 * blockBytes, 1)).to.deep.equal([0]);
  });

  /** One whose medium takes its time, with blocks that were written. */
  const slowWorld = () => {
    world = new DiskActorWorld({ readMs: 100, writeMs: 0.1, flushMs: 0.1 });
    world.format();
    world.start((store) => store, 60_000);
    expect(world.assemble()).to.include({ ok: true });
    world.write(0, bytesOf(64 * blockBytes, 1));
  };

  it('does one at a time: what asks meanwhile, were it the same again, is told to wait', () => {
    slowWorld();
    const request = world.request(Operation.verify, 0, blockBytes, copy);
    const slots = [request, request].map((each) => world.send(each));
    world.clock.runFor(1000);
    const statuses = slots.map((slot) => world.answered(slot)?.reply.outcome.status);
    expect(statuses).to.deep.equal([Status.ok, Status.busy]);
    expect(badBlocks(0, 1), 'and then the next').to.deep.equal([]);
  });

  it('is not waited for by a newer decision: it stops, and is to be asked for again', () => {
    slowWorld();
    const slot = world.send(world.request(Operation.verify, 0, 64 * blockBytes, copy));
    world.clock.runFor(10);
    const startMs = world.clock.now();
    const confirmed = world.beginCommand(
      verbs.assemble,
      world.assembly({ generation: unitOf<Generation>(2) }),
    );
    while (confirmed.length === 0) world.clock.runNext();
    expect(world.clock.now() - startMs).to.be.below(100);
    world.clock.runFor(1000);
    expect(world.answered(slot)?.reply.outcome.status).to.equal(Status.busy);
  });

  it('answers with one bit for each block', () => {
    expect(verify(0, verifyBytesMax).data.bytes).to.have.length(verifyBytesMax / blockBytes / 8);
  });

  it('refuses parts of blocks, and more than it does at a time', () => {
    expect(verify(512, blockBytes).reply.outcome.status).to.equal(Status.invalid);
    expect(verify(0, 512).reply.outcome.status).to.equal(Status.invalid);
    const { outcome } = verify(0, verifyBytesMax + blockBytes).reply;
    expect(outcome.status).to.equal(Status.invalid);
  });
});
