/** What everybody is told of a repair that has ended. */
import type { RepairFields } from '../../protocols/events.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { BlockRange } from './block-ranges.ts';
import type { CoordinatorCounters, CoordinatorParts } from './coordinator-parts.ts';
import type { RepairResult } from './repair.ts';

/** Counts a repair, and tells of it: of what was made good, and of what stayed as it was. */
export function tellRepair(
  parts: Pick<CoordinatorParts, 'tellRepair'>,
  counters: Pick<CoordinatorCounters, 'repairs'>,
  volume: VolumeId,
  { start, lengthBytes }: BlockRange,
  { repairedBlocks, disks, source, keptReason, keptDisks }: RepairResult,
): void {
  const range: Pick<RepairFields, 'volume' | 'offset' | 'lengthBytes'> = {
    volume,
    offset: start,
    lengthBytes,
  };
  if (repairedBlocks > 0) {
    counters.repairs++;
    const done = { outcome: 'repaired', disks: [...disks], source, reason: '' } as const;
    parts.tellRepair({ ...range, ...done, blocks: repairedBlocks });
  }
  if (keptReason === '') return;
  const kept = { outcome: 'kept', disks: [...keptDisks], source: '', reason: keptReason } as const;
  parts.tellRepair({ ...range, ...kept });
}
