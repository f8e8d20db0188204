/** Which partitions are this process's, by what was decided. Pure. */
import type { PartitionRecord } from '../../protocols/control-data.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import type { LoadedVolume } from './loaded-volume.ts';
import type { Partition } from './partition.ts';

/** True for a partition that this process coordinates. */
export function isOwnedBy(
  { self, incarnation }: Pick<CoordinatorParts, 'self' | 'incarnation'>,
  { coordinator, ownerIncarnation }: PartitionRecord,
): boolean {
  return coordinator === self && ownerIncarnation === incarnation;
}

/** True when the volume leaves the partition to this process, under the same epoch. */
export function continues(
  parts: Pick<CoordinatorParts, 'self' | 'incarnation'>,
  { partitions }: LoadedVolume,
  { number, epoch }: Partition,
): boolean {
  const record = partitions[number];
  return record !== undefined && isOwnedBy(parts, record) && record.epoch === epoch;
}
