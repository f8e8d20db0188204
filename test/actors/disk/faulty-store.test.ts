/** A disk on a medium that fails, lies or loses: what it says, and that it never hands out wrong bytes. */
import { expect } from 'chai';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { FaultyStore } from '../../../cluster/stores/faults.ts';
import { Status } from '../../../protocols/codes.ts';
import type { BlockStore, Clock } from '../../../protocols/ports.ts';
import { blockBytes, mebibyte, sectorBytes } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from './disk-world.ts';

function faulty() {
  let current: FaultyStore | null = null;
  const wrapStore = (store: BlockStore, clock: Clock) => {
    current = new FaultyStore(store, clock, new SeededRandom('faults'));
    return current;
  };
  const world = DiskWorld.formatted({ sizeBytes: 16 * mebibyte, wrapStore });
  const { homeStart } = world.disk.device.parts.layout;
  const faults = () => {
    if (current === null) throw new Error('no store');
    return current;
  };
  /** Where the block is in the journal. */
  const journaledAt = (block: number) => {
    const { journal, locations } = world.disk.device.parts;
    return journal.placeOf(locations.find(block));
  };
  return { world, faults, homeStart, journaledAt };
}

describe('a disk on a faulty store', () => {
  it('answers media for a block that cannot be read, serves the others, and is made good by a write', () => {
    const { world, faults, homeStart } = faulty();
    world.write(0, bytesOf(4 * blockBytes, 1));
    world.checkpoint();
    const range = { atBytes: homeStart + blockBytes, lengthBytes: blockBytes };
    faults().inject({ kind: 'read-error', ...range });
    expect(world.tryRead(blockBytes, 10).status).to.equal(Status.media);
    expect(world.readBlock(0)[0]).to.equal(1);
    world.write(blockBytes, bytesOf(blockBytes, 2));
    expect(world.readBlock(1)[0]).to.equal(2);
  });

  it('loses no more than one block by a bad sector in its journal, and that one is made good by a write', () => {
    const { world, journaledAt } = faulty();
    world.write(0, bytesOf(16 * blockBytes, 9));
    world.checkpoint();
    world.write(0, bytesOf(16 * blockBytes, 1), { fua: true });
    world.write(16 * blockBytes, bytesOf(blockBytes, 1), { fua: true });
    world.medium.spoil(journaledAt(5) + sectorBytes);
    const expectOneBad = () => {
      expect(world.failures).to.deep.equal([]);
      for (let block = 0; block <= 16; block++) {
        const read = world.tryRead(block * blockBytes, blockBytes);
        expect(read.status, `block ${block}`).to.equal(block === 5 ? Status.media : Status.ok);
        if (block !== 5) expect(read.bytes).to.deep.equal(bytesOf(blockBytes, 1));
      }
    };
    expectOneBad();
    world.restart();
    expectOneBad();
    world.checkpoint();
    expect(world.disk.device.counters().unreadBlocks).to.equal(1);
    expectOneBad();
    world.restart();
    expectOneBad();
    world.write(5 * blockBytes, bytesOf(blockBytes, 2));
    world.checkpoint();
    expect(world.readBlock(5)).to.deep.equal(bytesOf(blockBytes, 2));
  });

  it('writes nothing home of a slice of its journal that it could not read for another reason', () => {
    const { world, homeStart } = faulty();
    world.write(0, bytesOf(blockBytes, 9));
    world.checkpoint();
    world.write(0, bytesOf(blockBytes, 1));
    const { store } = world.disk.device.parts;
    const write = store.write.bind(store);
    const writtenAt: number[] = [];
    store.write = (at, pieces, done) => {
      writtenAt.push(at);
      write(at, pieces, done);
    };
    store.read = (_at, _into, done) =>
      world.clock.soon(() => done({ kind: 'sync-failed', detail: 'an earlier fdatasync failed' }));
    world.disk.device.writeBehind.drain(() => {});
    world.settle();
    expect(world.failures).to.deep.equal(['an earlier fdatasync failed']);
    expect(writtenAt.filter((at) => at >= homeStart)).to.be.empty;
  });

  it('never hands out flipped bits', () => {
    const { world, faults } = faulty();
    world.write(0, bytesOf(16 * blockBytes, 1));
    world.checkpoint();
    for (let round = 0; round < 50; round++) {
      faults().inject({ kind: 'corrupt', operations: 1 });
      expect(world.tryRead(0, 16 * blockBytes).status).to.equal(Status.media);
      expect(world.read(0, 16 * blockBytes)).to.deep.equal(bytesOf(16 * blockBytes, 1));
    }
    expect(faults().hits.corrupt).to.equal(50);
  });

  for (const kind of ['lost', 'misdirected'] as const)
    it(`finds home writes that were ${kind}, instead of handing out old or foreign bytes`, () => {
      const { world, faults, homeStart } = faulty();
      world.write(0, bytesOf(8 * blockBytes, 1));
      world.checkpoint();
      faults().inject({ kind, atBytes: homeStart });
      world.write(2 * blockBytes, bytesOf(blockBytes, 2));
      world.checkpoint();
      faults().heal();
      expect(world.tryRead(2 * blockBytes, blockBytes).status).to.equal(Status.media);
      const next = world.tryRead(3 * blockBytes, blockBytes);
      if (kind === 'lost') expect(next.bytes).to.deep.equal(bytesOf(blockBytes, 1));
      else expect(next.status).to.equal(Status.media);
    });

  it('loses the tags of one sector only, where a page of tags cannot be read', () => {
    const { world, faults } = faulty();
    world.write(0, bytesOf(64 * blockBytes, 1));
    world.checkpoint();
    world.restart();
    const { tagsStart } = world.disk.device.parts.layout;
    faults().inject({ kind: 'read-error', atBytes: tagsStart + 512, lengthBytes: 1 });
    expect(world.readBlock(0)[0]).to.equal(1);
    expect(world.tryRead(31 * blockBytes, blockBytes).status).to.equal(Status.media);
    expect(world.readBlock(62)[0]).to.equal(1);
    world.write(31 * blockBytes, bytesOf(blockBytes, 2));
    expect(world.readBlock(31)[0]).to.equal(2);
  });

  it('keeps what it has when space runs out, answers no-space, and goes on when there is some', () => {
    const { world, faults, homeStart } = faulty();
    faults().inject({ kind: 'no-space', atBytes: homeStart });
    const statuses = new Set<Status>();
    let accepted = 0;
    for (let index = 0; index < 60; index++) {
      const request = world.writeRequest(index * 32 * blockBytes, bytesOf(32 * blockBytes, 7));
      world.begin(request, (status) => {
        statuses.add(status);
        if (status === Status.ok) accepted += 1;
      });
      world.clock.runFor(10);
    }
    expect([...statuses]).to.deep.equal([Status.ok, Status.noSpace]);
    expect(world.failures).to.deep.equal([]);
    faults().heal();
    world.clock.runFor(5000);
    world.write(59 * 32 * blockBytes, bytesOf(blockBytes, 8));
    for (let index = 0; index < accepted; index++)
      expect(world.readBlock(index * 32)[0]).to.equal(7);
  });

  it('fails for ever when its journal cannot be written, and keeps what it had acknowledged', () => {
    const { world, faults } = faulty();
    world.write(0, bytesOf(blockBytes, 1));
    faults().inject({ kind: 'write-error', operations: 1 });
    const failed = world.begin(world.writeRequest(0, bytesOf(blockBytes, 2)));
    world.settle();
    const later = world.begin(world.writeRequest(0, bytesOf(blockBytes, 3)));
    world.settle();
    expect([failed.status, later.status]).to.deep.equal([Status.media, Status.media]);
    expect(world.failures).to.have.length(1);
    world.restart();
    expect(world.readBlock(0)[0]).to.equal(1);
  });

  it('waits for a slow store', () => {
    const { world, faults } = faulty();
    faults().inject({ kind: 'slow', delayMs: 500 });
    const start = world.clock.now();
    world.write(0, bytesOf(blockBytes, 1), { fua: true });
    expect(world.clock.now() - start).to.be.at.least(1000);
  });
});
