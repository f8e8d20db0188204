/** Reads and merges that are overtaken: by writes, by checkpoints, and by the journal's ring coming round. */
import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from './disk-world.ts';
import { HeldStore } from './held-store.ts';

function heldWorld(): { world: DiskWorld; store: HeldStore } {
  const store = new HeldStore();
  const world = DiskWorld.formatted({ wrapStore: store.wrap, sizeBytes: 16 * mebibyte });
  return { world, store };
}

/** Holds back the reads of the home area, or of the journal. */
function holdReads(world: DiskWorld, store: HeldStore, area: 'home' | 'journal'): void {
  const { homeStart, journalStart, tagsStart } = world.disk.device.parts.layout;
  const [from, to] =
    area === 'home' ? [homeStart, Number.POSITIVE_INFINITY] : [journalStart, tagsStart];
  store.holds = (kind, at) => kind === 'read' && at >= from && at < to;
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
    const { world, store } = heldWorld();
    world.write(0, bytesOf(blockBytes, 1));
    world.checkpoint();
    holdReads(world, store, 'home');
    const read = beginRead(world, 0, blockBytes);
    expect(store.held).to.have.length(1);
    world.write(0, bytesOf(blockBytes, 2));
    world.checkpoint();
    store.letGo();
    world.settle();
    expect(read.status).to.equal(Status.ok);
    expect(read.into).to.deep.equal(bytesOf(blockBytes, 2));
  });

  it('from the journal, whose ring comes round meanwhile, reads again at home', () => {
    const { world, store } = heldWorld();
    world.write(0, bytesOf(blockBytes, 1));
    holdReads(world, store, 'journal');
    const read = beginRead(world, 0, blockBytes);
    store.holds = () => false;
    const { journalBytes } = world.disk.device.parts.layout;
    for (let index = 0; index < 100; index++)
      world.write((1 + (index % 8) * 16) * blockBytes, bytesOf(16 * blockBytes, 7));
    expect(world.disk.device.parts.journal.endPosition).to.be.greaterThan(journalBytes);
    store.letGo();
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
    const { world, store } = heldWorld();
    world.write(0, bytesOf(blockBytes, 1));
    world.checkpoint();
    holdReads(world, store, 'home');
    const overtaker = world.writeRequest(0, bytesOf(1024, 2));
    const partial = world.begin(world.writeRequest(2048, bytesOf(1024, 3)));
    world.settle();
    expect(partial.status).to.equal('pending');
    const held = store.held.splice(0);
    store.holds = () => false;
    world.begin(overtaker);
    world.settle();
    for (const read of held) read();
    world.settle();
    expect(partial.status).to.equal(Status.ok);
    const expected = bytesOf(blockBytes, 1);
    expected.fill(2, 0, 1024);
    expected.fill(3, 2048, 3072);
    expect(world.readBlock(0)).to.deep.equal(expected);
  });

  it('that is a late copy is answered without reading anything', () => {
    const { world, store } = heldWorld();
    const request = world.writeRequest(512, bytesOf(512, 1));
    world.begin(request);
    world.settle();
    world.checkpoint();
    store.holds = (kind) => kind === 'read';
    const late = world.begin(request);
    world.settle();
    expect(late.status).to.equal(Status.ok);
  });
});

describe('the journal’s space', () => {
  it('is used again only once the checkpoint that releases it is durable', () => {
    const { world, store } = heldWorld();
    const latest = { status: -1 as number };
    const tryWrite = () => {
      const request = world.writeRequest(0, bytesOf(64 * blockBytes, 1));
      world.begin(request, (status) => {
        latest.status = status;
      });
      world.settle();
      return latest.status;
    };
    let flushes = 0;
    store.holds = (kind) => {
      if (kind === 'flush') flushes += 1;
      return kind === 'flush' && flushes > 2;
    };
    while (tryWrite() !== Status.busy);
    // Two flushes went through: of the journal, and of the home area. The third one makes the checkpoint durable.
    expect(store.held).to.have.length(1);
    expect(world.disk.device.writeBehind.checkpoints).to.equal(0);
    expect(tryWrite()).to.equal(Status.busy);
    store.letGo();
    world.settle();
    expect(tryWrite()).to.equal(Status.ok);
  });

  it('is acknowledged in order: a record is not, while one before it is still on its way', () => {
    const { world, store } = heldWorld();
    const { journalStart } = world.disk.device.parts.layout;
    store.holds = (kind, at) => kind === 'write' && at === journalStart;
    const first = world.begin(world.writeRequest(0, bytesOf(blockBytes, 1)));
    world.settle();
    const second = world.begin(world.writeRequest(blockBytes, bytesOf(blockBytes, 2)));
    world.settle();
    expect([first.status, second.status]).to.deep.equal(['pending', 'pending']);
    store.letGo();
    world.settle();
    expect([first.status, second.status]).to.deep.equal([Status.ok, Status.ok]);
  });
});
