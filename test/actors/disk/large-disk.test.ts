import { expect } from 'chai';
import { homeBytes, layoutOf, storeBytesMin } from '../../../actors/disk/disk-layout.ts';
import { cachedPagesMax, changedPagesMax } from '../../../actors/disk/tag-pages.ts';
import { Status } from '../../../protocols/codes.ts';
import { blockBytes, kibibyte, mebibyte } from '../../../protocols/units.ts';
import { bytesOf, DiskWorld } from './disk-world.ts';

const gibibyte = 1024 * mebibyte;
const tebibyte = 1024 * gibibyte;

describe('the layout of a disk', () => {
  it('leaves its home area all but 1 part in 200, and the rest of a large disk is for tags', () => {
    const layout = layoutOf(tebibyte);
    if (layout === null) throw new Error('no layout');
    const usedBytes = tebibyte - homeBytes(tebibyte);
    expect(layout.tagPages * blockBytes).to.be.within(4.1 * gibibyte, 4.15 * gibibyte);
    expect(usedBytes - layout.tagPages * blockBytes).to.be.below(128 * mebibyte);
  });

  it('never overlaps, is made of whole blocks, and gives more to a larger store', () => {
    let before = 0;
    for (
      let sizeBytes = storeBytesMin;
      sizeBytes < 5 * tebibyte;
      sizeBytes = Math.floor(sizeBytes * 1.37)
    ) {
      const layout = layoutOf(sizeBytes);
      if (layout === null) throw new Error('no layout');
      const starts = [
        ...layout.superblockStarts.flat().slice(0, 2),
        layout.checkpointStart,
        layout.drlStart,
        layout.missedMapsStart,
        layout.journalStart,
        layout.tagsStart,
        layout.homeStart,
        layout.homeStart + layout.homeBlocks * blockBytes,
        ...layout.superblockStarts.flat().slice(2),
      ];
      expect([...starts].sort((one, other) => one - other)).to.deep.equal(starts);
      expect(starts.every((start) => start % blockBytes === 0)).to.equal(true);
      expect(layout.sizeBytes).to.be.within(sizeBytes - blockBytes, sizeBytes);
      expect(layout.tagPages * 248).to.be.at.least(layout.homeBlocks);
      expect(layout.journalBytes).to.be.within(4 * mebibyte, 64 * mebibyte);
      expect(homeBytes(sizeBytes)).to.be.greaterThan(before);
      before = homeBytes(sizeBytes);
    }
    expect(homeBytes(storeBytesMin - 1)).to.equal(0);
  });
});

describe('a disk of 1 TiB', () => {
  it('costs memory and space for what is used of it, and no more than its cache', function () {
    this.timeout(60_000);
    const world = DiskWorld.formatted({ sizeBytes: tebibyte, seed: 'large' });
    expect(world.medium.residentBytes).to.be.below(mebibyte);
    const { tags } = world.disk.device.parts;
    const { homeBlocks } = world.disk.device.parts.layout;
    const written = new Map<number, number>();
    for (let index = 0; index < 6000; index++) {
      const block = world.random.integer(homeBlocks);
      const value = 1 + (index % 255);
      const request = world.writeRequest(block * blockBytes, bytesOf(512, value));
      world.begin(request, (status) => {
        if (status === Status.ok) written.set(block, value);
      });
      if (index % 32 === 0) world.settle();
    }
    world.settle();
    expect(written.size).to.be.greaterThan(5000);
    expect(tags.loads).to.be.greaterThan(5000);
    expect(tags.cachedPages).to.be.at.most(cachedPagesMax);
    expect(tags.changedPages).to.be.at.most(changedPagesMax);
    world.restart();
    for (const [block, value] of written) {
      expect(world.read(block * blockBytes, 512)).to.deep.equal(bytesOf(512, value));
      expect(world.disk.device.parts.tags.cachedPages).to.be.at.most(cachedPagesMax);
    }
    expect(world.medium.residentBytes).to.be.below(written.size * 20 * kibibyte + 80 * mebibyte);
  });

  it('answers busy rather than holding more changed tags than it has room for', () => {
    const latency = { readMs: 0, writeMs: 0, flushMs: 1e6 };
    const world = DiskWorld.formatted({ sizeBytes: tebibyte, latency });
    const { tags } = world.disk.device.parts;
    const statuses = new Set<Status>();
    for (let index = 0; index < 100; index++) {
      const at = index * 64 * mebibyte;
      world.begin(world.zeroRequest(at, 64 * mebibyte), (status) => statuses.add(status));
      world.clock.runFor(1);
    }
    expect([...statuses].sort()).to.deep.equal([Status.ok, Status.busy]);
    expect(tags.changedPages).to.be.at.most(changedPagesMax);
    expect(tags.cachedPages).to.be.at.most(cachedPagesMax + 2 * changedPagesMax);
  });
});
