/**
 * What hosts and virtualizers tell each other about paths (DESIGN H6, H8): which ways are left, asked when a special
 * error code names none, and which ways a host prefers.
 */
import { z } from 'zod';
import { routeSchema } from './control-data.ts';
import type { DiskId, HbaId, HostId, LinkId, SwitchId, VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import type { Incarnation } from './units.ts';

/** The end of a way: a disk, or a switch as coordinator. */
export const pathTargetSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('disk'), id: id<DiskId>() }),
  z.object({ kind: z.literal('switch'), id: id<SwitchId>() }),
]);
export type PathTarget = z.infer<typeof pathTargetSchema>;

/** The most targets of one query: the copies of a block. */
export const queriedTargetsMax = 16;
/** The most links that a host names as failed. */
export const failedLinksMax = 1024;
/** The most ways that an answer holds. */
export const queriedWaysMax = 64;

export const pathQuerySchema = z.object({
  host: id<HostId>(),
  volume: id<VolumeId>(),
  /** Any of them will do. */
  targets: z.array(pathTargetSchema).min(1).max(queriedTargetsMax),
  /** Ways over these are no answer. */
  failed: z.array(id<LinkId>()).max(failedLinksMax),
});
export type PathQuery = z.infer<typeof pathQuerySchema>;

export const pathAnswerSchema = z.looseObject({
  /** Ways of this host to any of the targets, every actor on which has answered just now; those first that it prefers. */
  routes: z.array(routeSchema).max(queriedWaysMax),
  /** Switches and disks that did not answer. */
  silent: z.array(id<string>()).max(failedLinksMax),
});
export type PathAnswer = z.infer<typeof pathAnswerSchema>;

/** More than these are not told: a host of a large fabric tells of its first ones. */
export const preferredPathsMax = 1024;

export const preferredPathSchema = z.object({
  target: pathTargetSchema,
  hba: id<HbaId>(),
  /** From the HBA on. */
  links: z.array(id<LinkId>()).max(8),
});
export type PreferredPath = z.infer<typeof preferredPathSchema>;

/**
 * The ways that a host prefers now; takes the place of what the same process said before. To each target they stand in
 * the order in which the host would take them.
 */
export const pathPreferenceSchema = z.object({
  host: id<HostId>(),
  hostIncarnation: count<Incarnation>(),
  /** Counts what this process has told: an older copy that arrives late changes nothing. */
  number: count<number>(),
  paths: z.array(preferredPathSchema).max(preferredPathsMax),
  /** The links over which nothing of this host gets through now: who is behind them cannot coordinate its writes. */
  failed: z.array(id<LinkId>()).max(failedLinksMax).default([]),
  /** The switches that it avoids because they are slow: they should not coordinate its writes (H7). */
  avoided: z.array(id<SwitchId>()).max(failedLinksMax).default([]),
});
export type PathPreference = z.infer<typeof pathPreferenceSchema>;
