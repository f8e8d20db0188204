/**
 * Events: JSON on `evt.<kind>.<id>.<what>`, for people and for the virtualizer. Each carries a per-actor sequence
 * number that begins at 1 with each process, so that a gap is seen. Core NATS may lose one: nothing depends on an event alone.
 */
import { z } from 'zod';
import { mirrorStateSchema } from './control-data.ts';
import type { DiskId, LinkId, MirrorSetId, NodeId, SwitchId, VolumeId } from './ids.ts';
import { actorKinds } from './ids.ts';
import { count, id } from './schema.ts';
import type { Incarnation } from './units.ts';

const actorAddressSchema = z.object({ kind: z.enum(actorKinds), id: id<string>() });

/** What all events carry; the fields of each `what` stand beside these. */
export const eventSchema = z.looseObject({
  sequence: count<number>(),
  incarnation: count<Incarnation>(),
  /** Milliseconds since 1970. */
  timeMs: z.number(),
});
export type EventBody = z.infer<typeof eventSchema>;

export const eventNames = {
  /** An actor started or reconnected: body carries a `Description`. */
  hello: 'hello',
  /** An actor ends on purpose. */
  goodbye: 'goodbye',
  /** A machine changed state: body carries `TransitionFields`. */
  transition: 'transition',
  /** Something was decided: `{ volume, what, generation, … }`. */
  decision: 'decision',
  /** From a virtualizer: a mirror became another state, and why: body carries `MembershipFields`. */
  membership: 'membership',
  /** From a virtualizer: hosts serve other exports than before: `{ controlEpoch, number }`. */
  exports: 'exports',
  /** Something went wrong: `{ what, … }`. From a node: `what` is `injected` or `healed`, with the fields of a `Fault`. */
  fault: 'fault',
  /** From a host: a read met a bad mirror, and how that went: body carries `MirrorRetryFields`. */
  mirrorRetry: 'mirror-retry',
  /** From a switch: blocks of a mirror were made good again, or could not be: body carries `RepairFields`. */
  repair: 'repair',
  /**
   * From a switch: its partitions of a volume are equal on all mirrors in sync, or on those resyncing, too, or that waits:
   * `{ volume, generation, … }`.
   */
  settled: 'settled',
  /** From a node's supervisor: a process ended: `{ node, actors, signal, code }`. */
  exited: 'exited',
  /** From a host: all that a path's failure or silence hit has ended: body carries `FailoverFields`. */
  failover: 'failover',
  /** From a host: it leaves a slow switch, what came of that, or that it returns: body carries `BalanceFields`. */
  balance: 'balance',
  /** From a virtualizer: an actor is suspected to be silent, and what came of it: body carries `SuspicionFields`. */
  suspicion: 'suspicion',
  /** From a switch: nobody listened at the other end of a link: `{ link }`. */
  linkDown: 'link-down',
} as const;

export const suspicionSchema = z.looseObject({
  suspect: actorAddressSchema,
  /**
   * `cleared`: it was heard of. `silent`: it was not while others were, and counts as gone. `deaf`: it is heard of, but
   * answers no I/O while others do, and is not to coordinate.
   */
  verdict: z.enum(['suspected', 'cleared', 'silent', 'deaf']),
  /** Why it was looked at, for people. */
  cause: z.string(),
  /** Since it was last heard of. */
  silentMs: z.number(),
  /** How long it may be silent while others answer at once. */
  patienceMs: z.number(),
  /** Later than this its heartbeats are only now and then. */
  usuallyLateMs: z.number(),
  /** Pings to it, and how many others were asked with it. */
  pings: count<number>(),
  witnesses: count<number>(),
});
export type SuspicionFields = z.infer<typeof suspicionSchema>;

export const mirrorRetrySchema = z.looseObject({
  volume: id<VolumeId>(),
  offset: count<number>(),
  lengthBytes: count<number>(),
  /** The disks that could not be read there, in the order in which they were tried. */
  failed: z.array(id<DiskId>()).max(64).readonly(),
  /** The disk that gave the bytes; '' when none could. */
  readFrom: z.union([id<DiskId>(), z.literal('')]),
});
export type MirrorRetryFields = z.infer<typeof mirrorRetrySchema>;

export const repairSchema = z.looseObject({
  volume: id<VolumeId>(),
  offset: count<number>(),
  lengthBytes: count<number>(),
  /** `kept`: nobody knows what is right, or it cannot be read: nothing was changed. */
  outcome: z.enum(['repaired', 'kept']),
  /** The disks whose blocks were bad. */
  disks: z.array(id<DiskId>()).max(64).readonly(),
  /** Whose blocks were copied; '' when none were. */
  source: z.union([id<DiskId>(), z.literal('')]),
  /** Why nothing was changed, for people; '' when it was. */
  reason: z.string(),
});
export type RepairFields = z.infer<typeof repairSchema>;

export const membershipSchema = z.looseObject({
  volume: id<VolumeId>(),
  set: id<MirrorSetId>(),
  /** Which of the set's mirrors, from 0, and the disks that it lies on. */
  mirror: count<number>(),
  disks: z.array(id<DiskId>()).max(4096).readonly(),
  from: mirrorStateSchema,
  to: mirrorStateSchema,
  /** Of the set, from now on. */
  eventCount: count<number>(),
  /** Why, for people. */
  reason: z.string(),
});
export type MembershipFields = z.infer<typeof membershipSchema>;

export const transitionSchema = z.looseObject({
  /** The machine's kind, or kind and subject: `path:s1-d1`. */
  machine: z.string(),
  /** '' at its start. */
  from: z.string(),
  to: z.string(),
  /** What made it move; '' at its start. */
  event: z.string(),
  /** Why, for people; '' when it does not say, or is what it said last. */
  reason: z.string(),
});
export type TransitionFields = z.infer<typeof transitionSchema>;

/** The story of a path failover, told once, at its end. */
export const failoverSchema = z.looseObject({
  /** The link or HBA that failed first; or the switch, disk or link that was silent. */
  subject: z.string(),
  /** What was seen of that. */
  seen: z.string(),
  /** What was decided, in the order in which it was. */
  decided: z.string(),
  /** The way that was taken next; '' and none when there was none. */
  hba: z.string(),
  route: z.array(z.string()),
  /** Physical I/Os that it hit, and how often any of them was sent again. */
  hit: count<number>(),
  reissues: count<number>(),
  /** From when that was seen until the last of them had ended. */
  tookMs: z.number(),
});
export type FailoverFields = z.infer<typeof failoverSchema>;

/** Where a move was judged, what it did for those who read is told, and that is its end: kept, or taken back. */
export const balanceSchema = z.looseObject({
  switch: id<SwitchId>(),
  /** Whether paths avoid it from now on. */
  avoided: z.boolean(),
  /** Why, for people. */
  reason: z.string(),
  /** How long answers took that came through it, and how long they took since by other ways; 0: there were none. */
  beforeMs: z.number().optional(),
  sinceMs: z.number().optional(),
  /** I/Os that ended since the move. */
  ios: count<number>().optional(),
});
export type BalanceFields = z.infer<typeof balanceSchema>;

/** Body of `link-down`. */
export const linkDownSchema = z.looseObject({ link: id<LinkId>() });

/** What telemetry carries beside a `Description`: the number of the last event, so that its loss is seen too. */
export const lastEventSchema = z.looseObject({
  incarnation: count<Incarnation>(),
  lastEvent: count<number>(),
});

/** Body of `exited`: proof that these actors' process is gone. */
export const nodeExitedSchema = z.looseObject({
  node: id<NodeId>(),
  actors: z.array(actorAddressSchema).max(4096),
});
export type NodeExited = z.infer<typeof nodeExitedSchema>;
