/**
 * Commands: JSON requests on `cmd.<kind>.<id>.<verb>`, each idempotent, each answered. Bodies are validated where
 * they are received; an answer is either `ok` with what was asked for, or a refusal that says what is wrong.
 */
import { z } from 'zod';
import { attachModeSchema, hostsMax } from './control-data.ts';
import { rangeBytesMax } from './frames/request.ts';
import type { DiskId, ExtentId, HbaId, HostId, LinkId, SwitchId, VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import {
  type AttachEpoch,
  type DiskInstance,
  type Generation,
  type Incarnation,
  type IoNumber,
  mebibyte,
  type PartitionEpoch,
  type VolumeOffset,
} from './units.ts';

export const refusalReasons = [
  /** The body does not fit the command. */
  'invalid',
  /** Nobody of that name, or no such verb. */
  'unknown',
  /** The request carries a number that is too old. */
  'fenced',
  /** Not now; asking again may help. */
  'not-ready',
  /** A virtualizer that does not decide now; another one may. */
  'inactive',
  /** Not allowed. */
  'refused',
  /** No answer: nobody listens. Nothing is known about an earlier copy of the request. */
  'no-responders',
  /** No answer in time: it may have been carried out. */
  'timeout',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export type Answer =
  | { readonly ok: true; readonly [field: string]: unknown }
  | { readonly ok: false; readonly reason: RefusalReason; readonly message: string };

/** An answer that says no. */
export function refusal(reason: RefusalReason, message: string): Answer {
  return { ok: false, reason, message };
}

/** Verbs by the kind of actor that answers them; bodies that are not named here are `{}`. */
export const verbs = {
  /** Every actor: answers `Description`. */
  describe: 'describe',
  /** Every actor: says that it hears and answers. */
  ping: 'ping',
  /** Disk: body `DiskAssembly`; confirmed once durable. */
  assemble: 'assemble',
  /** Disk: body `ChecksumQuery`; answers `{ checksums: number[] }`, one per `checksumChunkBytes`. */
  checksums: 'checksums',
  /** Switch: body `SwitchLoad`. Confirmed once loaded; settling of its partitions then begins. */
  load: 'load',
  /**
   * Switch: body `SettledQuery`; answers `{ settled: boolean, problem: string, remainingBytes, silentHosts, resync }`, the
   * last one `{ totalBytes, remainingBytes, copiedBlocks, isDone, problem }`.
   */
  settled: 'settled',
  /**
   * Switch: body `SettledQuery`: other switches are to take partitions of the volume over. It takes no new I/O of its
   * own ones, and answers once what was open in them has ended.
   */
  yield: 'yield',
  /** Switch: body `ScrubQuery`; answers `ScrubAnswer` once the range is verified, and repaired where it was bad. */
  scrub: 'scrub',
  /** Disk: body `DiskForget`: the volume was deleted; confirmed once durable. */
  forget: 'forget',
  /** Switch: body `SwitchUnload`: forget the volume. */
  unload: 'unload',
  /** Host, from a new coordinator: body `UnfinishedQuery`; answers `UnfinishedAnswer`. */
  unfinished: 'unfinished',
  /** Disk, from a new coordinator: body `RememberedQuery`; answers `RememberedAnswer`. */
  remembered: 'remembered',
  /** Switch, from a host: body `Invalidation`; answers `{ blocks }`, forgotten of its read cache. */
  invalidate: 'invalidate',
  /** Switch: body `CachedQuery`; answers `{ kept }`: whether a read would be answered from its cache. */
  cached: 'cached',
  /** Host: body `ExplainQuery`; answers `Explanation`. */
  explain: 'explain',
  /** Virtualizer, from a host: body `AttachRequest`; `ok` means noted; the control data comes when decided. */
  attach: 'attach',
  /** Virtualizer, from a host that has drained: body `AttachRequest`. */
  detach: 'detach',
  /** Virtualizer, from a host: body `ControlDataQuery`; answers `{ controlData }`. */
  controlData: 'control-data',
  /** Virtualizer, from a host that met a bad mirror: body `AlternatesQuery`; answers `AlternatesAnswer`. */
  alternates: 'alternates',
  /** Virtualizer, from a host: body `PathQuery`; answers `PathAnswer`. */
  paths: 'paths',
  /** Virtualizer, from a host: body `PathPreference`. */
  preferPaths: 'prefer-paths',
  /** Host: body `FailbackRequest`: prefers links again that are in reserve; answers `{ links: LinkId[] }`. */
  failback: 'failback',
  /** Virtualizer, from a host: body `SuspectReport`: switches owe it answers. */
  suspect: 'suspect',
  /** Virtualizer: body `CreateVolume`; `ok` means that it is defined for good; it serves by and by. */
  createVolume: 'create-volume',
  /** Virtualizer: body `{ volume }`; `ok` means that it will go whatever happens; it is gone by and by. */
  deleteVolume: 'delete-volume',
  /** Virtualizer: body `CoordinatorMove`; `ok` means that it is being done; answers `{ moves: string }`, for people. */
  moveCoordinator: 'move-coordinator',
  /** Virtualizer: body `AssembleOrder`; `ok` means that it is being done; answers `{ what }`: what is lost by it. */
  assembleVolume: 'assemble-volume',
  /** Virtualizer: body `ScrubOrder`; answers `ScrubProgress`. */
  scrubVolume: 'scrub-volume',
  /** Virtualizer: answers `{ volumes: VolumeListed[] }`. */
  listVolumes: 'list-volumes',
  /** Virtualizer, from whoever serves a host's exports: body `{ host }`; answers `HostExportsTold`. */
  exports: 'exports',
  /** Virtualizer, from a host or switch that met what it cannot recover from: body `TroubleReport`. */
  trouble: 'trouble',
  /**
   * Node: body `Fault`. Asked of the supervisor, which keeps what lasts longer than a process, carries out what is done
   * to processes, and asks the nodes for the rest.
   */
  fault: 'fault',
  /** Node: body `HealRequest`; answers `{ healed: Fault[] }`. */
  heal: 'heal',
} as const;

export const attachRequestSchema = z.object({
  host: id<HostId>(),
  hostIncarnation: count<Incarnation>(),
  volume: id<VolumeId>(),
  /** Which volume of that name, where it was created while the cluster ran: a namesake is not meant. */
  life: count<number>().optional(),
  mode: attachModeSchema,
  readOnly: z.boolean(),
  /** The attach epoch that the host gave up, when it asks to be attached anew: only a higher one will do. */
  lostEpoch: count<AttachEpoch>().optional(),
  /** Of a host that lets go: it did not drain, but ended writes whose result nobody knows. */
  hasEndedWrites: z.boolean().optional(),
});
export type AttachRequest = z.infer<typeof attachRequestSchema>;

export const controlDataQuerySchema = z.object({ host: id<HostId>(), volume: id<VolumeId>() });
export type ControlDataQuery = z.infer<typeof controlDataQuerySchema>;

/** Asks which other mirrors hold a range, are in sync, and can be reached by this host: of one part, not more. */
export const alternatesQuerySchema = z.object({
  host: id<HostId>(),
  volume: id<VolumeId>(),
  offset: count<VolumeOffset>(),
  lengthBytes: z.int().min(1).max(rangeBytesMax),
  /** The mirror that failed. */
  disk: id<DiskId>(),
});
export type AlternatesQuery = z.infer<typeof alternatesQuerySchema>;

/** A mirror that could not be read, and where. */
export type FailedMirror = Omit<AlternatesQuery, 'host'>;

/** Mirrors that are in sync: those that can be read now, and those that are away, or that no way leads to now. */
export const alternatesAnswerSchema = z.looseObject({
  alternates: z.array(id<DiskId>()).max(64),
  away: z.array(id<DiskId>()).max(64),
});
export type AlternatesAnswer = z.infer<typeof alternatesAnswerSchema>;
export const failbackRequestSchema = z.strictObject({
  /** One of these two. Default: all links and HBAs that are in reserve or in quarantine. */
  link: id<LinkId>().optional(),
  hba: id<HbaId>().optional(),
});
export type FailbackRequest = z.infer<typeof failbackRequestSchema>;

export const settledQuerySchema = z.object({
  volume: id<VolumeId>(),
  generation: count<Generation>(),
});
export type SettledQuery = z.infer<typeof settledQuerySchema>;

/** Asks one attachment of a host which of its writes have not ended (DESIGN I6). */
export const unfinishedQuerySchema = z.object({
  volume: id<VolumeId>(),
  hostIncarnation: count<Incarnation>(),
  /** The attachment that is meant. */
  firstEpoch: count<AttachEpoch>(),
});
export type UnfinishedQuery = z.infer<typeof unfinishedQuerySchema>;

/** More than a host has under way. */
export const unfinishedWritesMax = 4096;

export const unfinishedWriteSchema = z.object({
  ioNumber: count<IoNumber>(),
  offset: count<VolumeOffset>(),
  lengthBytes: z.int().positive(),
  fua: z.boolean(),
});
export type UnfinishedWrite = z.infer<typeof unfinishedWriteSchema>;

/** All writes below the watermark have ended; of those above it, these have not. */
export const unfinishedAnswerSchema = z.object({
  watermark: count<IoNumber>(),
  writes: z.array(unfinishedWriteSchema).max(unfinishedWritesMax),
});
export type UnfinishedAnswer = z.infer<typeof unfinishedAnswerSchema>;

/** Asks a disk that the volume was assembled on in this generation, or a later one, which writes were done there. */
export const rememberedQuerySchema = z.object({
  volume: id<VolumeId>(),
  generation: count<Generation>(),
  /** Whether they are to be durable before the answer. */
  durable: z.boolean(),
  hosts: z
    .array(
      z.object({
        host: id<HostId>(),
        hostIncarnation: count<Incarnation>(),
        ioNumbers: z.array(count<IoNumber>()).max(unfinishedWritesMax),
        /** By number: what was done under an earlier epoch does not count. */
        epochsMin: z.array(count<PartitionEpoch>()).max(unfinishedWritesMax),
      }),
    )
    .max(hostsMax),
});
export type RememberedQuery = z.infer<typeof rememberedQuerySchema>;

/** By host, in the order of the question: the numbers of those writes that were done. */
export const rememberedAnswerSchema = z.object({
  instance: count<DiskInstance>(),
  done: z.array(z.array(count<IoNumber>()).max(unfinishedWritesMax)).max(hostsMax),
});
export type RememberedAnswer = z.infer<typeof rememberedAnswerSchema>;
/** Tells a switch that a host's reads of a volume do not come by it any more (DESIGN H9). */
export const invalidationSchema = z.object({
  host: id<HostId>(),
  volume: id<VolumeId>(),
  attachEpoch: count<AttachEpoch>(),
  /** The host's next I/O: those before it, however late they arrive, are neither answered from the cache nor kept. */
  firstIo: count<IoNumber>(),
});
export type Invalidation = z.infer<typeof invalidationSchema>;

/** Switches that a host's I/O waits for, and that have answered it nothing since. */
export const suspectReportSchema = z.object({
  host: id<HostId>(),
  suspects: z
    .array(
      z.object({
        switch: id<SwitchId>(),
        /** Since the oldest of what was sent after its last answer. */
        silentMs: z.number().nonnegative(),
        /** What its answers take, smoothed. */
        usualMs: z.number().nonnegative(),
        /** Since then other switches have answered this host. */
        othersAnswer: z.boolean(),
      }),
    )
    .max(64),
});
export type SuspectReport = z.infer<typeof suspectReportSchema>;

/** How an actor presents itself: body of its `hello` event, of its telemetry and of the answer to `describe`. */
export const descriptionSchema = z.object({
  kind: z.enum(['host', 'hba', 'switch', 'disk', 'virtualizer', 'node']),
  id: id<string>(),
  /** Of the process that runs it; for a disk its instance. */
  incarnation: count<Incarnation>(),
  /** State of its root machine, as text. */
  state: z.string().max(200),
  /** Plain facts and counters of this kind of actor. */
  facts: z.record(z.string(), z.unknown()),
});
export type Description = z.infer<typeof descriptionSchema>;

/** What `checksums` computes one CRC-32 over. */
export const checksumChunkBytes = mebibyte;
export const checksumRangeBytesMax = 64 * mebibyte;

/** A range of an extent whose stored bytes are to be read, verified and summed up: how mirrors are compared. */
export const checksumQuerySchema = z.object({
  volume: id<VolumeId>(),
  extent: id<ExtentId>(),
  /** Within the extent. */
  atBytes: count<number>(),
  lengthBytes: count<number>(),
});
export type ChecksumQuery = z.infer<typeof checksumQuerySchema>;
