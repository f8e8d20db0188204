import { expect } from 'chai';
import { encodeCheckpoint } from '../../../actors/disk/checkpoint-record.ts';
import { Status } from '../../../protocols/codes.ts';
import type { Incarnation, IoNumber } from '../../../protocols/units.ts';
import { blockBytes, mebibyte, unitOf } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld, hostId } from './disk-world.ts';

const hostIncarnation = unitOf<Incarnation>(7);

function spoil(world: DiskWorld, at: number, lengthBytes = 1): void {
  world.medium.corrupt(at, (bytes) => bytes.fill(0xa5), lengthBytes);
}

/** Where on the store the record begins that is written next. */
function nextRecordPlace(world: DiskWorld): number {
  const { journal } = world.disk.device.parts;
  return journal.placeOf(journal.endPosition);
}

describe('replay', () => {
  it('ends at a record that is torn and was not durable, and what comes later is no gap', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(blockBytes, 1), { fua: true });
    const place = nextRecordPlace(world);
    world.write(blockBytes, bytesOf(blockBytes, 2));
    world.write(2 * blockBytes, bytesOf(blockBytes, 3));
    spoil(world, place + blockBytes + 100);
    world.restart();
    expect(world.read(0, 3 * blockBytes)).to.deep.equal(
      Uint8Array.from([...bytesOf(blockBytes, 1), ...bytesOf(2 * blockBytes, 0)]),
    );
  });

  it('never brings back a record that was lost behind a torn one, also when the torn one was written anew', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(blockBytes, 1));
    const place = nextRecordPlace(world);
    world.write(blockBytes, bytesOf(blockBytes, 2));
    world.write(2 * blockBytes, bytesOf(blockBytes, 3));
    spoil(world, place + 30);
    world.restart();
    expect(world.readBlock(2)[0], 'lost').to.equal(0);
    // As long as the lost one: the old record behind it follows it exactly.
    world.write(5 * blockBytes, bytesOf(blockBytes, 4));
    world.restart();
    expect(world.readBlock(5)[0]).to.equal(4);
    expect(world.readBlock(2)[0], 'still lost').to.equal(0);
  });

  it('never brings it back when a checkpoint ends just before it', () => {
    const world = DiskWorld.formatted();
    const place = nextRecordPlace(world);
    // A coordinator's own copies: no I/O ids that the checkpoint would write behind them.
    const copy = { host: '' } as const;
    world.write(blockBytes, bytesOf(blockBytes, 2), copy);
    world.write(2 * blockBytes, bytesOf(blockBytes, 3), copy);
    spoil(world, place + 30);
    world.restart();
    world.write(5 * blockBytes, bytesOf(blockBytes, 4), copy);
    world.checkpoint();
    world.restart();
    expect(world.readBlock(5)[0]).to.equal(4);
    expect(world.readBlock(2)[0], 'still lost').to.equal(0);
  });

  it('keeps what is whole of a durable record with rotten blocks; those answer media errors', () => {
    const world = DiskWorld.formatted();
    const place = nextRecordPlace(world);
    world.write(0, bytesOf(4 * blockBytes, 1), { fua: true });
    world.write(8 * blockBytes, bytesOf(blockBytes, 2));
    spoil(world, place + blockBytes + 2 * blockBytes + 5);
    world.restart();
    expect(world.readBlock(1)[0]).to.equal(1);
    expect(world.readBlock(8)[0], 'what comes after it').to.equal(2);
    expect(world.tryRead(2 * blockBytes, blockBytes).status).to.equal(Status.media);
    world.checkpoint();
    world.restart();
    expect(world.tryRead(2 * blockBytes, blockBytes).status).to.equal(Status.media);
    expect(world.readBlock(3)[0]).to.equal(1);
  });

  it('keeps what lies behind two bad sectors that are close together', () => {
    const world = DiskWorld.formatted();
    for (let block = 0; block < 8; block++)
      world.write(block * blockBytes, bytesOf(blockBytes, block + 1), { fua: true });
    const { journal, locations } = world.disk.device.parts;
    for (const block of [2, 4]) world.medium.spoil(journal.placeOf(locations.find(block)));
    for (let round = 0; round < 2; round++) {
      world.restart();
      for (let block = 0; block < 8; block++) {
        const { status, bytes } = world.tryRead(block * blockBytes, blockBytes);
        const isBad = block === 2 || block === 4;
        expect(status, `block ${block}`).to.equal(isBad ? Status.media : Status.ok);
        if (!isBad) expect(bytes[0]).to.equal(block + 1);
      }
      world.checkpoint();
    }
    expect(world.failures).to.deep.equal([]);
  });

  it('refuses a disk whose journal lost the head of a durable record, instead of losing what follows', () => {
    const world = DiskWorld.formatted();
    const place = nextRecordPlace(world);
    world.write(0, bytesOf(blockBytes, 1), { fua: true });
    world.write(8 * blockBytes, bytesOf(blockBytes, 2));
    spoil(world, place + 60);
    world.medium.crash();
    const result = world.tryOpen();
    expect(result).to.include({ ok: false, problem: 'damaged' });
    if (!result.ok) expect(result.message).to.match(/journal is damaged, and was durable/);
  });

  it('survives the rot of any one checkpoint record, and refuses a disk that lost a pair of them', () => {
    const { checkpointStart } = DiskWorld.formatted().disk.device.parts.layout;
    for (let slot = 0; slot < 4; slot++) {
      const world = DiskWorld.formatted();
      world.write(0, bytesOf(blockBytes, 1));
      world.checkpoint();
      world.write(0, bytesOf(blockBytes, 2));
      spoil(world, checkpointStart + slot * blockBytes + 20);
      world.restart();
      expect(world.readBlock(0)[0]).to.equal(2);
      spoil(world, checkpointStart + (slot ^ 1) * blockBytes + 20);
      world.medium.crash();
      expect(world.tryOpen()).to.include({ ok: false, problem: 'damaged' });
    }
  });

  it('a checkpoint record fits one sector, which is never torn', () => {
    const record = { number: 1, tailPosition: 1, tailSequence: 1, durableSequence: 1, instance: 1 };
    expect(encodeCheckpoint(record, 1)).to.have.length(512);
  });

  it('of a full journal takes well below a second of work', function () {
    this.timeout(20_000);
    const latency = { readMs: 0, writeMs: 0, flushMs: 1e9 };
    const world = DiskWorld.formatted({ sizeBytes: 512 * mebibyte, latency });
    for (let index = 0; index < 60; index++) {
      world.begin(world.writeRequest(index * 64 * blockBytes, bytesOf(64 * blockBytes, 1)));
      world.clock.runFor(1);
    }
    world.medium.crash();
    const start = process.cpuUsage();
    world.open();
    const { user, system } = process.cpuUsage(start);
    expect(world.disk.replayedRecords).to.be.greaterThan(10);
    expect((user + system) / 1000).to.be.below(1500);
  });
});

describe('remembered I/O ids', () => {
  const find = (world: DiskWorld, ioNumber: number) =>
    world.disk.device.parts.remembered.find(hostId, hostIncarnation, unitOf<IoNumber>(ioNumber));

  it('outlive restarts and checkpoints with the tags that their writes got', () => {
    const world = DiskWorld.formatted();
    const tag = { reference: 1, epoch: 4, writeNumber: 9 };
    world.write(blockBytes, bytesOf(2 * blockBytes, 1), { ioNumber: 50, watermark: 50, tag });
    const expected = { ...tag, range: { firstBlock: 1, blocks: 2 } };
    world.restart();
    expect(find(world, 50)).to.deep.equal(expected);
    for (let round = 0; round < 3; round++) {
      world.checkpoint();
      world.powerCycle();
      expect(find(world, 50)).to.deep.equal(expected);
    }
  });

  it('are forgotten below the watermark, also after a restart', () => {
    const world = DiskWorld.formatted();
    for (let ioNumber = 1; ioNumber <= 20; ioNumber++)
      world.write(0, bytesOf(512, 1), { ioNumber, watermark: Math.max(1, ioNumber - 5) });
    const known = () =>
      Array.from({ length: 21 }, (_, ioNumber) => ioNumber).filter((each) => find(world, each));
    expect(known()).to.deep.equal([15, 16, 17, 18, 19, 20]);
    world.checkpoint();
    world.restart();
    expect(known()).to.deep.equal([15, 16, 17, 18, 19, 20]);
  });
});
