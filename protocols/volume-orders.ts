/** What an operator orders a virtualizer to do with a volume. */
import { z } from 'zod';
import type { DiskId, SwitchId, VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import type { Generation } from './units.ts';

/** Asks for other coordinators of a volume, for good: an operator's word counts more than the topology's. */
export const coordinatorMoveSchema = z.strictObject({
  volume: id<VolumeId>(),
  /** Default: all of them. */
  partition: count<number>().optional(),
  /** Default: back to whom the topology names. */
  to: id<SwitchId>().optional(),
});
export type CoordinatorMove = z.infer<typeof coordinatorMoveSchema>;

/** Has a volume assembled that lacks a mirror which has all that was written: with less than that. */
export const assembleOrderSchema = z.strictObject({
  volume: id<VolumeId>(),
  /** The mirrors on these are right. */
  disks: z.array(id<DiskId>()).min(1).max(256),
  /** False: it is only asked what would be lost. */
  isForced: z.boolean(),
  /** The last decision when that was looked at: the order is about no later one, however late it arrives. */
  generation: count<Generation>().optional(),
});
export type AssembleOrder = z.infer<typeof assembleOrderSchema>;
