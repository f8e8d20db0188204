/**
 * Control data: what the virtualizer decides about a volume and tells those who act on it. One `VolumeRecord` per
 * volume is the decision itself, kept under one key of the config database (DESIGN I3); disks, switches and hosts
 * each get the part that they need. JSON on every wire, validated by these schemas where it is received.
 */
import { z } from 'zod';
import type {
  ClusterId,
  DiskId,
  ExtentId,
  HbaId,
  HostId,
  LinkId,
  MirrorSetId,
  SwitchId,
  VolumeId,
} from './ids.ts';
import { coordinatorMapSchema, layoutSchema } from './layout/layout-schema.ts';
import { count, id } from './schema.ts';
import type {
  AttachEpoch,
  ControlEpoch,
  DiskInstance,
  DiskOffset,
  EventCount,
  ExtentGeneration,
  Generation,
  Incarnation,
  PartitionEpoch,
} from './units.ts';

/** The most hosts of a cluster; all of them may share one volume. */
export const hostsMax = 4096;
const listLengthMax = 4096;
const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).max(listLengthMax);

/** Names a disk or cluster for ever: random, made at format or first start. */
const identity = z.string().regex(/^[0-9a-f]{32}$/);

export const attachModeSchema = z.enum(['exclusive', 'shared']);
export type AttachMode = z.infer<typeof attachModeSchema>;

/** Who coordinates a partition's writes, and since when (DESIGN I5). */
export const partitionRecordSchema = z.object({
  partition: count<number>(),
  coordinator: id<SwitchId>(),
  epoch: count<PartitionEpoch>(),
  ownerIncarnation: count<Incarnation>(),
});
export type PartitionRecord = z.infer<typeof partitionRecordSchema>;

/** A host that may use the volume (DESIGN I14). */
export const attachmentRecordSchema = z.object({
  host: id<HostId>(),
  hostIncarnation: count<Incarnation>(),
  attachEpoch: count<AttachEpoch>(),
  /**
   * The attach epoch that the attachment began with. Later ones fence what was sent before, but what the host has open
   * goes on under them; where this one is new, everything open before has ended.
   */
  firstEpoch: count<AttachEpoch>(),
  mode: attachModeSchema,
  readOnly: z.boolean(),
});
export type AttachmentRecord = z.infer<typeof attachmentRecordSchema>;

export const mirrorStateSchema = z.enum(['in-sync', 'stale', 'resyncing', 'detached']);
export type MirrorState = z.infer<typeof mirrorStateSchema>;

/** Membership of one mirror set; mirrors in the order of the layout node's children. */
export const mirrorSetRecordSchema = z.object({
  set: id<MirrorSetId>(),
  eventCount: count<EventCount>(),
  mirrors: listOf(mirrorStateSchema),
  /**
   * All mirrors in sync have all that was acknowledged under this partition epoch or a later one. Of what was acknowledged
   * before and never flushed some is lost, if it is not on all of them by chance: no mirror in sync had gone on then.
   */
  heldSince: count<PartitionEpoch>(),
  /** By mirror: the first partition epoch of its state. Of what was done there before, copies may have left nothing. */
  epochsSince: listOf(count<PartitionEpoch>()),
});
export type MirrorSetRecord = z.infer<typeof mirrorSetRecordSchema>;

/**
 * Where mirrors may differ when coordinators take partitions over: only under writes that attached hosts have not seen
 * the end of; only where hosts have marked that they may be writing (DESIGN H10); or anywhere.
 */
export const comparedSchema = z.enum(['unfinished', 'marked', 'all']);
export type Compared = z.infer<typeof comparedSchema>;

/** A disk process that the volume was assembled from: of mirrors that are in sync, or are being made so. */
export const diskMemberSchema = z.object({
  disk: id<DiskId>(),
  identity,
  instance: count<DiskInstance>(),
});
export type DiskMember = z.infer<typeof diskMemberSchema>;

/** A process of a host that held the volume, or of a switch that coordinated it. */
const replacedProcessSchema = z.object({
  kind: z.enum(['host', 'switch']),
  id: z.union([id<HostId>(), id<SwitchId>()]),
  incarnation: count<Incarnation>(),
});
export type ReplacedProcess = z.infer<typeof replacedProcessSchema>;

/** What a volume is, whatever state it is in. */
const volumeFacts = {
  volume: id<VolumeId>(),
  sizeBytes: count<number>(),
  logicalBlockBytes: z.union([z.literal(512), z.literal(4096)]),
  regionBytes: count<number>(),
  frameBytesMax: count<number>(),
  layout: layoutSchema,
  coordinatorMap: coordinatorMapSchema,
};

/** The numbers that were decided last. */
const volumeDecision = {
  generation: count<Generation>(),
  controlEpoch: count<ControlEpoch>(),
  partitions: listOf(partitionRecordSchema),
  mirrorSets: listOf(mirrorSetRecordSchema),
  attachments: z.array(attachmentRecordSchema).max(hostsMax),
  disks: listOf(diskMemberSchema),
  compared: comparedSchema,
};

/** A volume that was decided about. */
export const volumeRecordSchema = z.object({
  cluster: id<ClusterId>(),
  clusterIdentity: identity,
  ...volumeFacts,
  ...volumeDecision,
  /** The last number issued as a partition or attach epoch of this volume. */
  lastEpoch: count<number>(),
  /** Disk processes that were members once, were told of no decision since, and may still answer under an old one. */
  unfenced: listOf(diskMemberSchema).default([]),
  /** Processes whose place was given to others by decisions that were not in force everywhere yet. */
  replaced: listOf(replacedProcessSchema).default([]),
  /**
   * Mirrors in sync differ at most where hosts have marked that they may be writing (DESIGN H10): they were equal once
   * since hosts do that.
   */
  isMarked: z.boolean().default(false),
  /** By partition: whom an operator wants to coordinate it; none: whom the topology names. */
  preferred: listOf(id<SwitchId>()).default([]),
});
export type VolumeRecord = z.infer<typeof volumeRecordSchema>;

/** What stays of a volume that was deleted: no number of its name, and none of its extents, is ever issued again. */
export const endedVolumeSchema = z.object({
  state: z.literal('ended'),
  cluster: id<ClusterId>(),
  clusterIdentity: identity,
  volume: id<VolumeId>(),
  generation: count<Generation>(),
  controlEpoch: count<ControlEpoch>(),
  lastEpoch: count<number>(),
  /** The highest generation of its extents. */
  extentGeneration: count<ExtentGeneration>(),
});
export type EndedVolume = z.infer<typeof endedVolumeSchema>;

/** The value of the config database's key `volume.<id>`. */
export const volumeKeySchema = z
  .unknown()
  .transform((value, context): VolumeRecord | EndedVolume => {
    const ended = endedVolumeSchema.safeParse(value);
    if (ended.success) return ended.data;
    const record = volumeRecordSchema.safeParse(value);
    if (record.success) return record.data;
    for (const issue of record.error.issues)
      context.issues.push({
        code: 'custom',
        message: issue.message,
        path: issue.path,
        input: value,
      });
    return z.NEVER;
  });

/** True for what stays of a deleted volume. */
export function isEnded(value: VolumeRecord | EndedVolume): value is EndedVolume {
  return 'state' in value;
}

/** The extent of a disk that a volume owns. */
export const extentRecordSchema = z.object({
  extent: id<ExtentId>(),
  start: count<DiskOffset>(),
  lengthBytes: count<number>(),
  generation: count<ExtentGeneration>(),
  mirrorSet: z.union([id<MirrorSetId>(), z.literal('')]),
});
export type ExtentRecord = z.infer<typeof extentRecordSchema>;

/** What a disk must know, durably, of a volume that has extents on it: body of the command `assemble`. */
export const diskAssemblySchema = z.object({
  cluster: id<ClusterId>(),
  clusterIdentity: identity,
  volume: id<VolumeId>(),
  generation: count<Generation>(),
  controlEpoch: count<ControlEpoch>(),
  /** The disk and process that are meant: another one must refuse. */
  disk: diskMemberSchema,
  extents: listOf(extentRecordSchema),
  partitions: listOf(partitionRecordSchema),
  attachments: z.array(attachmentRecordSchema).max(hostsMax),
  /** Those that have a mirror on the disk: so that the survivors know who is in sync, whatever becomes of the database. */
  mirrorSets: listOf(mirrorSetRecordSchema),
});
export type DiskAssembly = z.infer<typeof diskAssemblySchema>;

/** Tells a disk that a volume is gone, as far as it was known in generations below this one: body of `forget`. */
export const diskForgetSchema = z.object({
  cluster: id<ClusterId>(),
  clusterIdentity: identity,
  volume: id<VolumeId>(),
  generation: count<Generation>(),
  controlEpoch: count<ControlEpoch>(),
  /** The disk and process that are meant: another one must refuse. */
  disk: diskMemberSchema,
});
export type DiskForget = z.infer<typeof diskForgetSchema>;

/** Tells a switch the same: body of the command `unload`. */
export const switchUnloadSchema = z.object({
  volume: id<VolumeId>(),
  generation: count<Generation>(),
});
export type SwitchUnload = z.infer<typeof switchUnloadSchema>;

/** What a switch must know to virtualize a volume and to coordinate its partitions: body of the command `load`. */
export const switchLoadSchema = z.object({
  ...volumeFacts,
  ...volumeDecision,
  /** The switch process that is meant: another one must refuse. */
  switchIncarnation: count<Incarnation>(),
});
export type SwitchLoad = z.infer<typeof switchLoadSchema>;

/**
 * What the refusal of a request brings that was made under an older generation (DESIGN V2): the decision as the switch
 * has it. By which ways a host reaches whom is not the switch's to know.
 */
export const broughtDecisionSchema = z.object({ ...volumeFacts, ...volumeDecision });
export type BroughtDecision = z.infer<typeof broughtDecisionSchema>;

/** A way from an HBA to a disk or a coordinator: the links in order, and the switches that they lead through. */
export const routeSchema = z.object({
  hba: id<HbaId>(),
  links: z.array(id<LinkId>()).min(1).max(8),
  switches: z.array(id<SwitchId>()).max(8),
});
export type Route = z.infer<typeof routeSchema>;

/** Whether the volume can be used now; what else it may be is for people. */
export const volumeStateSchema = z.enum(['assembling', 'serving']);
export type VolumeState = z.infer<typeof volumeStateSchema>;

/** What a host gets of a volume, on `ctl.<volume>.<host>` and as the answer to the command `control-data`. */
export const controlDataSchema = z.object({
  cluster: id<ClusterId>(),
  host: id<HostId>(),
  state: volumeStateSchema,
  /** Why the volume is not serving, for people; '' when it is. */
  reason: z.string().max(2000),
  ...volumeFacts,
  ...volumeDecision,
  /** Routes to every disk of the volume, by disk: the HBA map, and the paths (DESIGN H2, H3). */
  diskRoutes: z
    .array(z.object({ disk: id<DiskId>(), routes: listOf(routeSchema) }))
    .max(listLengthMax),
  /** Routes to every coordinator. */
  coordinatorRoutes: z
    .array(z.object({ coordinator: id<SwitchId>(), routes: listOf(routeSchema) }))
    .max(listLengthMax),
  /** Switches that keep what they have read: where a route to a disk begins with one, reads may end there. */
  cachingSwitches: listOf(id<SwitchId>()),
});
export type ControlData = z.infer<typeof controlDataSchema>;
