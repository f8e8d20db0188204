import { expect } from 'chai';
import { tagDigestsOf, tagRecordsOf } from '../../../actors/disk/tag-queries.ts';
import { Status } from '../../../protocols/codes.ts';
import {
  digestBytes,
  isTagLost,
  recordWriteNumber,
} from '../../../protocols/frames/tag-records.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from './disk-world.ts';

describe('block device', () => {
  it('reads zeros where nothing was written, and what was written where something was', () => {
    const world = DiskWorld.formatted();
    expect(world.read(0, 8192)).to.deep.equal(bytesOf(8192, 0));
    world.write(4096, bytesOf(4096, 5));
    expect(world.read(0, 4096)).to.deep.equal(bytesOf(4096, 0));
    expect(world.readBlock(1)).to.deep.equal(bytesOf(4096, 5));
  });

  it('never ends an operation before the call that began it has returned', () => {
    const world = DiskWorld.formatted();
    const { device } = world.disk;
    const ended: string[] = [];
    const into = new Uint8Array(4096);
    const request = { at: 0, lengthBytes: 4096, reference: 1, into, checksums: null };
    device.read(request, () => ended.push('read'));
    const write = world.writeRequest(0, bytesOf(4096, 1));
    device.write(write, () => ended.push('write'));
    device.write(write, () => ended.push('duplicate'));
    device.write({ ...write, isSettled: true }, () => ended.push('settled'));
    device.write(
      world.writeRequest(0, bytesOf(1, 1), { checksums: new DataView(new ArrayBuffer(4)) }),
      () => ended.push('bad checksum'),
    );
    device.flush(() => ended.push('flush'));
    expect(ended).to.deep.equal([]);
    world.settle();
    expect(ended).to.have.length(6);
  });

  for (const place of ['in the journal', 'at home'])
    it(`merges writes of any alignment into what is ${place}`, () => {
      const world = DiskWorld.formatted();
      const model = new Uint8Array(16 * blockBytes);
      for (let round = 0; round < 300; round++) {
        const at = world.random.integer(15 * blockBytes);
        const length = 1 + world.random.integer(Math.min(model.length - at, 3 * blockBytes));
        const [start, end] = round % 3 === 0 ? [at - (at % 512), at + length] : [at, at + length];
        const zeros = world.random.integer(4) === 0;
        const value = 1 + world.random.integer(255);
        const size = end - start;
        const request = zeros
          ? world.zeroRequest(start, size)
          : world.writeRequest(start, bytesOf(size, value));
        const result = world.begin(request);
        world.settle();
        expect(result.status).to.equal(Status.ok);
        model.fill(zeros ? 0 : value, start, end);
        if (place === 'at home' && round % 10 === 0) world.checkpoint();
        const from = world.random.integer(model.length - 1);
        const to = from + 1 + world.random.integer(model.length - from - 1);
        expect(world.read(from, to - from)).to.deep.equal(model.slice(from, to));
      }
      expect(world.read(0, model.length)).to.deep.equal(model);
      world.restart();
      expect(world.read(0, model.length)).to.deep.equal(model);
    });

  it('refuses bytes that do not match their checksums, and keeps the old ones', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(8192, 1));
    const request = world.writeRequest(0, bytesOf(8192, 2));
    request.data?.fill(3, 5000, 5001);
    const result = world.begin(request);
    world.settle();
    expect(result.status).to.equal(Status.invalid);
    expect(world.read(0, 8192)).to.deep.equal(bytesOf(8192, 1));
  });

  it('does not let an older or equal write over a newer one, block by block', () => {
    const world = DiskWorld.formatted();
    const old = world.writeRequest(0, bytesOf(3 * blockBytes, 1));
    const newer = world.writeRequest(blockBytes, bytesOf(blockBytes, 2));
    for (const request of [newer, old, newer, old]) {
      const result = world.begin(request);
      world.settle();
      expect(result.status).to.equal(Status.ok);
    }
    expect(world.readBlock(0)).to.deep.equal(bytesOf(blockBytes, 1));
    expect(world.readBlock(1)).to.deep.equal(bytesOf(blockBytes, 2));
    expect(world.readBlock(2)).to.deep.equal(bytesOf(blockBytes, 1));
  });

  it('orders writes by epoch first, then by write number', () => {
    const world = DiskWorld.formatted();
    const write = (value: number, epoch: number, writeNumber: number) =>
      world.write(0, bytesOf(blockBytes, value), { tag: { reference: 1, epoch, writeNumber } });
    write(1, 2, 50);
    write(2, 3, 1);
    expect(world.readBlock(0)[0]).to.equal(2);
    write(3, 2, 2 ** 40);
    expect(world.readBlock(0)[0]).to.equal(2);
    write(4, 2 ** 17, 2 ** 33);
    write(5, 2 ** 17, 2 ** 33 - 1);
    write(6, 2 ** 16, 2 ** 34);
    expect(world.readBlock(0)[0]).to.equal(4);
  });

  it('answers a late copy of a settled write without looking at the block', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(blockBytes, 1));
    world.write(0, bytesOf(blockBytes, 2), { isSettled: true });
    expect(world.readBlock(0)[0]).to.equal(1);
  });

  it('reads blocks of a former owner as zeros, and merges into zeros', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(2 * blockBytes, 1));
    world.checkpoint();
    expect(world.read(0, 8192, 2)).to.deep.equal(bytesOf(8192, 0));
    world.write(100, bytesOf(10, 9), { tag: { reference: 2, epoch: 0, writeNumber: 0 } });
    const expected = bytesOf(blockBytes, 0);
    expected.fill(9, 100, 110);
    expect(world.read(0, blockBytes, 2)).to.deep.equal(expected);
  });

  it('zeroes 64 MiB with one record and no data', () => {
    const world = DiskWorld.formatted({ sizeBytes: 128 * mebibyte });
    world.write(10 * blockBytes, bytesOf(blockBytes, 1));
    const { journal } = world.disk.device.parts;
    const before = journal.writtenBytes;
    const result = world.begin(world.zeroRequest(0, 64 * mebibyte));
    world.settle();
    expect(result.status).to.equal(Status.ok);
    expect(journal.writtenBytes - before).to.equal(blockBytes);
    expect(world.readBlock(10)).to.deep.equal(bytesOf(blockBytes, 0));
    world.powerCycle();
    expect([0, 1]).to.include(world.readBlock(10)[0]);
  });

  it('keeps a write with FUA through a power cut, and a late copy of it is durable before it is answered', () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = DiskWorld.formatted({ seed });
      world.write(0, bytesOf(blockBytes, 1), { fua: true });
      const request = world.writeRequest(4096, bytesOf(blockBytes, 2));
      world.begin(request);
      world.settle();
      const late = world.begin({ ...request, fua: true });
      world.settle();
      expect(late.status).to.equal(Status.ok);
      world.powerCycle();
      expect(world.readBlock(0)[0]).to.equal(1);
      expect(world.readBlock(1)[0]).to.equal(2);
    }
  });

  it('shares one flush among all who wait for one', () => {
    const world = DiskWorld.formatted({ latency: { readMs: 0, writeMs: 0, flushMs: 10 } });
    const { commit } = world.disk.device.parts.journal;
    const results = Array.from({ length: 50 }, (_, index) =>
      world.begin(world.writeRequest(index * blockBytes, bytesOf(blockBytes, 1), { fua: true })),
    );
    world.settle();
    expect(results.every(({ status }) => status === Status.ok)).to.equal(true);
    expect(commit.flushes).to.be.at.most(2);
    const before = commit.flushes;
    world.flush();
    expect(commit.flushes, 'nothing is left to flush').to.equal(before);
  });

  it('believes nothing any more once a flush has failed, whatever later ones say', () => {
    let fails = false;
    const world = DiskWorld.formatted({
      wrapStore: (store) => ({
        sizeBytes: store.sizeBytes,
        read: (at, into, done) => store.read(at, into, done),
        write: (at, pieces, done) => store.write(at, pieces, done),
        close: (done) => store.close(done),
        flush: (done) =>
          store.flush(() => done(fails ? { kind: 'sync-failed', detail: 'EIO' } : null)),
      }),
    });
    const { device } = world.disk;
    world.write(0, bytesOf(blockBytes, 1));
    fails = true;
    const statuses: Status[] = [];
    const waiting = world.begin(world.writeRequest(0, bytesOf(blockBytes, 2), { fua: true }));
    device.flush((status) => statuses.push(status));
    world.settle();
    fails = false;
    device.flush((status) => statuses.push(status));
    const later = world.begin(world.writeRequest(4096, bytesOf(blockBytes, 3)));
    world.settle();
    expect([...statuses, waiting.status, later.status]).to.deep.equal(Array(4).fill(Status.media));
    expect(world.tryRead(0, blockBytes).status).to.equal(Status.media);
    expect(world.failures).to.deep.equal(['EIO']);
  });

  it('answers busy while the journal is full, and goes on when it has been emptied', () => {
    const world = DiskWorld.formatted({ latency: { readMs: 0, writeMs: 0, flushMs: 50 } });
    const statuses = new Set<number>();
    for (let index = 0; index < 60; index++) {
      const at = (index % 4) * 64 * blockBytes;
      world.begin(world.writeRequest(at, bytesOf(64 * blockBytes, index)), (status) =>
        statuses.add(status),
      );
      world.clock.runFor(0.1);
    }
    world.settle();
    expect([...statuses].sort()).to.deep.equal([Status.ok, Status.busy]);
    world.write(0, bytesOf(blockBytes, 200));
    expect(world.readBlock(0)[0]).to.equal(200);
  });

  it('reports the block whose bytes rotted, serves the others, and a whole write makes it good', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(4 * blockBytes, 1));
    world.checkpoint();
    const { homeStart } = world.disk.device.parts.layout;
    world.medium.corrupt(homeStart + 2 * blockBytes + 77, (bytes) => bytes.fill(0x55), 1);
    expect(world.tryRead(0, 4 * blockBytes)).to.include({ status: Status.media });
    expect(world.tryRead(2 * blockBytes, 1)).to.include({
      status: Status.media,
      what: 'block 2 does not match its checksum',
    });
    expect(world.readBlock(1)).to.deep.equal(bytesOf(blockBytes, 1));
    const partial = world.begin(world.writeRequest(2 * blockBytes, bytesOf(512, 2)));
    world.settle();
    expect(partial.status).to.equal(Status.media);
    world.write(2 * blockBytes, bytesOf(blockBytes, 3));
    expect(world.readBlock(2)).to.deep.equal(bytesOf(blockBytes, 3));
  });

  it('finds rotten tags: their blocks answer media errors until they are written as a whole', () => {
    const world = DiskWorld.formatted();
    world.write(0, bytesOf(40 * blockBytes, 1));
    world.checkpoint();
    world.medium.corrupt(world.disk.device.parts.layout.tagsStart + 100, (b) => b.fill(0x55), 1);
    world.restart();
    expect(world.tryRead(3 * blockBytes, blockBytes).status).to.equal(Status.media);
    expect(world.readBlock(31)).to.deep.equal(bytesOf(blockBytes, 1));
    const partial = world.begin(world.writeRequest(0, bytesOf(512, 2)));
    world.settle();
    expect(partial.status).to.equal(Status.media);
    world.write(0, bytesOf(blockBytes, 2));
    world.checkpoint();
    world.restart();
    expect(world.readBlock(0)).to.deep.equal(bytesOf(blockBytes, 2));
    expect(world.tryRead(blockBytes, blockBytes).status).to.equal(Status.media);
  });

  it('tells that tags are lost, which is not the same as never written, and makes no digest of them', () => {
    const world = DiskWorld.formatted();
    world.write(31 * blockBytes, bytesOf(blockBytes, 1));
    world.checkpoint();
    world.medium.corrupt(world.disk.device.parts.layout.tagsStart + 100, (b) => b.fill(0x55), 1);
    world.restart();
    expect(world.tryRead(0, blockBytes).status).to.equal(Status.media);
    const { tags } = world.disk.device.parts;
    const range = { firstBlock: 0, blocks: 40, reference: 1 };
    const bytes = tagRecordsOf(tags, range);
    const records = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const lost = Array.from({ length: 40 }, (_, at) => at).filter((at) => isTagLost(records, at));
    expect(lost).to.deep.equal(Array.from({ length: 31 }, (_, at) => at));
    expect([31, 32].map((at) => recordWriteNumber(records, at) > 0)).to.deep.equal([true, false]);
    expect(tagDigestsOf(tags, range)).to.deep.equal(new Uint8Array(digestBytes));
    for (let at = 0; at < 31; at++) world.write(at * blockBytes, bytesOf(blockBytes, 2));
    expect(tagDigestsOf(tags, range)).to.not.deep.equal(new Uint8Array(digestBytes));
  });

  it('finds tags that were written to the wrong place', () => {
    const world = DiskWorld.formatted({ sizeBytes: 16 * mebibyte });
    world.write(0, bytesOf(blockBytes, 1));
    world.write(300 * blockBytes, bytesOf(blockBytes, 2));
    world.checkpoint();
    const { tagsStart } = world.disk.device.parts.layout;
    const other = world.medium.peek(tagsStart + blockBytes, blockBytes);
    world.medium.corrupt(tagsStart, (bytes) => bytes.set(other), blockBytes);
    world.restart();
    expect(world.tryRead(0, blockBytes).status).to.equal(Status.media);
  });
});
