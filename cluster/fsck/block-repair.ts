/**
 * Repairs bad blocks of mirrors in sync: the disk's own tag and checksum say what the block was, and another mirror in sync
 * has just that, by the same tag. So what the disk holds becomes what it has held before, and nothing else: no tag is
 * changed, and no block that can be read. Where the tag is lost, or nobody in sync has the block with the same tag, nothing
 * is done (DESIGN I13).
 */
import { checksumOf } from '../../protocols/checksums.ts';
import {
  recordChecksum,
  recordEpoch,
  recordWriteNumber,
} from '../../protocols/frames/tag-records.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { blockBytes } from '../../protocols/units.ts';
import {
  type DiskCopy,
  dataOf,
  isSameRecord,
  type JudgedRange,
  placeOf,
  recordOf,
} from './block-judgement.ts';
import { BlockState, placeOf as placeOnStore } from './block-reader.ts';
import { writeDurably } from './durable-write.ts';
import type { UsableDisk } from './examined-disk.ts';
import type { Repair } from './repair-list.ts';

/** A block that is to be written again, and from where. */
export interface BlockRepair {
  /** Within the range. */
  readonly index: number;
  readonly bad: DiskCopy;
  readonly source: DiskCopy;
}

/** The bad blocks of a range that can be repaired. Pure. */
export function repairableBlocks({ blocks, copies }: JudgedRange): readonly BlockRepair[] {
  const repairs: BlockRepair[] = [];
  const inSync = copies.filter(({ isInSync }) => isInSync);
  for (let index = 0; index < blocks; index++)
    for (const bad of inSync) {
      const source = sourceOf(bad, inSync, index);
      if (source !== null) repairs.push({ index, bad, source });
    }
  return repairs;
}

function sourceOf(bad: DiskCopy, inSync: readonly DiskCopy[], index: number): DiskCopy | null {
  const state = bad.copy.states[index];
  if (state !== BlockState.rotten && state !== BlockState.unreadable) return null;
  const wanted = recordChecksum(recordOf(bad.copy, index), 0);
  const holders = inSync.filter(
    (other) =>
      other !== bad &&
      other.copy.states[index] === BlockState.whole &&
      isSameRecord(other.copy, bad.copy, index),
  );
  const [source] = holders;
  if (source === undefined) return null;
  // Of what mirrors with the same tag have differently none is believed.
  return holders.every(({ copy }) => checksumOf(dataOf(copy, index)) === wanted) ? source : null;
}

/** Repairs what can be repaired of a range. */
export async function repairBlocks(
  range: JudgedRange,
  disks: ReadonlyMap<DiskId, UsableDisk>,
  repaired: (repair: Repair) => void,
): Promise<void> {
  for (const { index, bad, source } of repairableBlocks(range)) {
    const parts = disks.get(bad.disk)?.parts;
    if (parts === undefined) continue;
    const place = placeOnStore(parts, bad.diskOffset / blockBytes + index);
    const bytes = Buffer.from(dataOf(source.copy, index));
    const problem = await writeDurably(parts.store, place, bytes);
    repaired({ ...toldOf(range, { index, bad, source }), problem });
  }
}

function toldOf(range: JudgedRange, { index, bad, source }: BlockRepair): Omit<Repair, 'problem'> {
  const { block, text } = placeOf(range, index, [bad]);
  const record = recordOf(bad.copy, index);
  const state = bad.copy.states[index] ?? BlockState.whole;
  const tag = `epoch ${recordEpoch(record, 0)}, write number ${recordWriteNumber(record, 0)}`;
  return {
    kind: 'bad-block',
    disk: bad.disk,
    volume: range.volume,
    ...(block === undefined ? {} : { block }),
    was: `${text} ${state === BlockState.unreadable ? 'could not be read from the medium' : 'did not match its checksum'}`,
    is: `It is what its tag says again (${tag}), as ${source.disk} has it.`,
  };
}
