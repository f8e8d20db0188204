/** Copies of blocks as disks have them, made up. */
import type { DiskCopy } from '../../../cluster/fsck/block-judgement.ts';
import { BlockState } from '../../../cluster/fsck/block-reader.ts';
import { checksumOf } from '../../../protocols/checksums.ts';
import {
  tagRecordsBytes,
  writeLostRecord,
  writeTagRecord,
} from '../../../protocols/frames/tag-records.ts';
import { idOf } from '../../../protocols/ids.ts';
import { blockBytes } from '../../../protocols/units.ts';

export interface Written {
  readonly value: number;
  readonly epoch?: number;
  readonly writeNumber?: number;
  readonly state?: BlockState;
}

/** A disk's copy of blocks that begin at 1 MiB of it. */
export function copyOn(disk: string, blocks: readonly Written[], isInSync = true): DiskCopy {
  const bytes = Buffer.concat(blocks.map(({ value }) => Buffer.alloc(blockBytes, value)));
  const records = new DataView(new ArrayBuffer(tagRecordsBytes(bytes.length)));
  for (const [index, { value, epoch = 5, writeNumber = 9, state }] of blocks.entries()) {
    const checksum = checksumOf(Buffer.alloc(blockBytes, value));
    if (state === BlockState.lostTag) writeLostRecord(records, index);
    else writeTagRecord(records, index, { epoch, writeNumber, checksum });
  }
  const states = blocks.map(({ state = BlockState.whole }) => state);
  const copy = { bytes, records, states, readBlocks: blocks.length };
  return { disk: idOf(disk), diskOffset: 1024 * 1024, isInSync, copy };
}
