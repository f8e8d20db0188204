/** Bad sectors under what a disk has not brought home yet: on whole actors, in virtual time (H5, I1). */
import { expect } from 'chai';
import type { OpenDisk } from '../../../actors/disk/open-disk.ts';
import { Operation } from '../../../protocols/codes.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { type Plain, SimulatedSan, smallShippedTopology } from '../../tools/simulated-san.ts';

const pageBytes = 4096;
const pages = 16;
const badPages = [3, 4, 9];

function mirrored(): SimulatedSan {
  const topology = smallShippedTopology('default.yaml', (plain) => ({
    ...plain,
    volumes: (plain.volumes as Plain[]).map((volume) => ({
      ...volume,
      size: '4MiB',
      layout: { mirror: ['d1', 'd2'] },
    })),
  }));
  return new SimulatedSan(topology);
}

function opened(san: SimulatedSan, disk: string): OpenDisk {
  const open = san.node(disk).assembled?.disks[0]?.opened;
  if (open === undefined || open === null) throw new Error(`disk ${disk} is not open`);
  return open;
}

/** What lies in the journal is brought home. */
function checkpoint(san: SimulatedSan, disk: string): void {
  let isHome = false;
  opened(san, disk).device.writeBehind.drain(() => {
    isHome = true;
  });
  san.runUntil('the journal is home', () => isHome);
}

describe('a disk with bad sectors in its journal', () => {
  it('goes on; hosts read those blocks from the other mirror, and they are made good', () => {
    const san = mirrored();
    san.watchFrames();
    const vol0 = san.volume('h1', 'vol0');
    const all = Array.from({ length: pages }, (_, page) => page);
    san.finish(...all.map((page) => san.write(vol0, page * pageBytes, pageBytes, page + 1)));
    san.finish(san.read(vol0, 0, pageBytes));
    const read = san.frames.find(
      ({ kind, request }) => kind === 'disk' && request.operation === Operation.read,
    );
    const disk = read?.receiver ?? '';
    const firstBlock = (read?.request.diskOffset ?? 0) / pageBytes;
    const { journal, locations } = opened(san, disk).device.parts;
    for (const page of badPages)
      san.world.media
        .get(disk as DiskId)
        ?.spoil(journal.placeOf(locations.find(firstBlock + page)));
    checkpoint(san, disk);
    expect(opened(san, disk).device.writeBehind.unreadBlocks).to.equal(badPages.length);
    for (let round = 0; round < 2; round++) {
      const reads = all.map((page) => san.read(vol0, page * pageBytes, pageBytes));
      san.finish(...reads);
      for (const page of all)
        expect(reads[page]?.bytes).to.deep.equal(Buffer.alloc(pageBytes, page + 1));
    }
    expect(san.hostOf('h1').counters.mirrorRetries).to.equal(badPages.length);
    expect(opened(san, disk).device.parts.failure).to.equal(null);
    expect(san.stopAndCompare()).to.deep.equal([]);
  });
});
