/** Reading a disk that was not closed, with little memory, and without changing it. */
import { expect } from 'chai';
import { tagsPerPage } from '../../../actors/disk/block-tags.ts';
import { readBlocks } from '../../../cluster/fsck/block-reader.ts';
import { readDisk } from '../../../cluster/fsck/examined-disk.ts';
import { createSystemClock } from '../../../cluster/system-clock.ts';
import type { BlockStore } from '../../../protocols/ports.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from '../../actors/disk/disk-world.ts';

/** The medium of a disk that does not run, for reading; whoever writes has failed. */
function mediumOf({ medium }: DiskWorld): BlockStore {
  const refuse = () => {
    throw new Error('it was written to');
  };
  return {
    sizeBytes: medium.sizeBytes,
    read: (at, into, done) => {
      medium.readInto(at, into);
      setImmediate(() => done(null));
    },
    write: refuse,
    flush: refuse,
    close: (done) => setImmediate(done),
  };
}

describe('a disk that is examined', () => {
  it('has changed more tag pages since its last checkpoint than are kept in memory otherwise', async () => {
    const pages = 400;
    const world = DiskWorld.formatted({ sizeBytes: 480 * mebibyte });
    for (let page = 0; page < pages; page++)
      world.write(page * tagsPerPage * blockBytes, bytesOf(blockBytes, 1 + (page % 250)));
    world.flush();
    const read = await readDisk(mediumOf(world), createSystemClock());
    if (read.kind !== 'valid') throw new Error(read.kind);
    expect(read.replayed).to.include({ ok: true, isTorn: false, damagedRecords: 0 });
    expect(read.parts.tags.changedPages).to.equal(pages);
    for (const page of [0, 17, pages - 1]) {
      const range = { firstBlock: page * tagsPerPage, blocks: 2, reference: 1 };
      const { bytes, states, readBlocks: blocks } = await readBlocks(read.parts, range);
      expect([bytes[0], bytes[blockBytes], ...states, blocks]).to.deep.equal([
        1 + (page % 250),
        0,
        0,
        0,
        1,
      ]);
    }
  });

  it('keeps few tag pages of a large disk, however much of it is read', async () => {
    const world = DiskWorld.formatted({ sizeBytes: 480 * mebibyte });
    const read = await readDisk(mediumOf(world), createSystemClock());
    if (read.kind !== 'valid') throw new Error(read.kind);
    const { layout, tags } = read.parts;
    const blocks = mebibyte / blockBytes;
    for (let firstBlock = 0; firstBlock + blocks < layout.homeBlocks; firstBlock += blocks)
      await readBlocks(read.parts, { firstBlock, blocks, reference: 1 });
    expect(layout.tagPages).to.be.above(400);
    expect(tags.cachedPages).to.be.within(1, 256);
  });
});
