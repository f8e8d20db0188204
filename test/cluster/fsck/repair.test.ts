/** `sanctor fsck --repair`: what is certain is put back as it was, byte for byte; all else stays as it is. */
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkpointSlots, layoutOf } from '../../../actors/disk/disk-layout.ts';
import { closeDiskFiles, openDiskFiles } from '../../../cluster/fsck/disk-files.ts';
import { listedMax } from '../../../cluster/fsck/finding.ts';
import { repairCluster } from '../../../cluster/fsck/repair.ts';
import type { RepairReport } from '../../../cluster/fsck/repair-list.ts';
import { createSystemClock } from '../../../cluster/system-clock.ts';
import type { BlockStore } from '../../../protocols/ports.ts';
import { blockBytes, mebibyte, sectorBytes } from '../../../protocols/units.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import {
  CheckedSan,
  check,
  diskBytes,
  fileOf,
  flipBit,
  type Images,
  overwrite,
  shortly,
  topology,
  writeImages,
} from './checked-san.ts';

const layout = layoutOf(diskBytes);
if (layout === null) throw new Error('no layout');
const { homeStart, tagsStart, journalStart, superblockStarts, checkpointStart } = layout;

type WrapStore = (disk: string, store: BlockStore) => BlockStore;

/** @param wrap what becomes of what is written */
async function repair(dataFolder: string, wrap: WrapStore = (_, store) => store) {
  const files = await openDiskFiles(topology, join(dataFolder, 'disks'), false);
  const wrapped = files.map((file) => {
    if (file.found === 'memory' || 'problem' in file.found) return file;
    return { ...file, found: { store: wrap(file.disk, file.found.store) } };
  });
  try {
    return await repairCluster(topology, wrapped, createSystemClock(), { stepped: () => {} });
  } finally {
    await closeDiskFiles(files);
  }
}

/** What was repaired, as `kind disk`. */
function done({ repairs }: RepairReport): readonly string[] {
  return repairs.map(({ kind, disk, problem }) => `${kind} ${disk} ${problem}`.trim());
}

describe('a stopped cluster that is repaired', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const file = (disk: string) => fileOf(folder(), disk);
  let yesterday: Images;
  let today: Images;
  /** Their blocks lie in the journals. */
  let unfinished: Images;

  before(() => {
    const san = new CheckedSan();
    san.write(1);
    san.checkpoint();
    san.stop();
    yesterday = san.images();
    san.start();
    san.write(2);
    san.checkpoint();
    san.stop();
    today = san.images();
    expect(san.san.complaints).to.deep.equal([]);
    const other = new CheckedSan();
    other.write(1);
    other.write(2, 8);
    other.stop();
    unfinished = other.images();
  });

  beforeEach(() => writeImages(folder(), today));

  const changedFrom = (images: Images) =>
    [...images].flatMap(([disk, bytes]) =>
      Buffer.compare(readFileSync(file(disk)), bytes) === 0 ? [] : [disk],
    );

  /** Repairs, and sees that nothing of any file changes. */
  async function expectUntouched(): Promise<RepairReport> {
    const before = new Map([...today].map(([disk]) => [disk, readFileSync(file(disk))]));
    const report = await repair(folder());
    expect(report).to.include({ repaired: 0, failed: 0 });
    expect(changedFrom(before)).to.deep.equal([]);
    return report;
  }

  it('has nothing repaired when nothing is wrong', async () => {
    const report = await expectUntouched();
    expect(report.leftAlone).to.deep.equal([]);
  });

  it('gets each copy of a superblock back from the other one, as it was', async () => {
    for (const starts of superblockStarts)
      for (const start of starts)
        for (const at of [start + 3, start + 40]) {
          flipBit(file('d1'), at);
          const report = await repair(folder());
          expect(done(report)).to.deep.equal(['damaged-superblock d1']);
          expect(report.repairs[0]?.is).to.match(/^It is superblock \d+ again, as in the/);
          expect(changedFrom(today)).to.deep.equal([]);
        }
    expect((await check(folder())).findings).to.deep.equal([]);
  });

  it('gets each copy of a checkpoint back from the other one, as it was', async () => {
    for (let slot = 0; slot < checkpointSlots; slot++) {
      flipBit(file('d3'), checkpointStart + slot * blockBytes + 20);
      expect(done(await repair(folder()))).to.deep.equal(['damaged-checkpoint d3']);
      expect(changedFrom(today)).to.deep.equal([]);
    }
  });

  it('gets bad blocks back from the other mirror in sync, as they were, and no other byte is changed', async () => {
    for (const [disk, block] of [
      ['d1', 0],
      ['d2', 3],
      ['d4', 7],
    ] as const)
      flipBit(file(disk), homeStart + block * blockBytes + 77);
    const report = await repair(folder());
    expect(done(report)).to.deep.equal(['bad-block d1', 'bad-block d2', 'bad-block d4']);
    const [first] = report.repairs;
    expect(first?.volume).to.equal('vol0');
    expect(first?.block).to.deep.equal({
      volumeOffset: 0,
      copies: [{ disk: 'd1', diskOffset: 0 }],
    });
    expect(first?.was).to.contain('offset 0 of volume vol0 (byte 0 of d1) did not match its');
    expect(first?.is).to.match(/^It is what its tag says again \(epoch \d+, .*\), as d2 has it\.$/);
    expect(changedFrom(today)).to.deep.equal([]);
    expect((await check(folder())).findings).to.deep.equal([]);
  });

  it('gets bad blocks of a journal back where they lie', async () => {
    writeImages(folder(), unfinished);
    const journal = Buffer.from(unfinished.get('d1') ?? []).subarray(journalStart, tagsStart);
    const last = journal.lastIndexOf(Buffer.alloc(blockBytes, 1));
    expect(last % blockBytes, 'blocks that were not written again').to.equal(0);
    flipBit(file('d1'), journalStart + last + 50);
    const kinds = new Set((await check(folder())).findings.map(({ kind }) => kind));
    expect([...kinds]).to.deep.equal(['journal-damaged', 'bad-block']);
    expect(done(await repair(folder()))).to.deep.equal(['bad-block d1']);
    expect(changedFrom(unfinished)).to.deep.equal([]);
    expect((await check(folder())).findings).to.deep.equal([]);
  });

  it('tells of each kind only the first ones, and how many more there were', async () => {
    // A strip of what was written lies at the beginning of each half MiB.
    for (const start of [0, mebibyte / 2])
      for (let block = 0; block < 16; block++)
        flipBit(file('d1'), homeStart + start + block * blockBytes);
    const { repairs, repaired, unlisted } = await repair(folder());
    expect(repairs).to.have.length(listedMax);
    expect([repaired, unlisted]).to.deep.equal([32, 32 - listedMax]);
    expect(changedFrom(today)).to.deep.equal([]);
  });

  it('loses its power in the middle of a repair: nothing is worse, and the next repair does the rest', async () => {
    const [[even = 0] = []] = superblockStarts;
    const damage = () => {
      writeImages(folder(), today);
      overwrite(file('d1'), homeStart, Buffer.alloc(blockBytes, 0xa5));
      overwrite(file('d2'), even, Buffer.alloc(sectorBytes, 0xa5));
    };
    damage();
    const before = shortly(await check(folder()));
    expect(before).to.deep.equal(['error bad-block d1', 'warning damaged-superblock d2']);
    for (const cut of ['d1', 'd2'])
      for (const sectors of [0, 1, 4, 7, 8]) {
        damage();
        const report = await repair(folder(), (disk, store) =>
          disk === cut ? tornStore(store, sectors) : store,
        );
        expect([report.repaired, report.failed], `${cut} ${sectors}`).to.deep.equal([1, 1]);
        expect(before).to.include.members([...shortly(await check(folder()))]);
        await repair(folder());
        expect((await check(folder())).findings).to.deep.equal([]);
        expect(changedFrom(today)).to.deep.equal([]);
      }
  });

  it('has a medium that keeps nothing of what is written: that is told, and found again', async () => {
    flipBit(file('d1'), homeStart);
    const forgetful: WrapStore = (_, store) => ({
      sizeBytes: store.sizeBytes,
      read: store.read.bind(store),
      write: (_at, _pieces, finished) => setImmediate(() => finished(null)),
      flush: store.flush.bind(store),
      close: store.close.bind(store),
    });
    expect(done(await repair(folder(), forgetful))).to.deep.equal([
      'bad-block d1 what is read back is not what was written',
    ]);
    expect(shortly(await check(folder()))).to.deep.equal(['error bad-block d1']);
  });

  describe('and is left as it is', () => {
    it('where a block is bad on both mirrors, or the other one is of another write', async () => {
      for (const disk of ['d3', 'd4']) flipBit(file(disk), homeStart);
      await expectUntouched();
      writeImages(folder(), today);
      const old = Buffer.from(yesterday.get('d1') ?? []);
      const now = Buffer.from(today.get('d1') ?? []);
      for (const at of superblockStarts.flat()) now.copy(old, at, at, at + 256 * 1024);
      writeImages(folder(), new Map([['d1', old]]));
      flipBit(file('d1'), homeStart);
      flipBit(file('d2'), homeStart + blockBytes);
      await expectUntouched();
    });

    it('where tags are lost: nobody knows what they said', async () => {
      flipBit(file('d1'), tagsStart + 20);
      await expectUntouched();
    });

    it('where both copies of a superblock are damaged', async () => {
      for (const starts of superblockStarts) flipBit(file('d1'), (starts[0] ?? 0) + 40);
      flipBit(file('d2'), homeStart);
      const { leftAlone } = await expectUntouched();
      expect(leftAlone).to.deep.equal([
        'no block of volume vol0 is repaired, for what d1 would say of who is in sync is not known',
      ]);
    });

    it('where a disk is missing: it may know that others are not in sync any more', async () => {
      flipBit(file('d1'), homeStart);
      rmSync(file('d4'));
      const report = await repair(folder());
      expect(report).to.include({ repaired: 0, failed: 0 });
      expect(report.leftAlone[0]).to.contain('what d4 would say');
    });

    it('where a disk is an older copy of itself', async () => {
      writeImages(folder(), new Map([['d4', yesterday.get('d4') ?? new Uint8Array()]]));
      flipBit(file('d1'), homeStart);
      flipBit(file('d3'), homeStart);
      const { leftAlone } = await expectUntouched();
      expect(leftAlone[0]).to.match(/^no block of volume vol0 is repaired, for disk d4 knows/);
    });

    it('where files were swapped, or are of another cluster: not even a superblock is touched', async () => {
      renameSync(file('d1'), file('x'));
      renameSync(file('d3'), file('d1'));
      renameSync(file('x'), file('d3'));
      flipBit(file('d2'), (superblockStarts[0]?.[0] ?? 0) + 40);
      flipBit(file('d2'), homeStart);
      const { leftAlone } = await expectUntouched();
      expect(leftAlone).to.have.length(1);
      expect(leftAlone[0]).to.match(/^nothing is repaired, for the file of disk d1 holds disk d3,/);
    });

    it('where the only other mirror is not in sync, whatever it has', async () => {
      const checked = new CheckedSan();
      const { san } = checked;
      checked.write(1);
      checked.checkpoint();
      san.world.holdDown(san.node('d2'));
      san.runFor(5000);
      san.runUntil('it serves without d2', () => san.isServing);
      checked.stop();
      writeImages(folder(), checked.images());
      flipBit(file('d1'), homeStart);
      const report = await check(folder());
      expect(shortly(report)).to.deep.equal(['error bad-block d1', 'warning fewer-mirrors']);
      const before = readFileSync(file('d1'));
      expect(await repair(folder())).to.deep.include({ repaired: 0, failed: 0, leftAlone: [] });
      expect(readFileSync(file('d1')).equals(before)).to.equal(true);
      // The mirror that is not in sync is not made good either.
      writeImages(folder(), checked.images());
      flipBit(file('d2'), homeStart);
      expect(await repair(folder())).to.include({ repaired: 0, failed: 0 });
    });
  });
});

/** Writes only the first sectors of what it is given, and then nothing any more. */
function tornStore(store: BlockStore, sectors: number): BlockStore {
  const lost = { kind: 'media', detail: 'the power was cut' } as const;
  return {
    sizeBytes: store.sizeBytes,
    read: store.read.bind(store),
    write: (at, pieces, finished) =>
      store.write(at, [Buffer.concat(pieces).subarray(0, sectors * sectorBytes)], () =>
        finished(lost),
      ),
    flush: (finished) => setImmediate(() => finished(lost)),
    close: store.close.bind(store),
  };
}
