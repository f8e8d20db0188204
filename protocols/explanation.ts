/** Where a block of a volume is and how a host reaches it: what `explain` asks a host, and what it answers. */
import { z } from 'zod';
import { attachModeSchema, mirrorStateSchema } from './control-data.ts';
import type {
  DiskId,
  ExtentId,
  HbaId,
  HostId,
  LinkId,
  MirrorSetId,
  SwitchId,
  VolumeId,
} from './ids.ts';
import { count, id } from './schema.ts';
import type {
  AttachEpoch,
  DiskOffset,
  EventCount,
  Generation,
  Incarnation,
  PartitionEpoch,
  VolumeOffset,
} from './units.ts';

export const explainQuerySchema = z.strictObject({
  volume: id<VolumeId>(),
  offset: count<VolumeOffset>(),
});
export type ExplainQuery = z.infer<typeof explainQuerySchema>;

const explainedPathSchema = z.object({
  hba: id<HbaId>(),
  route: z.array(id<LinkId>()),
  hops: z.int(),
  state: z.enum(['usable', 'standby', 'suspect', 'quarantined', 'failed']),
  /** I/Os of this host under way that leave by its first link. */
  outstanding: z.int(),
  /** True for the one that a request to this end would take now. */
  chosen: z.boolean(),
  /** In words: why it is chosen, or why the chosen one is better. */
  why: z.string(),
});
export type ExplainedPath = z.infer<typeof explainedPathSchema>;

const explainedMirrorSchema = z.object({
  disk: id<DiskId>(),
  extent: id<ExtentId>(),
  /** Where the asked byte is on the disk. */
  diskOffset: count<DiskOffset>(),
  /** The worst of the mirrors around it; `single` for the one copy of a volume without mirrors here. */
  state: z.union([mirrorStateSchema, z.literal('single')]),
  /** In words: why it is not read, and whether it is written; '' for one that is both. */
  why: z.string(),
  /** The outermost mirror set that it belongs to; '' for none. */
  mirrorSet: z.union([id<MirrorSetId>(), z.literal('')]),
  eventCount: count<EventCount>(),
  /** I/Os of this host under way at the disk. */
  outstanding: z.int(),
  paths: z.array(explainedPathSchema),
});
export type ExplainedMirror = z.infer<typeof explainedMirrorSchema>;

/** Which way a request takes now. */
const explainedWaySchema = z.object({
  /** What is at its end: `disk:d1`; '' when there is no way. */
  target: z.string(),
  hba: z.string(),
  route: z.array(id<LinkId>()),
  why: z.string(),
});

/** Whether a read may end at a cache of the switch that it goes by. Whether that has kept the block, the switch knows. */
const explainedCacheSchema = z.object({
  /** '' where none is on the way. */
  switch: z.union([id<SwitchId>(), z.literal('')]),
  mayAnswer: z.boolean(),
  /** What a kept block must have been read under, beside the attach epoch. */
  regionWrites: count<number>(),
  why: z.string(),
});
export type ExplainedCache = z.infer<typeof explainedCacheSchema>;

/** Asks a switch whether it has kept a block: body of the command `cached`. */
export const cachedQuerySchema = z.strictObject({
  volume: id<VolumeId>(),
  offset: count<VolumeOffset>(),
  attachEpoch: count<AttachEpoch>(),
  regionWrites: count<number>(),
});
export type CachedQuery = z.infer<typeof cachedQuerySchema>;

/**
 * Whether a read would be answered from a cache. `old`: it was read under other numbers, and answers nothing any more.
 * `unproven`: no disk has answered its attachment of late, so that one is asked first.
 */
const keptSchema = z.enum(['yes', 'unproven', 'old', 'no']);
export type Kept = z.infer<typeof keptSchema>;

export const cachedAnswerSchema = z.looseObject({
  kept: keptSchema,
});

export const explanationSchema = z.object({
  host: id<HostId>(),
  volume: id<VolumeId>(),
  offset: count<VolumeOffset>(),
  /** Why the volume is not serving now; '' when it is. */
  reason: z.string(),
  attach: z.object({ mode: attachModeSchema, readOnly: z.boolean(), epoch: count<AttachEpoch>() }),
  generation: count<Generation>(),
  /** Marked on all mirrors as a region that this host may be writing to: after a crash it is compared (DESIGN H10). */
  isDirty: z.boolean(),
  partition: z.object({
    partition: z.int(),
    coordinator: id<SwitchId>(),
    epoch: count<PartitionEpoch>(),
    ownerIncarnation: count<Incarnation>(),
    /** I/Os of this host under way at the coordinator. */
    outstanding: z.int(),
    paths: z.array(explainedPathSchema),
  }),
  mirrors: z.array(explainedMirrorSchema),
  reads: explainedWaySchema,
  cache: explainedCacheSchema,
  writes: explainedWaySchema,
});
export type Explanation = z.infer<typeof explanationSchema>;
