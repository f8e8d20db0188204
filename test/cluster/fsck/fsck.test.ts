/** Damage done by hand to the disks of a SAN that was stopped: each is found, and nothing else is. */
import { readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { expect } from 'chai';
import { layoutOf } from '../../../actors/disk/disk-layout.ts';
import { listedMax } from '../../../cluster/fsck/finding.ts';
import { blockBytes, mebibyte } from '../../../protocols/units.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import {
  CheckedSan,
  changedTopology,
  check,
  diskBytes,
  fileOf,
  flipBit,
  type Images,
  shortly,
  topology,
  writeImages,
} from './checked-san.ts';

const layout = layoutOf(diskBytes);
if (layout === null) throw new Error('no layout');
const { homeStart, tagsStart, journalStart, superblockStarts, checkpointStart } = layout;
const [[firstEven = 0] = [], [secondEven = 0] = []] = superblockStarts;

/** Blocks of 32 KiB at the beginning and in the middle, on two mirrors each. */
const writtenBlocks = 2 * 2 * 32;

describe('a stopped cluster that is checked', () => {
  const folder = temporaryFolder();
  let yesterday: Images;
  let today: Images;

  before(function () {
    this.timeout(60_000);
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
  });

  beforeEach(() => writeImages(folder(), today));

  const file = (disk: string) => fileOf(folder(), disk);

  it('has no findings when nothing is wrong, today and yesterday; every block is verified', async () => {
    for (const images of [yesterday, today]) {
      writeImages(folder(), images);
      const { findings, checked, totals } = await check(folder());
      expect(findings).to.deep.equal([]);
      expect(totals).to.deep.equal({ errors: 0, warnings: 0, notes: 0 });
      const bytes = writtenBlocks * blockBytes;
      expect(checked).to.deep.equal({ disks: 4, volumes: 1, blocks: writtenBlocks, bytes });
    }
  });

  it('is as it was afterwards, byte for byte, whatever was found', async () => {
    flipBit(file('d1'), homeStart);
    flipBit(file('d2'), tagsStart + 20);
    flipBit(file('d3'), firstEven + 40);
    const before = topology.disks.map(({ id }) => readFileSync(file(id)));
    expect((await check(folder())).totals.errors).to.be.above(0);
    for (const [index, { id }] of topology.disks.entries())
      expect(before[index]?.equals(readFileSync(file(id))), id).to.equal(true);
  });

  it('a bit of a block is flipped: it says where, in the volume and on the disk, and who has it whole', async () => {
    flipBit(file('d2'), homeStart + 3 * blockBytes + 77);
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['error bad-block d2']);
    const [finding] = report.findings;
    expect(finding?.block).to.deep.equal({
      volumeOffset: 3 * blockBytes,
      copies: [{ disk: 'd2', diskOffset: 3 * blockBytes }],
    });
    expect(finding?.what).to.contain('offset 12288 of volume vol0 (byte 12288 of d2)');
    expect(finding?.remedy).to.match(/^d1 has it/);
  });

  it('a block is bad on both mirrors: it says that nobody has it', async () => {
    for (const disk of ['d3', 'd4']) flipBit(file(disk), homeStart);
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['error bad-block d3', 'error bad-block d4']);
    for (const { remedy, block } of report.findings) {
      expect(remedy).to.match(/^No other mirror/);
      expect(block?.volumeOffset).to.equal(64 * 1024);
    }
  });

  it('a sector of tags rots: its blocks have lost their tags, of which only so many are listed', async () => {
    flipBit(file('d1'), tagsStart + 20);
    const report = await check(folder());
    expect(new Set(shortly(report))).to.deep.equal(new Set(['error lost-tag d1']));
    expect(report.findings).to.have.length(listedMax);
    const more = report.totals.errors - listedMax;
    expect(report.unlisted).to.deep.equal([{ severity: 'error', kind: 'lost-tag', count: more }]);
    expect(more).to.equal(31 - listedMax);
  });

  it('two files are swapped: each is named, and checked as the disk that it is', async () => {
    renameSync(file('d1'), file('x'));
    renameSync(file('d3'), file('d1'));
    renameSync(file('x'), file('d3'));
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['error other-disk d1', 'error other-disk d3']);
    expect(report.checked.blocks).to.equal(writtenBlocks);
  });

  it('a file is copied over another: what that one held is missed', async () => {
    writeImages(folder(), new Map([['d2', today.get('d1') ?? new Uint8Array()]]));
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['error twin d2']);
    expect(report.findings[0]?.what).to.contain('disks d2 and d1 both hold disk d1');
  });

  it("yesterday's file is put back: it is told from one that was never away", async () => {
    writeImages(folder(), new Map([['d4', yesterday.get('d4') ?? new Uint8Array()]]));
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['error older-copy d4']);
    expect(report.findings[0]?.volume).to.equal('vol0');
  });

  it("yesterday's blocks under today's superblock: the mirrors differ, and the newest copy is named", async () => {
    const bytes = Buffer.from(yesterday.get('d1') ?? []);
    const now = Buffer.from(today.get('d1') ?? []);
    for (const start of superblockStarts.flat()) now.copy(bytes, start, start, start + 256 * 1024);
    writeImages(folder(), new Map([['d1', bytes]]));
    const report = await check(folder());
    expect(new Set(shortly(report))).to.deep.equal(new Set(['warning unequal']));
    expect(report.totals).to.deep.equal({ errors: 0, warnings: 32, notes: 0 });
    expect(report.findings[0]?.what).to.contain('the newest copy is on d2');
  });

  it('a file is cut short', async () => {
    truncateSync(file('d2'), diskBytes - mebibyte);
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['error disk-unusable d2']);
    expect(report.findings[0]?.what).to.contain('it was truncated');
  });

  it('a copy of a superblock is damaged: the others do; both copies: the disk cannot be used', async () => {
    flipBit(file('d1'), firstEven + 40);
    expect(shortly(await check(folder()))).to.deep.equal(['warning damaged-superblock d1']);
    flipBit(file('d1'), secondEven + 40);
    expect(shortly(await check(folder()))).to.deep.equal(['error disk-unusable d1']);
  });

  it('a copy of a checkpoint is damaged: the other does; both copies: the disk cannot be used', async () => {
    flipBit(file('d1'), checkpointStart + 20);
    expect(shortly(await check(folder()))).to.deep.equal(['warning damaged-checkpoint d1']);
    flipBit(file('d1'), checkpointStart + blockBytes + 20);
    expect(shortly(await check(folder()))).to.deep.equal(['error journal-damaged d1']);
  });

  it('a disk of a cluster of the same name is put in: it is told by its identity', async () => {
    const other = new CheckedSan('another cluster');
    other.stop();
    writeImages(folder(), new Map([['d3', other.images().get('d3') ?? new Uint8Array()]]));
    expect(shortly(await check(folder()))).to.deep.equal(['error other-cluster d3']);
  });

  it('all disks belong to another cluster', async () => {
    const renamed = changedTopology((plain) => ({ ...plain, cluster: 'elsewhere' }));
    expect(shortly(await check(folder(), renamed))).to.deep.equal(
      ['d1', 'd2', 'd3', 'd4'].map((disk) => `error other-cluster ${disk}`),
    );
  });

  it('a file is missing; two of one set are missing: the volume cannot be assembled', async () => {
    rmSync(file('d3'));
    expect(shortly(await check(folder()))).to.deep.equal(['error disk-missing d3']);
    rmSync(file('d4'));
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal([
      'error disk-missing d3',
      'error disk-missing d4',
      'error cannot-be-assembled',
    ]);
    expect(report.findings[2]?.remedy).to.contain('of those on d3, d4;');
  });

  it('the topology says another size, or another layout', async () => {
    const disksOf = (plain: Record<string, unknown>) => plain.disks as { id: string }[];
    const larger = changedTopology((plain) => ({
      ...plain,
      disks: disksOf(plain).map((disk) => ({ ...disk, size: disk.id === 'd1' ? '16MiB' : '8MiB' })),
    }));
    expect(shortly(await check(folder(), larger))).to.deep.equal(['warning other-size d1']);
    const other = changedTopology((plain) => ({
      ...plain,
      volumes: (plain.volumes as object[]).map((volume) => ({
        ...volume,
        layout: { concat: [{ mirror: ['d1', 'd3'] }, { mirror: ['d2', 'd4'] }] },
      })),
    }));
    const report = await check(folder(), other);
    expect(shortly(report)).to.deep.equal(['warning layout-unknown']);
    expect(report.checked.blocks, 'verified all the same').to.equal(writtenBlocks);
  });

  it('a volume that is not in the topology is said so, and its checksums are verified', async () => {
    flipBit(file('d1'), homeStart);
    const without = changedTopology((plain) => ({
      ...plain,
      volumes: [],
      hosts: [{ id: 'h1', hbas: ['h1-a', 'h1-b'] }],
    }));
    expect(shortly(await check(folder(), without))).to.deep.equal([
      'error bad-block d1',
      'note not-in-topology',
    ]);
  });
});

describe('a cluster that was not stopped in good order, and is checked', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();

  it('lost its power under writes: nothing is at risk, whatever was torn', async () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 11; seed++) {
      const checked = new CheckedSan(seed);
      const vol0 = checked.san.volume('h1', 'vol0');
      checked.write(1);
      for (let write = 0; write < 64; write++)
        checked.san.write(vol0, ((write * 7) % 512) * blockBytes, blockBytes, write + 1);
      checked.san.runFor(seed % 8);
      checked.san.world.powerCut();
      writeImages(folder(), checked.images());
      const { totals, findings } = await check(folder());
      expect(totals.errors, `seed ${seed}`).to.equal(0);
      for (const { kind } of findings) kinds.add(kind);
    }
    expect([...kinds]).to.include.members(['not-closed', 'journal-torn', 'unequal']);
  });

  it('has lost a disk before: its mirror is stale, and a lone stale mirror is refused', async () => {
    const { san, ...checked } = lostDisk();
    writeImages(folder(), checked.images);
    const report = await check(folder());
    expect(shortly(report)).to.deep.equal(['warning fewer-mirrors']);
    expect(report.findings[0]?.what).to.contain(
      'the mirror on d2 of vol0-m0 is stale by event count 2; disk d2 was told last that it is in sync, with event count 1',
    );
    rmSync(fileOf(folder(), 'd1'));
    expect(san.complaints).to.deep.equal([]);
    const alone = await check(folder());
    expect(shortly(alone)).to.deep.equal([
      'error disk-missing d1',
      'error older-copy d2',
      'error cannot-be-assembled',
    ]);
    expect(alone.findings[1]?.what).to.contain('went on without it, as d1 would know');
    expect(alone.findings[2]?.remedy).to.contain('of those on d1, d2;');
  });

  it('a record in the middle of a journal is damaged, and was durable: without its head the disk is refused', async () => {
    const checked = new CheckedSan();
    checked.write(1);
    checked.write(2);
    checked.stop();
    // The first two records mark the regions, of one partition each.
    const head = journalStart + 2 * blockBytes + 100;
    const payload = journalStart + 3 * blockBytes + 50;
    for (const [at, blocks] of [
      [payload, writtenBlocks],
      [head, (writtenBlocks * 3) / 4],
    ] as const) {
      writeImages(folder(), checked.images());
      flipBit(fileOf(folder(), 'd1'), at);
      const report = await check(folder());
      expect(shortly(report)).to.deep.equal(['error journal-damaged d1']);
      expect(report.checked.blocks, 'others are checked').to.equal(blocks);
    }
  });

  function lostDisk(): { readonly san: CheckedSan['san']; readonly images: Images } {
    const checked = new CheckedSan();
    const { san } = checked;
    checked.write(1);
    san.world.holdDown(san.node('d2'));
    san.runFor(5000);
    san.runUntil('it serves without d2', () => san.isServing);
    checked.write(2);
    checked.stop();
    return { san, images: checked.images() };
  }
});
