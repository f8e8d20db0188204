/**
 * What the virtualizer reads in the facts that disks and hosts present of themselves (`Description`): the part of
 * them that decisions rest on. Whatever else facts hold is for people, and may change.
 */
import { z } from 'zod';
import { mirrorSetRecordSchema } from './control-data.ts';
import type { VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import type { ControlEpoch, DiskInstance, ExtentGeneration, Generation } from './units.ts';

/** What a disk's superblock says of a volume that has extents on it. */
export const diskVolumeFactsSchema = z.looseObject({
  volume: id<VolumeId>(),
  generation: count<Generation>(),
  controlEpoch: count<ControlEpoch>(),
  /** The highest partition or attach epoch of the volume that the disk has ever confirmed. */
  highestEpoch: count<number>(),
  /** Who was in sync, as far as the disk was told: of the sets that have a mirror on it. */
  mirrorSets: z.array(mirrorSetRecordSchema).max(4096).readonly(),
});
export type DiskVolumeFacts = z.infer<typeof diskVolumeFactsSchema>;

/** Facts of a disk whose store is open: its state is `unassembled` or `serving`. */
export const diskFactsSchema = z.looseObject({
  /** Made when the disk was formatted. */
  identity: z.string().regex(/^[0-9a-f]{32}$/),
  /** Of the home area: what extents are made of. */
  homeBytes: count<number>(),
  /** The cluster whose assembly it confirmed first; '' when it belongs to none yet. */
  clusterIdentity: z.string().regex(/^([0-9a-f]{32})?$/),
  /** Its last instances, the present one too: one that was decided on and is not among them was another copy's. */
  starts: z.array(count<DiskInstance>()).min(1).max(4096),
  /** The highest that any extent on it ever had, whether its volume is still there or not. */
  highestExtentGeneration: count<ExtentGeneration>(),
  volumes: z.array(diskVolumeFactsSchema).max(4096),
});
export type DiskFacts = z.infer<typeof diskFactsSchema>;

/** Facts of a host: the control data that it holds, by volume; 0 for none. */
export const hostFactsSchema = z.looseObject({
  volumes: z
    .array(z.looseObject({ volume: id<VolumeId>(), generation: count<Generation>() }))
    .max(4096),
});
export type HostFacts = z.infer<typeof hostFactsSchema>;

/** States of a disk's root machine in which it can be made a member of a volume. */
export const assemblableDiskStates: readonly string[] = ['unassembled', 'serving'];
