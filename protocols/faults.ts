/**
 * Faults that are asked for: what may be done to which part of a cluster, as commands carry it and events tell it. Who
 * carries it out, and by what means, is left to `cluster/faults`.
 */
import { z } from 'zod';
import { assertNever } from './codes.ts';
import { count } from './schema.ts';
import { sizeText } from './topology/sizes.ts';

/**
 * What can be struck. `host`, `switch`, `disk`, `virtualizer` stand for the actor and for the process that runs it;
 * `nats` is the server of a fabric; a `partition` lies between two actors, and what is between them is struck.
 */
export const faultTargetKinds = [
  'disk',
  'switch',
  'hba',
  'host',
  'link',
  'node',
  'nats',
  'virtualizer',
  'partition',
] as const;
export type FaultTargetKind = (typeof faultTargetKinds)[number];

const namedKinds = faultTargetKinds.filter((kind) => kind !== 'partition');
const idText = '[A-Za-z0-9_-]{1,64}';
/** No id holds it, so that both ends can be told apart whatever they are called. */
const endSeparator = '/';
const targetPattern = new RegExp(
  `^((${namedKinds.join('|')}):${idText}|partition:${idText}${endSeparator}${idText})$`,
);

/** A target as it is written everywhere: `disk:d1`, `partition:h1/s2`. */
export const faultTargetSchema = z
  .string()
  .regex(targetPattern, {
    error: `a target is a kind and a name, as in disk:d1, and a partition has two names, as in partition:h1/s2; kinds are ${faultTargetKinds.join(', ')}`,
  })
  .transform((text) => text as FaultTarget);
export type FaultTarget = `${FaultTargetKind}:${string}`;

/** The parts of a target. */
export function partsOfTarget(target: FaultTarget): {
  readonly kind: FaultTargetKind;
  readonly id: string;
} {
  const at = target.indexOf(':');
  return { kind: target.slice(0, at) as FaultTargetKind, id: target.slice(at + 1) };
}

/** The actors that a partition lies between, as they are written; the ends of its id. */
export function endsOfPartition(id: string): readonly [string, string] {
  const [one = '', other = ''] = id.split(endSeparator, 2);
  return [one, other];
}

/** Whether both name the same thing: a partition is the same from either end. */
export function isSameTarget(one: FaultTarget, other: FaultTarget): boolean {
  return targetKey(one) === targetKey(other);
}

function targetKey(target: FaultTarget): string {
  const { kind, id } = partsOfTarget(target);
  if (kind !== 'partition') return target;
  return `${kind}:${[...endsOfPartition(id)].sort().join(endSeparator)}`;
}

/** Longer than any deadline: what is slower is not slow, but down. */
const delayMsMax = 60_000;
const timesMax = 1000;

const target = { target: faultTargetSchema };

export const faultSchema = z.discriminatedUnion('kind', [
  /** A link carries nothing in either direction; an HBA's connection is gone. */
  z.strictObject({ kind: z.literal('down'), ...target }),
  /** SIGKILL; stays down until it is healed. */
  z.strictObject({ kind: z.literal('crash'), ...target }),
  /** SIGSTOP. */
  z.strictObject({ kind: z.literal('pause'), ...target }),
  /** Reads of the medium fail in a range of the disk's data, counted as `DiskOffset`; in all of it without one. */
  z
    .strictObject({
      kind: z.literal('read-error'),
      ...target,
      atBytes: count<number>().optional(),
      lengthBytes: z.int().positive().optional(),
    })
    .refine(({ atBytes, lengthBytes }) => (atBytes === undefined) === (lengthBytes === undefined), {
      error: 'a range needs both its beginning and its length',
    }),
  /** Everything takes so much longer, or so many times as long. */
  z
    .strictObject({
      kind: z.literal('slow'),
      ...target,
      delayMs: z.number().positive().max(delayMsMax).optional(),
      times: z.number().gt(1).max(timesMax).optional(),
    })
    .refine(({ delayMs, times }) => (delayMs === undefined) !== (times === undefined), {
      error: 'how slow it is must be said once: in milliseconds, or how many times as long',
    }),
  /**
   * Whatever either of two actors sends to the other is lost, and nobody is told: neither I/O nor its answers, nor
   * commands and their answers, nor control data, nor what either tells everybody. A host has its HBAs with it; an HBA
   * alone has I/O only.
   */
  z.strictObject({ kind: z.literal('cut'), ...target }),
  /** The same for what the first of them sends to the second, while it hears the second as ever. */
  z.strictObject({ kind: z.literal('one-way'), ...target }),
]);
export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault['kind'];

/** The faults that fit each kind of target. */
export const faultKindsOf: Readonly<Record<FaultTargetKind, readonly FaultKind[]>> = {
  disk: ['crash', 'pause', 'read-error', 'slow'],
  switch: ['crash', 'pause', 'slow'],
  hba: ['down'],
  host: ['crash', 'pause'],
  link: ['down', 'slow'],
  node: ['crash', 'pause'],
  nats: ['crash', 'pause'],
  virtualizer: ['crash', 'pause'],
  partition: ['cut', 'one-way'],
};

/** Body of the command `heal`: everything on the target, or everything there is. */
export const healRequestSchema = z.union([
  z.strictObject(target),
  z.strictObject({ all: z.literal(true) }),
]);
export type HealRequest = z.infer<typeof healRequestSchema>;

/** The same for faults that cannot both be there: one replaces the other. */
export function faultKey(fault: Fault): string {
  const range = fault.kind === 'read-error' ? ` ${rangeText(fault)}` : '';
  const target = fault.kind === 'cut' ? targetKey(fault.target) : fault.target;
  return `${target} ${fault.kind}${range}`;
}

/** A fault in words, without its target: `slow by 20 ms`. */
export function faultKindText(fault: Fault): string {
  switch (fault.kind) {
    case 'down':
    case 'crash':
    case 'pause':
    case 'cut':
      return fault.kind;
    case 'one-way':
      return `one-way: ${unheardText(fault.target)}`;
    case 'read-error':
      return `read-error ${rangeText(fault)}`;
    case 'slow':
      return fault.delayMs === undefined
        ? `slow ${fault.times} times`
        : `slow by ${fault.delayMs} ms`;
    default:
      return assertNever(fault, 'fault');
  }
}

/** A fault in words: `link:s1-d1 down`. */
export function faultText(fault: Fault): string {
  return `${fault.target} ${faultKindText(fault)}`;
}

function unheardText(target: FaultTarget): string {
  const [from, to] = endsOfPartition(partsOfTarget(target).id);
  return `${to} does not hear ${from}`;
}

function rangeText({
  atBytes,
  lengthBytes,
}: Extract<Fault, { readonly kind: 'read-error' }>): string {
  if (atBytes === undefined || lengthBytes === undefined) return 'everywhere';
  return `at ${sizeText(atBytes)}, ${sizeText(lengthBytes)} long`;
}
