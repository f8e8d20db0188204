/** Blocks of a volume in the files of its disks, which are read and written behind the back of the disks' processes. */
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type DiskLayout, layoutOf } from '../../../actors/disk/disk-layout.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { cutRange } from '../../../protocols/layout/geometry.ts';
import type { Layout } from '../../../protocols/layout/layout.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../../protocols/units.ts';

/** One copy of a block. */
export interface BlockCopyPlace {
  readonly disk: DiskId;
  /** Its number among the blocks of the disk. */
  readonly homeBlock: number;
}

export class DiskBlocks {
  readonly #folder: string;
  readonly #layout: Layout;

  /** @param layout of the volume: where its blocks lie on disks */
  constructor(dataFolder: string, layout: Layout) {
    this.#folder = join(dataFolder, 'disks');
    this.#layout = layout;
  }

  file(disk: string): string {
    return join(this.#folder, `${disk}.disk`);
  }

  /** Where everything lies in the file of a disk. */
  partsOf(disk: string): DiskLayout {
    const parts = layoutOf(statSync(this.file(disk)).size);
    if (parts === null) throw new Error(`the file of disk ${disk} is too small`);
    return parts;
  }

  /** The copies of a block of the volume. */
  copiesOf(block: number): readonly BlockCopyPlace[] {
    const start = unitOf<VolumeOffset>(block * blockBytes);
    const [part] = cutRange(this.#layout, { start, lengthBytes: blockBytes });
    return (part?.legs ?? []).map(({ disk, offset }) => ({ disk, homeBlock: offset / blockBytes }));
  }

  /** What lies at a block's home, whether or not the disk has something newer in its journal. */
  readHome({ disk, homeBlock }: BlockCopyPlace): Buffer {
    return this.read(disk, this.partsOf(disk).homeStart + homeBlock * blockBytes, blockBytes);
  }

  writeHome({ disk, homeBlock }: BlockCopyPlace, bytes: Uint8Array): void {
    this.write(disk, this.partsOf(disk).homeStart + homeBlock * blockBytes, bytes);
  }

  read(disk: string, at: number, lengthBytes: number): Buffer {
    const bytes = Buffer.alloc(lengthBytes);
    const opened = openSync(this.file(disk), 'r');
    readSync(opened, bytes, 0, lengthBytes, at);
    closeSync(opened);
    return bytes;
  }

  write(disk: string, at: number, bytes: Uint8Array): void {
    const opened = openSync(this.file(disk), 'r+');
    writeSync(opened, bytes, 0, bytes.length, at);
    closeSync(opened);
  }
}
