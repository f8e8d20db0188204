/**
 * The face of a node's faults on the command network: takes the commands `fault` and `heal`, and tells what has come of
 * them. What lasts longer than this process is kept by the supervisor.
 */
import { z } from 'zod';
import { Actor, type ActorPorts, newIncarnation } from '../../actors/actor.ts';
import type { Disk } from '../../actors/disk/disk.ts';
import { type Answer, refusal, verbs } from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import { type Fault, faultSchema, healRequestSchema } from '../../protocols/faults.ts';
import type { NodeId } from '../../protocols/ids.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { AssembledNode } from '../assembly.ts';
import { bringHome } from './bring-home.ts';
import type { FaultInjector } from './fault-injector.ts';
import { faultProblem, nodesOfTarget, strikesProcess } from './fault-targets.ts';

export class NodeFaults {
  readonly actor: Actor;
  readonly #node: NodeId;
  readonly #topology: Topology;
  readonly #injector: FaultInjector;
  readonly #disks: readonly Disk[];

  constructor(
    { topology, node }: { readonly topology: Topology; readonly node: NodeId },
    injector: FaultInjector,
    { disks }: Pick<AssembledNode, 'disks'>,
    ports: ActorPorts,
  ) {
    this.#node = node;
    this.#topology = topology;
    this.#injector = injector;
    this.#disks = disks;
    this.actor = new Actor({ kind: 'node', id: node }, newIncarnation(ports.random), ports, () => ({
      state: 'running',
      facts: { faults: injector.active },
    }));
    this.actor.onCommand(verbs.fault, (body, answer) => this.#fault(body, answer));
    this.actor.onCommand(verbs.heal, (body, answer) => answer(this.#heal(body)));
  }

  start(): void {
    this.actor.start();
  }

  stop(): void {
    this.actor.stop();
  }

  #fault(body: unknown, answer: (result: Answer) => void): void {
    const parsed = faultSchema.safeParse(body);
    if (!parsed.success) {
      answer(refusal('invalid', z.prettifyError(parsed.error)));
      return;
    }
    const fault = parsed.data;
    const problem = this.#problemOf(fault);
    if (problem !== '') {
      answer(refusal('refused', problem));
      return;
    }
    if (this.#injector.inject(fault))
      this.actor.tell(eventNames.fault, { what: 'injected', ...fault });
    bringHome(fault, this.#disks, () => answer({ ok: true, fault }));
  }

  #problemOf(fault: Fault): string {
    const problem = faultProblem(this.#topology, fault);
    if (problem !== '') return problem;
    if (strikesProcess(fault))
      return `a process cannot do that to itself: ask the supervisor for ${fault.target} ${fault.kind}`;
    const nodes = nodesOfTarget(this.#topology, fault.target);
    return nodes.includes(this.#node)
      ? ''
      : `${fault.target} is not on node ${this.#node}, but on ${nodes.join(' and ')}`;
  }

  #heal(body: unknown): Answer {
    const parsed = healRequestSchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const request = parsed.data;
    const healed = this.#injector.heal('all' in request ? null : request.target);
    for (const fault of healed) this.actor.tell(eventNames.fault, { what: 'healed', ...fault });
    return { ok: true, healed };
  }
}
