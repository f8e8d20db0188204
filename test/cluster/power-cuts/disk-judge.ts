/**
 * Opens a disk on what a power cut left of it, and says what it does not keep of what it had promised: data, I/Os that
 * it must remember (DESIGN I6), fences (I5), a number of its own for each process (I11). Nothing may look rotten, for
 * nothing rotted.
 */
import type { WriteRequest } from '../../../actors/disk/write-entries.ts';
import { valuesOf } from '../../../cluster/history/stamped-sectors.ts';
import { Status } from '../../../protocols/codes.ts';
import { blockBytes, type Incarnation, type IoNumber, unitOf } from '../../../protocols/units.ts';
import type { DiskWorld } from '../../actors/disk/disk-world.ts';
import { type DiskMark, fenceIn } from './disk-recording.ts';
import { ExpectedSectors, sectorsPerBlock } from './expected-sectors.ts';

/** What the disk must keep, by the marks that were passed. */
export class ExpectedDisk {
  readonly sectors = new ExpectedSectors();
  readonly #durable: WriteRequest[] = [];
  #watermark = 0;
  #fenceAsked = 0;
  #fenceKept = 0;
  #instance = 0;

  take(mark: DiskMark): void {
    switch (mark.kind) {
      case 'io-begun':
        this.#watermark = Math.max(this.#watermark, mark.request.watermark);
        break;
      case 'io-durable':
        this.#durable.push(mark.request);
        break;
      case 'fence-asked':
        this.#fenceAsked = mark.epoch;
        break;
      case 'fence-kept':
        this.#fenceKept = mark.epoch;
        break;
      case 'opened':
        this.#instance = mark.instance;
        break;
      default:
        this.sectors.take(mark);
    }
  }

  /** @returns what is wrong with the disk that is open in `world`, as sentences. */
  problemsOf(world: DiskWorld): readonly string[] {
    return [...this.#dataProblems(world), ...this.#memoryProblems(world), ...rotIn(world)];
  }

  #dataProblems(world: DiskWorld): readonly string[] {
    return this.sectors.blocks
      .map((block) => {
        const { status, what, bytes } = world.tryRead(block * blockBytes, blockBytes);
        if (status !== Status.ok) return `block ${block} cannot be read: ${status} ${what}`;
        return this.sectors.problemOf(block, valuesOf(bytes, block * sectorsPerBlock));
      })
      .filter((problem) => problem !== '');
  }

  #memoryProblems({ disk }: DiskWorld): readonly string[] {
    const problems: string[] = [];
    const fence = fenceIn(disk.superblock.content);
    if (fence < this.#fenceKept || fence > this.#fenceAsked)
      problems.push(`the fence is ${fence}; ${this.#fenceKept} was kept last`);
    if (disk.superblock.content.instance <= this.#instance)
      problems.push(`the process has number ${disk.superblock.content.instance}, as one before`);
    for (const { host, hostIncarnation, ioNumber, tag } of this.#durable) {
      if (host === '' || ioNumber < this.#watermark) continue;
      const incarnation = unitOf<Incarnation>(hostIncarnation);
      const { remembered } = disk.device.parts;
      const known = remembered.find(host, incarnation, unitOf<IoNumber>(ioNumber));
      if (known?.writeNumber !== tag.writeNumber)
        problems.push(`I/O ${ioNumber} is forgotten, and was durable`);
    }
    return problems;
  }
}

function rotIn({ disk, logged, failures }: DiskWorld): readonly string[] {
  const { tagSectorsBad = 0, unreadBlocks = 0 } = disk.device.counters();
  const bad = tagSectorsBad + unreadBlocks;
  return [...logged, ...failures, ...(bad > 0 ? [`${bad} sectors or blocks are called bad`] : [])];
}
