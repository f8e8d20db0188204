/**
 * A fixed piece of work, cut off at every single operation of the store, one after the other: at the checkpoint, at
 * the superblock, at the journal's wrap. After each cut the disk must open and hold what it promised.
 */
import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import type { BlockStore } from '../../../protocols/ports.ts';
import { blockBytes, kibibyte, mebibyte } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from './disk-world.ts';

class Cut extends Error {}

/** Lets so many operations through; the next one is the end, before or after it reached the store. */
class CountedStore {
  operations = 0;
  readonly #cutAt: number;
  readonly #isReached: boolean;

  constructor(cutAt: number, isReached: boolean) {
    this.#cutAt = cutAt;
    this.#isReached = isReached;
  }

  wrap(store: BlockStore): BlockStore {
    return {
      sizeBytes: store.sizeBytes,
      read: (at, into, done) => store.read(at, into, done),
      write: (at, pieces, done) => this.#count(() => store.write(at, pieces, done)),
      flush: (done) => this.#count(() => store.flush(done)),
      close: (done) => store.close(done),
    };
  }

  #count(run: () => void): void {
    this.operations += 1;
    if (this.operations < this.#cutAt) run();
    else {
      if (this.#isReached) run();
      throw new Cut();
    }
  }
}

/** Writes two generations of blocks, flushes the first, has a checkpoint made and writes some more. */
function work(world: DiskWorld, flushed: Set<number>): void {
  for (let block = 0; block < 6; block++) {
    world.write(block * blockBytes, bytesOf(blockBytes, 1));
  }
  world.flush();
  for (let block = 0; block < 6; block++) flushed.add(block);
  for (let block = 0; block < 3; block++) {
    world.begin(world.writeRequest(block * blockBytes, bytesOf(blockBytes, 2)));
  }
  world.begin(world.zeroRequest(5 * blockBytes, blockBytes));
  world.disk.device.writeBehind.drain(() => {});
  // While the checkpoint goes on, blocks that belong to it change again.
  for (let turn = 0; turn < 40; turn++) {
    world.begin(world.writeRequest((turn % 2) * blockBytes, bytesOf(blockBytes, 3)));
    world.clock.runFor(1);
  }
  world.checkpoint();
  world.write(4 * blockBytes, bytesOf(blockBytes, 4));
}

const allowed: readonly (readonly number[])[] = [[1, 2, 3], [1, 2, 3], [1, 2], [1], [1, 4], [1, 0]];

/** @returns false when the work was done before the cut. */
function cutAt(operation: number, isReached: boolean, seed: number): boolean {
  const counted = new CountedStore(Number.POSITIVE_INFINITY, false);
  let current = counted;
  const world = new DiskWorld({
    seed: `${operation} ${isReached} ${seed}`,
    latency: { readMs: 1, writeMs: 2, flushMs: 3 },
    wrapStore: (store) => current.wrap(store),
  });
  world.format();
  world.open();
  current = new CountedStore(operation, isReached);
  const flushed = new Set<number>();
  let wasCut = false;
  try {
    world.restart();
    work(world, flushed);
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    wasCut = true;
  }
  current = counted;
  world.powerCycle();
  for (const [block, values] of allowed.entries()) {
    const found = world.readBlock(block);
    const [value = -1] = found;
    expect(found, `block ${block} is whole`).to.deep.equal(bytesOf(blockBytes, value));
    const expected = flushed.has(block) ? values : [0, ...values];
    expect(expected, `block ${block} after ${operation} operations`).to.include(value);
  }
  return wasCut;
}

describe('a disk cut off', () => {
  for (const isReached of [false, true])
    it(`at any operation, which ${isReached ? 'had' : 'had not'} reached the store, keeps its promises`, function () {
      this.timeout(60_000);
      let operation = 1;
      for (let wasCut = true; wasCut; operation++)
        for (let seed = 0; seed < 4; seed++) wasCut = cutAt(operation, isReached, seed);
      expect(operation).to.be.greaterThan(40);
    });

  it('at any operation of opening, opens the next time', () => {
    for (let operation = 1; operation < 6; operation++)
      for (const isReached of [false, true]) {
        let current: CountedStore | null = null;
        const world = new DiskWorld({
          seed: `open ${operation} ${isReached}`,
          wrapStore: (store) => current?.wrap(store) ?? store,
        });
        world.format();
        world.open();
        world.write(0, bytesOf(blockBytes, 1));
        current = new CountedStore(operation, isReached);
        try {
          world.restart();
        } catch (error) {
          if (!(error instanceof Cut)) throw error;
        }
        current = null;
        world.powerCycle();
        expect(world.disk.superblock.content.instance).to.be.at.least(2);
        expect([0, 1]).to.include(world.readBlock(0)[0]);
      }
  });
});

describe('the journal’s ring', () => {
  it('goes round many times, with cuts and kills at any place of it, and never serves an old lap', function () {
    this.timeout(60_000);
    const world = DiskWorld.formatted({ seed: 'laps' });
    const { random } = world;
    const model = new Map<number, number>();
    let value = 0;
    let writtenBytes = 0;
    const { journalBytes } = world.disk.device.parts.layout;
    while (writtenBytes < 6 * journalBytes) {
      value = (value % 255) + 1;
      const first = random.integer(300);
      const blocks = 1 + random.integer(60);
      const result = world.begin(
        world.writeRequest(first * blockBytes, bytesOf(blocks * blockBytes, value)),
      );
      world.settle();
      if (result.status === Status.busy) continue;
      expect(result.status).to.equal(Status.ok);
      writtenBytes += blocks * blockBytes;
      for (let block = first; block < first + blocks; block++) model.set(block, value);
      const event = random.integer(12);
      if (event === 0) world.restart();
      if (event === 1) {
        world.flush();
        world.powerCycle();
      }
      if (event < 2)
        for (const [block, expected] of model)
          expect(world.readBlock(block)[0], `block ${block}`).to.equal(expected);
    }
    expect(world.disk.device.parts.journal.endPosition).to.be.greaterThan(6 * journalBytes);
  });

  it('keeps what a full journal holds: as much as it can before it answers busy', () => {
    const latency = { readMs: 0, writeMs: 0, flushMs: 1e6 };
    const world = DiskWorld.formatted({ latency, sizeBytes: 16 * mebibyte });
    let accepted = 0;
    for (let index = 0; index < 40; index++) {
      const request = world.writeRequest(index * 32 * blockBytes, bytesOf(32 * blockBytes, 5));
      world.begin(request, (status) => {
        if (status === Status.ok) accepted += 1;
      });
      world.clock.runFor(1);
    }
    expect(accepted).to.be.within(20, 32);
    world.restart();
    for (let index = 0; index < accepted; index++)
      expect(world.read(index * 128 * kibibyte, 128 * kibibyte)).to.deep.equal(
        bytesOf(128 * kibibyte, 5),
      );
  });
});
