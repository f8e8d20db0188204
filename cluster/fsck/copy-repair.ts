/**
 * Repairs what a disk keeps twice about itself: of a superblock or checkpoint whose one copy is damaged, the other copy is
 * written there again. Neither changes what the disk knows: what is newest stays so. Where both copies are damaged nothing
 * is done, for nobody knows what they said.
 */
import { encodeCheckpoint } from '../../actors/disk/checkpoint-record.ts';
import { encodeSlot, type Slot } from '../../actors/disk/superblock.ts';
import { blockBytes } from '../../protocols/units.ts';
import { writeDurably } from './durable-write.ts';
import type { UsableDisk } from './examined-disk.ts';
import type { Repair } from './repair-list.ts';

/** A copy that is to be written. */
interface CopyRepair extends Pick<Repair, 'kind' | 'was' | 'is'> {
  readonly place: number;
  readonly bytes: Uint8Array;
}

/** Repairs all damaged copies of a disk. */
export async function repairCopies(
  disk: UsableDisk,
  repaired: (repair: Repair) => void,
): Promise<void> {
  for (const { place, bytes, ...what } of [...superblocksOf(disk), ...checkpointsOf(disk)]) {
    const problem = await writeDurably(disk.parts.store, place, bytes);
    repaired({ ...what, disk: disk.content.disk, problem });
  }
}

const copyNames = ['first', 'second'];

function superblocksOf({ content, slots, parts }: UsableDisk): readonly CopyRepair[] {
  return slots.flatMap((slot, index): readonly CopyRepair[] => {
    const [copy, parity] = [index >> 1, index % 2];
    const other = slots[(1 - copy) * 2 + parity];
    const place = parts.layout.superblockStarts[copy]?.[parity];
    if (slot.kind === 'valid' || other?.kind !== 'valid' || place === undefined) return [];
    const bytes = encodeSlot(other.superblock);
    if (bytes === null) return [];
    const numbers = parity === 0 ? 'even' : 'odd';
    return [
      {
        kind: 'damaged-superblock',
        place,
        bytes,
        was: `of disk ${content.disk} the ${copyNames[copy]} copy of its superblocks with ${numbers} numbers ${troubleOf(slot)}`,
        is: `It is superblock ${other.superblock.sequence} again, as in the ${copyNames[1 - copy]} copy.`,
      },
    ];
  });
}

function troubleOf({ kind }: Slot): string {
  if (kind === 'blank') return 'was blank';
  return kind === 'foreign' ? 'held what is no superblock' : 'was damaged';
}

function checkpointsOf({ content, damagedCheckpoints, parts }: UsableDisk): readonly CopyRepair[] {
  return damagedCheckpoints.flatMap(({ slot, other }): readonly CopyRepair[] => {
    if (other === null) return [];
    return [
      {
        kind: 'damaged-checkpoint',
        place: parts.layout.checkpointStart + slot * blockBytes,
        bytes: encodeCheckpoint(other, parts.salt),
        was: `of disk ${content.disk} place ${slot + 1} of the 4 that say where its journal begins was damaged`,
        is: `It is checkpoint ${other.number} again, as in its other copy.`,
      },
    ];
  });
}
