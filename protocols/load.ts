/** What a switch tells of its load, about once a second, in its telemetry (DESIGN H7). */
import { z } from 'zod';
import type { LinkId } from './ids.ts';
import { id } from './schema.ts';

const rate = z.number().nonnegative();

export const linkTrafficSchema = z.looseObject({
  link: id<LinkId>(),
  /** Sent over it by this switch. */
  framesPerSecond: rate,
  bytesPerSecond: rate,
});
export type LinkTraffic = z.infer<typeof linkTrafficSchema>;

export const switchLoadFactsSchema = z.looseObject({
  /** How late work is done in its process: the worst of the last second. */
  queueDelayMs: rate,
  /** I/Os that wait in it for a disk. */
  openCalls: rate,
  /** Frames that it sent on, of all links. */
  framesPerSecond: rate,
  bytesPerSecond: rate,
  links: z.array(linkTrafficSchema).max(1024),
});
export type SwitchLoadFacts = z.infer<typeof switchLoadFactsSchema>;

/** The part of a switch's telemetry that hosts read. */
export const switchTelemetrySchema = z.looseObject({
  facts: z.looseObject({ load: switchLoadFactsSchema }),
});
