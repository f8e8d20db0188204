/** Commands about scrubs: a volume is scrubbed range by range, each by the coordinators of it. */
import { z } from 'zod';
import type { VolumeId } from './ids.ts';
import { count, id } from './schema.ts';
import { blockBytes, mebibyte, type VolumeOffset } from './units.ts';

/** The most that is scrubbed by one command. */
export const scrubBytesMax = 4 * mebibyte;

const wholeBlocks = (bytes: number) => bytes % blockBytes === 0;

/** Has a switch scrub whole blocks of a volume, all in partitions that it serves. */
export const scrubQuerySchema = z.object({
  volume: id<VolumeId>(),
  offset: count<VolumeOffset>().refine(wholeBlocks, 'must be whole blocks of 4 KiB'),
  lengthBytes: z.int().min(blockBytes).max(scrubBytesMax).refine(wholeBlocks),
});
export type ScrubQuery = z.infer<typeof scrubQuerySchema>;

/** What came of it. */
export const scrubAnswerSchema = z.object({
  /** On all mirrors in sync together. */
  verifiedBytes: count<number>(),
  /** On mirrors that are not in sync, and were not looked at: what they have says nothing. */
  skippedBytes: count<number>(),
  /** Made good again on every mirror. */
  repairedBlocks: count<number>(),
  /** Stayed as they were, for nobody knows what is right. */
  keptBlocks: count<number>(),
  /** Where the first of these begins in the volume, and why it was kept; -1 and '' when there is none. */
  keptAt: z.int().min(-1),
  keptReason: z.string(),
});
export type ScrubAnswer = z.infer<typeof scrubAnswerSchema>;

/** What an operator wants of a virtualizer: a scrub of a volume, none any more, or to know how far one is. */
export const scrubOrderSchema = z.object({
  volume: id<VolumeId>(),
  action: z.enum(['start', 'stop', 'look']),
});
export type ScrubOrder = z.infer<typeof scrubOrderSchema>;

/** How far the scrub of a volume is, or what came of the last one. Its numbers begin anew with each virtualizer. */
export const scrubProgressSchema = scrubAnswerSchema.extend({
  /** Where its machine stands. */
  state: z.string(),
  /** What is in the way, or why it ended before its end, for people; '' for nothing. */
  reason: z.string(),
  /** Which scrub it is, from 1; 0 before the first. */
  number: count<number>(),
  /** The last one that came to its end. */
  completed: count<number>(),
  /** When one came to its end last, by whatever virtualizer: milliseconds since 1970; null when that is not known. */
  completedAtMs: count<number>().nullable().default(null),
  /** Of the volume. */
  doneBytes: count<number>(),
  totalBytes: count<number>(),
  /** At the pace so far; null while that is not known. */
  etaSeconds: count<number>().nullable(),
});
export type ScrubProgress = z.infer<typeof scrubProgressSchema>;
