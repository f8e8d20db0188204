/**
 * Rot in the files of a stopped cluster, where disks keep what they know of their blocks: superblocks, checkpoints, tags and
 * journals. Nothing there has a mirror of its own kind beside it but what the disk keeps twice, or other disks know.
 */

import { BlockState } from '../../../cluster/fsck/block-reader.ts';
import { blockBytes, sectorBytes } from '../../../protocols/units.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { runSanctor } from '../../tools/sanctor.ts';
import type { BlockCopyPlace } from './disk-blocks.ts';
import { ExaminedFiles } from './examined-files.ts';
import { type RotSite, volumeBytes } from './rot-site.ts';

const tagsPerSector = 31;
const sectorsPerPage = blockBytes / sectorBytes;

export interface MetadataCounts {
  /** Of four slots of a disk, one; at most one of a disk. */
  readonly superblocks: number;
  readonly checkpoints: number;
  /** Sectors of tags. */
  readonly tags: number;
  /** Blocks that are not home yet. */
  readonly journal: number;
}

interface Finding {
  readonly kind: string;
  readonly disk?: string;
  readonly what: string;
  readonly severity: string;
}

/** What was damaged, and by which findings it is known. */
interface Damaged {
  readonly what: string;
  readonly disk: string;
  readonly foundAs: readonly string[];
  /** Blocks of the volume that the disk cannot give for it. */
  readonly blocks: readonly number[];
}

/** Nothing is wrong with the files by `fsck`, and all blocks that were struck are good on all mirrors. */
async function expectGoodEnd(site: RotSite, blocks: readonly number[]): Promise<void> {
  const { code, findings } = await checkFiles(site);
  const wrong = findings.filter(({ severity }) => severity !== 'note');
  site.check(
    code === 0 && wrong.length === 0,
    `fsck of the files ends with ${code}: ${wrong.map(({ what }) => what).join('; ')}`,
  );
  await expectGoodFiles(site, blocks);
}

/** All mirrors hold the same good bytes in their files, and these are what was written. @param more than were struck so far */
export async function expectGoodFiles(site: RotSite, more: readonly number[] = []): Promise<void> {
  const files = await ExaminedFiles.open(site.operator.topology, site.place.dataFolder);
  try {
    for (const block of [...site.struck.map((each) => each.block), ...more]) {
      const read = await Promise.all(site.blocks.copiesOf(block).map((copy) => files.read(copy)));
      const isWhole = read.every(({ states }) => states[0] === BlockState.whole);
      site.check(isWhole, `block ${block} is still damaged in the end`);
      const wanted = site.contentOf(block) ?? read[0]?.bytes ?? Buffer.alloc(0);
      const isRight = read.every(({ bytes }) => Buffer.compare(bytes, wanted) === 0);
      site.check(isRight, `block ${block} is not what was written there on all mirrors`);
    }
  } finally {
    await files.close();
  }
}

/** Damages what disks know of themselves, has `fsck` name it, and starts the cluster again. @returns how much of what */
export async function rotMetadata(
  site: RotSite,
  counts: MetadataCounts,
): Promise<Readonly<Record<string, number>>> {
  const all = [
    ...rotSuperblocks(site, counts.superblocks),
    ...rotCheckpoints(site, counts.checkpoints),
    ...rotTags(site, counts.tags),
    ...(await rotJournal(site, counts.journal)),
  ];
  if (all.length === 0) return {};
  const { findings, unlisted } = await checkFiles(site);
  for (const { what, disk, foundAs } of all)
    site.check(
      [...findings, ...unlisted].some(
        (found) => foundAs.includes(found.kind) && (found.disk ?? disk) === disk,
      ),
      `fsck does not find the ${what} of disk ${disk} that was damaged`,
    );
  await site.resume();
  const failed = await site.still.readEach();
  site.check(failed.length === 0, `blocks ${failed} cannot be read though one mirror is good`);
  await site.load.readBack();
  site.load.expectLinearizable();
  const { keptBlocks } = await site.scrub();
  site.check(keptBlocks === 0, `${keptBlocks} blocks cannot be repaired`);
  await expectEqualMirrors(site.cluster, volumeBytes);
  // Checkpoints are what makes a damaged record of one good again.
  await site.bringHome();
  await site.close();
  await site.cluster.stop();
  // What was in the way when it started is made good before anybody can listen: so it is what is left that counts.
  await expectGoodEnd(
    site,
    all.flatMap(({ blocks }) => blocks),
  );
  const damaged: Record<string, number> = {};
  for (const { what } of all) damaged[what] = (damaged[what] ?? 0) + 1;
  return damaged;
}

function rotSuperblocks(site: RotSite, count: number): readonly Damaged[] {
  return drawDisks(site, count).map((disk) => {
    const slots = site.blocks.partsOf(disk).superblockStarts.flat();
    const at = site.random.pick(slots);
    const usedBytes = 32 + site.blocks.read(disk, at + 12, 4).readUInt32LE();
    flipBit(site, disk, at + site.random.integer(usedBytes));
    return { what: 'superblock copy', disk, foundAs: ['damaged-superblock'], blocks: [] };
  });
}

function rotCheckpoints(site: RotSite, count: number): readonly Damaged[] {
  return drawDisks(site, count).map((disk) => {
    const at = site.blocks.partsOf(disk).checkpointStart + blockBytes * site.random.integer(4);
    flipBit(site, disk, at + site.random.integer(32));
    return { what: 'checkpoint record', disk, foundAs: ['damaged-checkpoint'], blocks: [] };
  });
}

/** Sectors all of whose tags are of blocks that were written: where none was, a lost tag has lost nothing. */
function rotTags(site: RotSite, count: number): readonly Damaged[] {
  const { firstBlock, blocks } = site.still;
  const byHome = new Map<string, number>();
  for (let block = firstBlock; block < firstBlock + blocks; block++)
    for (const { disk, homeBlock } of site.blocks.copiesOf(block))
      byHome.set(`${disk} ${homeBlock}`, block);
  return Array.from({ length: count }, () => {
    for (;;) {
      const [copy] = site.drawCopy(firstBlock + site.random.integer(blocks));
      if (copy === undefined) throw new Error('a block without copies');
      const { disk } = copy;
      const sector = Math.floor(copy.homeBlock / tagsPerSector);
      const own = Array.from({ length: tagsPerSector }, (_, index) =>
        byHome.get(`${disk} ${sector * tagsPerSector + index}`),
      );
      if (!own.every((block) => block !== undefined && !site.isUsed(block))) continue;
      for (const block of own) site.use(block ?? 0);
      const { tagsStart } = site.blocks.partsOf(disk);
      const at = tagsStart + sector * sectorBytes;
      const other =
        (sector + sectorsPerPage) % (site.blocks.partsOf(disk).tagPages * sectorsPerPage);
      if (site.random.integer(2) === 0) flipBit(site, disk, at + site.random.integer(sectorBytes));
      else
        site.blocks.write(
          disk,
          at,
          site.blocks.read(disk, tagsStart + other * sectorBytes, sectorBytes),
        );
      const lost = own.flatMap((block) => block ?? []);
      return { what: 'tag sector', disk, foundAs: ['lost-tag', 'bad-block'], blocks: lost };
    }
  });
}

/** Only where the other mirror has the block whole. */
async function rotJournal(site: RotSite, count: number): Promise<readonly Damaged[]> {
  const files = await ExaminedFiles.open(site.operator.topology, site.place.dataFolder);
  const found: { readonly copy: BlockCopyPlace; readonly place: number; readonly block: number }[] =
    [];
  try {
    for (let block = 0; block < volumeBytes / blockBytes; block++)
      for (const copy of site.blocks.copiesOf(block)) {
        const place = files.journalPlaceOf(copy);
        if (place !== null && !site.isUsed(block)) found.push({ copy, place, block });
      }
  } finally {
    await files.close();
  }
  const damaged: Damaged[] = [];
  while (damaged.length < count && found.length > 0) {
    const [one] = found.splice(site.random.integer(found.length), 1);
    if (one === undefined || site.isUsed(one.block)) continue;
    site.use(one.block);
    const { disk } = one.copy;
    flipBit(site, disk, one.place + site.random.integer(blockBytes));
    const foundAs = ['journal-damaged', 'bad-block', 'journal-torn'];
    damaged.push({ what: 'block in a journal', disk, foundAs, blocks: [one.block] });
  }
  return damaged;
}

function drawDisks(site: RotSite, count: number): readonly string[] {
  const left = site.operator.topology.disks.map(({ id }): string => id);
  return Array.from(
    { length: count },
    () => left.splice(site.random.integer(left.length), 1)[0] ?? '',
  );
}

function flipBit(site: RotSite, disk: string, at: number): void {
  const [byte = 0] = site.blocks.read(disk, at, 1);
  site.blocks.write(disk, at, Uint8Array.of(byte ^ (1 << site.random.integer(8))));
}

async function checkFiles(site: RotSite) {
  const { topology, dataFolder } = site.place;
  const { code, output, errors } = await runSanctor([
    ...['fsck', topology.file, '--data', dataFolder, '--json'],
  ]);
  if (output === '') throw new Error(`fsck says nothing: ${errors}`);
  const report = JSON.parse(output) as {
    findings: readonly Finding[];
    unlisted: readonly Finding[];
  };
  return { code, ...report };
}
