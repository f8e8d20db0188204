/**
 * Where a cluster's faults are asked for: keeps the list of those that are in force, carries out what is done to
 * processes, and has the nodes carry out the rest. A fault ends when it is healed, or with the cluster; only a pause
 * ends with the process that it holds.
 */
import { z } from 'zod';
import type { Actor } from '../../actors/actor.ts';
import { type Answer, refusal, verbs } from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import {
  type Fault,
  type FaultTarget,
  faultKey,
  faultSchema,
  faultText,
  type HealRequest,
  healRequestSchema,
  isSameTarget,
  partsOfTarget,
} from '../../protocols/faults.ts';
import type { NodeId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { type Delivery, FaultDelivery } from './fault-delivery.ts';
import { faultProblem, nodesOfTarget, strikesProcess, targetProblem } from './fault-targets.ts';

/** A process that can be ended and stopped: a node, or a NATS server. */
export interface StrikableProcess {
  readonly state: 'running' | 'paused' | 'waiting' | 'held' | 'stopped';
  /** Ends it as a crash would, and keeps it down; resolves when it has ended. */
  hold(): Promise<void>;
  /** Starts what was held. Rejects when that fails. */
  release(): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface FaultDeskParts {
  readonly topology: Topology;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly nodes: ReadonlyMap<NodeId, StrikableProcess>;
  /** The NATS servers that run here, by fabric. */
  readonly servers: ReadonlyMap<string, StrikableProcess>;
}

/** What `status` shows of a fault. */
export type FaultFacts = Fault & { readonly nodes: readonly NodeId[] };

interface Entry {
  readonly fault: Fault;
  readonly nodes: readonly NodeId[];
  /** Of a fault that strikes a process. */
  readonly process: StrikableProcess | null;
}

/** Bounds the list, and the command line of a node that begins with its faults. */
const faultsMax = 256;
/** A NATS server is struck only after the answer has left, which may travel over it. */
const answerLeavesMs = 100;

export class FaultDesk {
  readonly #parts: FaultDeskParts;
  readonly #delivery: FaultDelivery;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: FaultDeskParts) {
    const { actor, clock, nodes } = parts;
    this.#parts = parts;
    this.#delivery = new FaultDelivery({
      actor,
      clock,
      stateOf: (node) => {
        const state = nodes.get(node)?.state;
        if (state === 'running') return 'running';
        return state === 'paused' ? 'still' : 'absent';
      },
    });
    actor.onCommand(verbs.fault, (body, answer) => this.#fault(body, answer));
    actor.onCommand(verbs.heal, (body, answer) => this.#heal(body, answer));
  }

  /** The faults that are in force. */
  facts(): readonly FaultFacts[] {
    return [...this.#entries.values()].map(({ fault, nodes }) => ({ ...fault, nodes }));
  }

  /** What a node must begin with when it is started. */
  faultsOf(node: NodeId): readonly Fault[] {
    return [...this.#entries.values()]
      .filter(({ fault, nodes }) => !strikesProcess(fault) && nodes.includes(node))
      .map(({ fault }) => fault);
  }

  /** A node's process has ended, for whatever reason. */
  nodeEnded(node: NodeId): void {
    this.#delivery.forget(node);
    for (const [key, { fault, nodes }] of this.#entries)
      if (fault.kind === 'pause' && nodes.includes(node)) this.#remove(key, fault);
  }

  /** Brings the NATS server for commands back, so that they travel again: one of them then heals the fault. */
  async reviveControl(): Promise<void> {
    const { servers, topology } = this.#parts;
    const process = servers.get(topology.control);
    if (process !== undefined) await bringBack(process);
  }

  /** Lets whoever stands still go on, so that the cluster can stop in good order. */
  async stop(): Promise<void> {
    this.#delivery.stop();
    for (const { fault, process } of this.#entries.values())
      if (fault.kind === 'pause') process?.resume();
    for (const process of this.#parts.servers.values()) await bringBack(process);
  }

  #fault(body: unknown, answer: (result: Answer) => void): void {
    const parsed = faultSchema.safeParse(body);
    if (!parsed.success) {
      answer(refusal('invalid', z.prettifyError(parsed.error)));
      return;
    }
    const fault = parsed.data;
    const { topology } = this.#parts;
    const problem = faultProblem(topology, fault);
    if (problem !== '') answer(refusal('refused', problem));
    else if (this.#entries.size >= faultsMax)
      answer(refusal('refused', `${faultsMax} faults are in force: heal some first`));
    else if (strikesProcess(fault)) this.#strikeProcess(fault, answer);
    else this.#strikeNodes(fault, answer);
  }

  #strikeNodes(fault: Fault, answer: (result: Answer) => void): void {
    const nodes = nodesOfTarget(this.#parts.topology, fault.target);
    const key = faultKey(fault);
    this.#entries.set(key, { fault, nodes, process: null });
    this.#deliver(nodes, verbs.fault, fault, (waitingFor, refusals) => {
      if (refusals.length === 0) answer({ ok: true, fault, nodes, waitingFor });
      else {
        this.#entries.delete(key);
        answer(refusal('refused', refusals.join('; ')));
      }
    });
  }

  /** A process has one fault of its own at a time. */
  #strikeProcess(fault: Fault, answer: (result: Answer) => void): void {
    const { kind, id } = partsOfTarget(fault.target);
    const key = this.#processKey(fault.target);
    const nodes = nodesOfTarget(this.#parts.topology, fault.target);
    const [node] = nodes;
    const process =
      kind === 'nats'
        ? this.#parts.servers.get(id)
        : node === undefined
          ? undefined
          : this.#parts.nodes.get(node);
    if (process === undefined) {
      answer(refusal('refused', `${fault.target} was not started by this cluster`));
      return;
    }
    const entry = this.#entries.get(key);
    const problem = processProblem(fault, process, entry?.fault);
    if (problem !== '') {
      answer(refusal('not-ready', problem));
      return;
    }
    const done = () => answer({ ok: true, fault, nodes, waitingFor: [] });
    if (entry?.fault.kind === fault.kind) {
      done();
      return;
    }
    const own = { fault, nodes, process };
    this.#entries.set(key, own);
    this.#tell('injected', fault);
    if (kind === 'nats') {
      done();
      this.#parts.clock.setTimeout(() => {
        // It may have been healed meanwhile: nobody would end it then.
        if (this.#entries.get(key) === own) void strike(fault, process);
      }, answerLeavesMs);
    } else void strike(fault, process).then(done);
  }

  #heal(body: unknown, answer: (result: Answer) => void): void {
    const parsed = healRequestSchema.safeParse(body);
    if (!parsed.success) {
      answer(refusal('invalid', z.prettifyError(parsed.error)));
      return;
    }
    const request = parsed.data;
    const problem = 'all' in request ? '' : targetProblem(this.#parts.topology, request.target);
    if (problem !== '') answer(refusal('refused', problem));
    else
      this.#healAll(this.#matching(request)).then(answer, (error: unknown) =>
        answer(refusal('not-ready', error instanceof Error ? error.message : String(error))),
      );
  }

  async #healAll(found: readonly (readonly [string, Entry])[]): Promise<Answer> {
    const healed: Fault[] = [];
    for (const [key, { fault, process }] of found) {
      if (process !== null) await bringBack(process);
      this.#entries.delete(key);
      if (process !== null) this.#tell('healed', fault);
      healed.push(fault);
    }
    const waitingFor = new Set<NodeId>();
    for (const [, { fault, nodes, process }] of found) {
      if (process !== null) continue;
      const missing = await this.#delivered(nodes, verbs.heal, { target: fault.target });
      for (const node of missing) waitingFor.add(node);
    }
    return { ok: true, healed, waitingFor: [...waitingFor] };
  }

  /** What is on the target, and on the process that it stands for. */
  #matching(request: HealRequest): readonly (readonly [string, Entry])[] {
    const entries = [...this.#entries];
    if ('all' in request) return entries;
    const { target } = request;
    const processKey = this.#processKey(target);
    return entries.filter(
      ([key, { fault }]) => isSameTarget(fault.target, target) || key === processKey,
    );
  }

  /**
   * Names the process that a target stands for, whichever of its actors is named; a link, a partition or an HBA stands
   * for none.
   */
  #processKey(target: FaultTarget): string {
    const { kind } = partsOfTarget(target);
    if (kind === 'link' || kind === 'hba' || kind === 'partition') return '';
    if (kind === 'nats') return `process ${target}`;
    return `process node:${nodesOfTarget(this.#parts.topology, target).join()}`;
  }

  #delivered(nodes: readonly NodeId[], verb: string, body: object): Promise<readonly NodeId[]> {
    return new Promise((resolve) =>
      this.#deliver(nodes, verb, body, (waitingFor) => resolve(waitingFor)),
    );
  }

  #deliver(
    nodes: readonly NodeId[],
    verb: string,
    body: object,
    done: (waitingFor: readonly NodeId[], refusals: readonly string[]) => void,
  ): void {
    const waitingFor: NodeId[] = [];
    const refusals: string[] = [];
    let left = nodes.length;
    const told = (node: NodeId, delivery: Delivery) => {
      if (delivery.outcome === 'waiting') waitingFor.push(node);
      else if (delivery.outcome === 'refused') refusals.push(delivery.message);
      left -= 1;
      if (left === 0) done(waitingFor, refusals);
    };
    for (const node of nodes)
      this.#delivery.send(node, verb, body, (delivery) => told(node, delivery));
  }

  #remove(key: string, fault: Fault): void {
    this.#entries.delete(key);
    this.#tell('healed', fault);
  }

  #tell(what: 'injected' | 'healed', fault: Fault): void {
    this.#parts.actor.tell(eventNames.fault, { what, ...fault });
  }
}

/** Why a process cannot be struck now; '' when it can. */
function processProblem(
  fault: Fault,
  { state }: StrikableProcess,
  before: Fault | undefined,
): string {
  if (state === 'stopped') return `${fault.target} is not running: the cluster is stopping`;
  if (fault.kind !== 'pause' || state === 'running' || state === 'paused') return '';
  return before === undefined
    ? `${fault.target} ended by itself and starts again soon: try again then`
    : `${fault.target} cannot be paused while ${faultText(before)} is in force; end it with sanctor heal ${before.target}`;
}

async function strike({ kind }: Fault, process: StrikableProcess): Promise<void> {
  if (kind === 'pause') process.pause();
  else await process.hold();
}

async function bringBack(process: StrikableProcess): Promise<void> {
  process.resume();
  await process.release();
}
