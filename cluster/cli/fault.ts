/** `sanctor fault` and `sanctor heal`: asks a cluster's supervisor for faults, and for their end. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { verbs } from '../../protocols/commands.ts';
import {
  type Fault,
  type FaultTarget,
  faultKindsOf,
  faultSchema,
  faultTargetSchema,
  faultText,
  partsOfTarget,
} from '../../protocols/faults.ts';
import { supervisorAddress } from '../../protocols/ids.ts';
import { parseSize, sizeHelp } from '../../protocols/topology/sizes.ts';
import { targetProblem } from '../faults/fault-targets.ts';
import { NatsUnreachable } from '../nats/bus.ts';
import { findRunningCluster } from '../supervisor/cluster-registry.ts';
import type { CommonOptions } from './common-options.ts';
import { diskRangeOf } from './disk-range.ts';
import { topologyArgument } from './topology-argument.ts';
import { type ConnectedCluster, withCluster } from './with-cluster.ts';

export interface FaultOptions extends CommonOptions {
  readonly ms?: string;
  readonly times?: string;
  readonly at?: string;
  readonly length?: string;
  readonly volume?: string;
}

export interface HealOptions extends CommonOptions {
  readonly all?: boolean;
}

/** Longer than the supervisor waits for nodes. */
const answerTimeoutMs = 10_000;
const serverTimeoutMs = 20_000;
const pollDelayMs = 100;

const faultAnswerSchema = z.looseObject({
  fault: faultSchema,
  nodes: z.array(z.string()),
  waitingFor: z.array(z.string()),
});
const healAnswerSchema = z.looseObject({
  healed: z.array(faultSchema),
  waitingFor: z.array(z.string()),
});

/** @throws Error that names the target and what to do, when the fault cannot be. */
export async function fault(target: string, kind: string, options: FaultOptions): Promise<void> {
  const answer = await withCluster(options.cluster, async (connected) => {
    const wanted = await faultOf(connected, target, kind, options);
    return faultAnswerSchema.parse(await ask(connected, verbs.fault, wanted));
  });
  if (options.json === true) print(JSON.stringify(answer, null, 2));
  else {
    const { nodes, waitingFor } = answer;
    const where =
      nodes.length === 0 ? '' : ` (node${nodes.length > 1 ? 's' : ''} ${nodes.join(', ')})`;
    print(`${faultText(answer.fault)}${where}${waitingText(waitingFor)}`);
    print(`heal it with: sanctor heal ${answer.fault.target}`);
  }
}

/** @throws Error that says what to do, when there is no such target or it does not come back. */
export async function heal(target: string | undefined, options: HealOptions): Promise<void> {
  if ((target === undefined) === (options.all !== true))
    throw new Error('say what to heal: either a target, as in disk:d1, or --all');
  const request = target === undefined ? { all: true } : { target: targetOf(target) };
  if (target === undefined || target === controlTarget(options.cluster))
    await reviveControl(options.cluster);
  const answer = await withCluster(options.cluster, async (connected) =>
    healAnswerSchema.parse(await ask(connected, verbs.heal, request)),
  );
  if (options.json === true) print(JSON.stringify(answer, null, 2));
  else {
    const { healed, waitingFor } = answer;
    for (const each of healed) print(`healed: ${faultText(each)}`);
    if (healed.length === 0) print(`no fault is in force on ${target ?? 'this cluster'}`);
    if (waitingFor.length > 0) print(`${waitingText(waitingFor).slice(2)}`);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function waitingText(nodes: readonly string[]): string {
  return nodes.length === 0 ? '' : `; node ${nodes.join(', ')} hears of it when it runs again`;
}

async function ask({ client }: ConnectedCluster, verb: string, body: object): Promise<unknown> {
  const answer = await client.ask(supervisorAddress, verb, body, answerTimeoutMs);
  if (answer.ok) return answer;
  throw new Error(answer.message);
}

function targetOf(text: string): FaultTarget {
  const parsed = faultTargetSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new Error(`${text} is no target: ${parsed.error.issues[0]?.message}`);
}

/** The fault that the words ask for. */
async function faultOf(
  connected: ConnectedCluster,
  text: string,
  kind: string,
  options: FaultOptions,
): Promise<Fault> {
  const target = targetOf(text);
  const problem = targetProblem(connected.topology, target);
  if (problem !== '') throw new Error(problem);
  const fitting: readonly string[] = faultKindsOf[partsOfTarget(target).kind];
  if (!fitting.includes(kind))
    throw new Error(`${target} cannot have the fault ${kind}; what fits is ${fitting.join(', ')}`);
  const parsed = faultSchema.safeParse({
    target,
    kind,
    ...(options.ms === undefined ? {} : { delayMs: numberOf('--ms', options.ms) }),
    ...(options.times === undefined ? {} : { times: numberOf('--times', options.times) }),
    ...(await rangeOf(connected, target, options)),
  });
  if (parsed.success) return parsed.data;
  throw new Error(`${target} ${kind}: ${parsed.error.issues.map(issueText).join('; ')}`);
}

const optionNames: Readonly<Record<string, string>> = {
  delayMs: '--ms',
  times: '--times',
  atBytes: '--at',
  lengthBytes: '--length',
};

/** In the words of the command line. */
function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const options = issue.keys.map((key) => optionNames[key] ?? key);
    return `${options.join(' and ')} does not belong to this kind of fault`;
  }
  const option = optionNames[String(issue.path[0])];
  return option === undefined ? `${issue.message} (--ms, --times)` : `${option}: ${issue.message}`;
}

async function rangeOf(
  connected: ConnectedCluster,
  target: FaultTarget,
  { at, length, volume }: FaultOptions,
): Promise<{ atBytes?: number; lengthBytes?: number }> {
  if (at === undefined && length === undefined && volume === undefined) return {};
  if (at === undefined || length === undefined)
    throw new Error(`${target} read-error: a range needs both --at and --length`);
  const range = { atBytes: sizeOf('--at', at), lengthBytes: sizeOf('--length', length) };
  if (volume === undefined) return range;
  return diskRangeOf(connected, volume, range, partsOfTarget(target).id);
}

function numberOf(option: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new Error(`${option} ${text}: expected a number`);
}

function sizeOf(option: string, text: string): number {
  const sizeBytes = parseSize(text);
  if (sizeBytes !== null) return sizeBytes;
  throw new Error(`${option} ${text}: expected ${sizeHelp}`);
}

/** The server that carries commands, as a target. */
function controlTarget(cluster: string | undefined): string {
  return `nats:${topologyArgument(findRunningCluster(cluster).topologyFile).topology.control}`;
}

/**
 * A server that a fault has taken away cannot carry the command that heals it: its supervisor is told by a signal.
 *
 * @throws Error when it does not come back.
 */
async function reviveControl(cluster: string | undefined): Promise<void> {
  const { pid, natsUrl, dataFolder } = findRunningCluster(cluster);
  process.kill(pid, 'SIGUSR2');
  const deadline = performance.now() + serverTimeoutMs;
  while (!(await isReachable(cluster))) {
    if (performance.now() > deadline)
      throw new Error(
        `the NATS server at ${natsUrl} has not come back within ${serverTimeoutMs / 1000} s; its log is in ${dataFolder}/nats`,
      );
    await delay(pollDelayMs);
  }
}

/** Whether the server carries commands again, and the supervisor has found back to it. */
async function isReachable(cluster: string | undefined): Promise<boolean> {
  try {
    return await withCluster(
      cluster,
      async ({ client }) => (await client.ask(supervisorAddress, verbs.describe)).ok,
    );
  } catch (error) {
    if (error instanceof NatsUnreachable) return false;
    throw error;
  }
}
