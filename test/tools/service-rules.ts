/**
 * What answers to NATS service discovery must look like for the `nats` command line tool, which is written in Go: the
 * rules of `io.nats.micro.v1.{ping,info,stats}_response`, stated anew. It reads counts and durations as whole numbers
 * of 64 bits; one fraction makes it refuse the whole table.
 */
import { z } from 'zod';

const name = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const text = z.string().min(1);
const whole = z.int().min(0);
const metadata = z.record(z.string(), z.string()).nullable();

const prerelease = /(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)/.source;
const number = /(?:0|[1-9]\d*)/.source;
const build = /[0-9a-zA-Z-]+/.source;
const semanticVersion = new RegExp(
  `^${number}\\.${number}\\.${number}(-${prerelease}(\\.${prerelease})*)?(\\+${build}(\\.${build})*)?$`,
);

const identity = {
  name,
  id: text,
  version: z.string().regex(semanticVersion),
  metadata,
};

const pingSchema = z.strictObject({
  type: z.literal('io.nats.micro.v1.ping_response'),
  ...identity,
});

const infoSchema = z.strictObject({
  type: z.literal('io.nats.micro.v1.info_response'),
  ...identity,
  description: z.string(),
  subjects: z.array(text),
  endpoints: z.array(z.strictObject({ name, subject: text, queue_group: z.string(), metadata })),
});
export type ServiceInfo = z.infer<typeof infoSchema>;

const statsSchema = z.strictObject({
  type: z.literal('io.nats.micro.v1.stats_response'),
  ...identity,
  started: z.iso.datetime({ offset: true }),
  endpoints: z.array(
    z.strictObject({
      name,
      subject: text,
      queue_group: z.string(),
      num_requests: whole,
      num_errors: whole,
      last_error: z.string(),
      processing_time: whole,
      average_processing_time: whole,
      data: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});
export type ServiceStats = z.infer<typeof statsSchema>;

export const serviceVerbs = ['PING', 'INFO', 'STATS'] as const;
export type ServiceVerb = (typeof serviceVerbs)[number];

const schemas = { PING: pingSchema, INFO: infoSchema, STATS: statsSchema };

/** Everything that is wrong with an answer, for people; '' when it is right. */
export function serviceProblems(verb: ServiceVerb, answer: unknown): string {
  const parsed = schemas[verb].safeParse(answer);
  return parsed.success ? '' : z.prettifyError(parsed.error);
}

/** An answer to `STATS` that keeps the rules. @throws Error when it does not. */
export function statsOf(answer: unknown): ServiceStats {
  return statsSchema.parse(answer);
}

/** An answer to `INFO` that keeps the rules. @throws Error when it does not. */
export function infoOf(answer: unknown): ServiceInfo {
  return infoSchema.parse(answer);
}
