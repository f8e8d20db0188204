/** The files of the disks of a stopped cluster, read as `sanctor fsck` reads them. */
import { join } from 'node:path';
import { atHome } from '../../../actors/disk/block-locations.ts';
import type { SuperblockContent } from '../../../actors/disk/superblock.ts';
import { type BlockCopy, placeOf, readBlocks } from '../../../cluster/fsck/block-reader.ts';
import { closeDiskFiles, type DiskFile, openDiskFiles } from '../../../cluster/fsck/disk-files.ts';
import { type ReadDisk, readDisk } from '../../../cluster/fsck/examined-disk.ts';
import { createSystemClock } from '../../../cluster/system-clock.ts';
import type { Topology } from '../../../protocols/topology.ts';
import type { BlockCopyPlace } from './disk-blocks.ts';

export type UsableDisk = Extract<ReadDisk, { readonly kind: 'valid' }>;

export class ExaminedFiles {
  readonly #files: readonly DiskFile[];
  readonly #disks = new Map<string, UsableDisk>();

  private constructor(files: readonly DiskFile[]) {
    this.#files = files;
  }

  static async open(topology: Topology, dataFolder: string): Promise<ExaminedFiles> {
    const files = await openDiskFiles(topology, join(dataFolder, 'disks'));
    const opened = new ExaminedFiles(files);
    for (const { disk, found } of files) {
      if (found === 'memory' || !('store' in found)) throw new Error(`disk ${disk} has no file`);
      const read = await readDisk(found.store, createSystemClock());
      if (read.kind !== 'valid') throw new Error(`disk ${disk} is ${read.kind}`);
      opened.#disks.set(disk, read);
    }
    return opened;
  }

  close(): Promise<void> {
    return closeDiskFiles(this.#files);
  }

  disk(id: string): UsableDisk {
    const disk = this.#disks.get(id);
    if (disk === undefined) throw new Error(`there is no disk ${id}`);
    return disk;
  }

  /** A copy of a block of a volume that has one extent on each of its disks. */
  read({ disk, homeBlock }: BlockCopyPlace): Promise<BlockCopy> {
    const { parts, superblock } = this.disk(disk);
    const reference = referenceAt(superblock.content, homeBlock);
    return readBlocks(parts, { firstBlock: homeBlock, blocks: 1, reference });
  }

  /** Where in the journal the copy lies; null when it lies at home. */
  journalPlaceOf({ disk, homeBlock }: BlockCopyPlace): number | null {
    const { parts } = this.disk(disk);
    return parts.locations.find(homeBlock) === atHome ? null : placeOf(parts, homeBlock);
  }
}

function referenceAt({ volumes }: SuperblockContent, homeBlock: number): number {
  const at = homeBlock * 4096;
  const extents = volumes.flatMap((each) => each.extents);
  const found = extents.find(({ start, lengthBytes }) => at >= start && at < start + lengthBytes);
  return found?.reference ?? 0;
}
