/**
 * Events: JSON on `evt.<kind>.<id>.<what>`, for people and for the virtualizer. Each carries a per-actor sequence
 * number, so that a gap is seen. Core NATS may lose one: nothing depends on an event alone.
 */
import { z } from 'zod';
import type { NodeId } from './ids.ts';
import { actorKinds } from './ids.ts';
import { count, id } from './schema.ts';
import type { Incarnation } from './units.ts';

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
  /** A machine changed state: `{ machine, from, to, event }`. */
  transition: 'transition',
  /** Something was decided: `{ volume, what, generation, … }`. */
  decision: 'decision',
  /** From a virtualizer: hosts serve other exports than before: `{ controlEpoch, number }`. */
  exports: 'exports',
  /** Something went wrong: `{ what, … }`. */
  fault: 'fault',
  /** From a node's supervisor: a process ended: `{ node, actors, signal, code }`. */
  exited: 'exited',
} as const;

/** Body of `exited`: proof that these actors' process is gone. */
export const nodeExitedSchema = z.looseObject({
  node: id<NodeId>(),
  actors: z.array(z.object({ kind: z.enum(actorKinds), id: id<string>() })).max(4096),
});
export type NodeExited = z.infer<typeof nodeExitedSchema>;
