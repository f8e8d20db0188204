/**
 * Keeps the nodes of a cluster running on this machine, and tells the cluster when one of their processes has ended:
 * that notice is proof that the actors in it are gone. It is an actor itself (`node.supervisor`), so that `status`
 * can ask it. Starting the NATS server and knowing when the cluster is ready are left to `running-cluster`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Actor, type ActorPorts, newIncarnation } from '../../actors/actor.ts';
import { eventNames } from '../../protocols/events.ts';
import { type NodeId, supervisorAddress } from '../../protocols/ids.ts';
import type { FabricId, Node, Topology } from '../../protocols/topology.ts';
import type { ChildGuard } from '../child-guard.ts';
import { FaultDesk, type StrikableProcess } from '../faults/fault-desk.ts';
import { type NodeExit, NodeProcess } from './node-process.ts';
import { stopOrder } from './stop-order.ts';

export interface SupervisorOptions {
  readonly topology: Topology;
  readonly ports: ActorPorts;
  readonly guard: ChildGuard;
  readonly logFolder: string;
  /** The NATS servers that were started for the cluster. */
  readonly servers: ReadonlyMap<FabricId, StrikableProcess>;
  /** The command line that runs the node of that name. */
  readonly commandOf: (node: NodeId) => readonly [string, ...string[]];
  /** Facts of the cluster that `describe` shows beside the nodes. */
  readonly facts: () => Readonly<Record<string, unknown>>;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #actor: Actor;
  readonly #processes: readonly { node: Node; process: NodeProcess }[];
  readonly #faults: FaultDesk;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#actor = new Actor(
      supervisorAddress,
      newIncarnation(options.ports.random),
      options.ports,
      () => ({ state: 'supervising', facts: this.#facts() }),
    );
    const { topology, servers, ports } = options;
    this.#processes = topology.nodes.map((node) => ({ node, process: this.#processOf(node) }));
    this.#faults = new FaultDesk({
      topology,
      actor: this.#actor,
      clock: ports.clock,
      nodes: new Map(this.#processes.map(({ node, process }) => [node.id, process])),
      servers,
    });
  }

  /** Its place on the command network, to look at it. */
  get actor(): Actor {
    return this.#actor;
  }

  start(): void {
    this.#actor.start();
    for (const { process } of this.#processes) process.start();
  }

  /** Brings the NATS server for commands back, if a fault has taken it away. */
  reviveControl(): Promise<void> {
    return this.#faults.reviveControl();
  }

  /** Stops every node, users before used, and waits until all have ended. */
  async stop(): Promise<void> {
    await this.#faults.stop();
    for (const kind of stopOrder) {
      const group = this.#processes.filter(({ node }) => node.actors[0]?.kind === kind);
      await Promise.all(group.map(({ process }) => process.stop()));
    }
    await Promise.all(this.#processes.map(({ process }) => process.stop()));
    this.#actor.tell(eventNames.goodbye, {});
    this.#actor.stop();
  }

  #facts(): Record<string, unknown> {
    return { ...this.#options.facts(), nodes: this.#nodes(), faults: this.#faults.facts() };
  }

  /** What `status` shows of each node. */
  #nodes(): readonly object[] {
    return this.#processes.map(({ node, process }) => ({
      name: node.id,
      pid: process.pid,
      state: process.state,
      restarts: process.restarts,
      /** Why it is not running, as it said itself; '' while it does. */
      problem: process.state === 'waiting' ? lastWordsOf(this.#logFileOf(node)) : '',
      actors: node.actors.map(({ kind, id }) => `${kind}:${id}`),
    }));
  }

  #processOf(node: Node): NodeProcess {
    const { guard, commandOf, ports } = this.#options;
    const [command, ...rest] = commandOf(node.id);
    const faults = () =>
      this.#faults.faultsOf(node.id).flatMap((fault) => ['--fault', JSON.stringify(fault)]);
    return new NodeProcess({
      name: node.id,
      guard,
      command,
      arguments: () => [...rest, ...faults()],
      logFile: this.#logFileOf(node),
      onStart: (pid) => ports.log.info({ node: node.id, pid }, 'node started'),
      onExit: (exit) => this.#onExit(node, exit),
    });
  }

  #logFileOf(node: Node): string {
    return join(this.#options.logFolder, `${node.id}.log`);
  }

  #onExit(node: Node, exit: NodeExit): void {
    const fields = { node: node.id, actors: node.actors, ...exit };
    const { log } = this.#options.ports;
    if (exit.unexpected) log.warn(fields, 'node ended by itself; starting it again');
    else log.info(fields, 'node ended');
    this.#faults.nodeEnded(node.id);
    this.#actor.tell(eventNames.exited, fields);
  }
}

const lastWordsBytesMax = 8192;

/** The last thing that a node said plainly before it ended: how `sanctor node` reports what it cannot do. */
function lastWordsOf(logFile: string): string {
  let text: string;
  try {
    text = readFileSync(logFile, 'utf8').slice(-lastWordsBytesMax);
  } catch {
    return '';
  }
  const said = text.split('\n').filter((line) => line.startsWith('sanctor: '));
  return said.at(-1)?.slice('sanctor: '.length) ?? '';
}
