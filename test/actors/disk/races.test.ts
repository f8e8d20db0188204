/** Reads and merges that are overtaken: by writes, by checkpoints, and by the journal's ring coming round. */
import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import type { BlockStore } from '../../../protocols/ports.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from './disk-world.ts';

/** Holds back reads of a part of the store until they are let go; then they read what is there then. */
class SlowReads {
  from = Number.POSITIVE_INFINITY;
  to = Number.POSITIVE_INFINITY;
  readonly held: (() => void)[] = [];

  wrap(store: BlockStore): BlockStore {
    return {
      sizeBytes: store.sizeBytes,
      read: (at, into, done) => {
        if (at >= this.from && at < this.to) this.held.push(() => store.read(at, into, done));
        else store.read(at, into, done);
      },
      write: (at, pieces, done) => store.write(at, pieces, done),
      flush: (done) => store.flush(done),
      close: (done) => store.close(done),
    };
  }

  letGo(): void {
    this.from = Number.POSITIVE_INFINITY;
    for (const read of this.held.splice(0)) read();
  }
}

function worldWithSlowReads(): { world: DiskWorld; slow: SlowReads } {
  const slow = new SlowReads();
  const world = DiskWorld.formatted({
    wrapStore: (store) => slow.wrap(store),
    sizeBytes: 16 * mebibyte,
  });
  return { world, slow };
}

function beginRead(world: DiskWorld, at: number, lengthBytes: number) {
  const into = new Uint8Array(lengthBytes);
  const result = { status: -1 as number, into };
  const request = { at, lengthBytes, reference: 1, into, checksums: null };
  world.disk.device.read(request, (status) => {
    result.status = status;
  });
  world.settle();
  return result;
}

describe('a slow read', () => {
  it('from home sees the block move under it, and reads again', () => {
    const { world, slow } = worldWithSlowReads();
    world.write(0, bytesOf(blockBytes, 1));
    world.checkpoint();
    slow.from = world.disk.device.parts.layout.homeStart;
    const read = beginRead(world, 0, blockBytes);
    expect(slow.held).to.have.length(1);
    world.write(0, bytesOf(blockBytes, 2));
    world.checkpoint();
    slow.letGo();
    world.settle();
    expect(read.status).to.equal(Status.ok);
    expect(read.into).to.deep.equal(bytesOf(blockBytes, 2));
  });

  it('from the journal, whose ring comes round meanwhile, reads again at home', () => {
    const { world, slow } = worldWithSlowReads();
    world.write(0, bytesOf(blockBytes, 1));
    const { journalStart, journalBytes } = world.disk.device.parts.layout;
    slow.from = journalStart;
    slow.to = journalStart + journalBytes;
    const read = beginRead(world, 0, blockBytes);
    slow.from = Number.POSITIVE_INFINITY;
    for (let index = 0; index < 100; index++)
      world.write((1 + (index % 8) * 16) * blockBytes, bytesOf(16 * blockBytes, 7));
    expect(world.disk.device.parts.journal.endPosition).to.be.greaterThan(journalBytes);
    slow.letGo();
    world.settle();
    expect(read.status).to.equal(Status.ok);
    expect(read.into).to.deep.equal(bytesOf(blockBytes, 1));
  });

  it('sees a write of its own turn that is not on its way to the store yet', () => {
    const world = DiskWorld.formatted();
    world.begin(world.writeRequest(0, bytesOf(blockBytes, 1)));
    expect(beginRead(world, 0, blockBytes).into).to.deep.equal(bytesOf(blockBytes, 1));
  });

  it('of many blocks, here and there, gives each block as it was at one moment', () => {
    const world = DiskWorld.formatted({ latency: { readMs: 5, writeMs: 5, flushMs: 5 } });
    const { random } = world;
    const reads: { into: Uint8Array; status: number }[] = [];
    let value = 0;
    for (let round = 0; round < 300; round++) {
      const first = random.integer(32);
      value = (value % 255) + 1;
      world.begin(world.writeRequest(first * blockBytes, bytesOf(4 * blockBytes, value)));
      const into = new Uint8Array(36 * blockBytes);
      const read = { into, status: -1 as number };
      const request = { at: 0, lengthBytes: into.length, reference: 1, into, checksums: null };
      world.disk.device.read(request, (status) => {
        read.status = status;
      });
      reads.push(read);
      if (round % 20 === 0) world.disk.device.writeBehind.drain(() => {});
      world.clock.runFor(random.integer(4));
    }
    world.settle();
    for (const { into, status } of reads) {
      if (status === Status.busy) continue;
      expect(status).to.equal(Status.ok);
      for (let block = 0; block < 36; block++) {
        const bytes = into.subarray(block * blockBytes, (block + 1) * blockBytes);
        expect(bytes.every((byte) => byte === bytes[0])).to.equal(true);
      }
    }
    expect(reads.filter(({ status }) => status === Status.ok).length).to.be.greaterThan(250);
  });
});

describe('a write of a part of a block', () => {
  it('that is overtaken while it reads the old bytes, merges into the newer ones', () => {
    const { world, slow } = worldWithSlowReads();
    world.write(0, bytesOf(blockBytes, 1));
    world.checkpoint();
    slow.from = world.disk.device.parts.layout.homeStart;
    const overtaker = world.writeRequest(0, bytesOf(1024, 2));
    const partial = world.begin(world.writeRequest(2048, bytesOf(1024, 3)));
    world.settle();
    expect(partial.status).to.equal('pending');
    const hold = slow.held.splice(0);
    slow.from = Number.POSITIVE_INFINITY;
    world.begin(overtaker);
    world.settle();
    for (const read of hold) read();
    world.settle();
    expect(partial.status).to.equal(Status.ok);
    const expected = bytesOf(blockBytes, 1);
    expected.fill(2, 0, 1024);
    expected.fill(3, 2048, 3072);
    expect(world.readBlock(0)).to.deep.equal(expected);
  });

  it('that is a late copy is answered without reading anything', () => {
    const { world, slow } = worldWithSlowReads();
    const request = world.writeRequest(512, bytesOf(512, 1));
    world.begin(request);
    world.settle();
    world.checkpoint();
    slow.from = 0;
    const late = world.begin(request);
    world.settle();
    expect(late.status).to.equal(Status.ok);
  });
});
