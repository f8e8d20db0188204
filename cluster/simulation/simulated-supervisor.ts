/**
 * The supervisor of a simulated cluster: starts nodes again after a back-off, and tells the cluster when a process has
 * ended, as the real one does (`cluster/supervisor`). It is a process itself, with the same kind of actor in it.
 */
import { Actor, newIncarnation } from '../../actors/actor.ts';
import { eventNames } from '../../protocols/events.ts';
import { supervisorAddress } from '../../protocols/ids.ts';
import { RestartBackOff } from '../supervisor/restart-back-off.ts';
import { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';
import type { SimulatedMachine, SimulatedNode } from './simulated-node.ts';

/** How soon a supervisor hears that a child has ended. */
const noticeMsMax = 3;
/** What a process takes from its start until its actors run. */
const startMsMin = 80;
const startMsMax = 400;

/** Who has not ended by then is killed. */
const stopTimeoutMs = 15_000;

interface Supervised {
  readonly node: SimulatedNode;
  readonly backOff: RestartBackOff;
  startedAtMs: number;
}

export class SimulatedSupervisor {
  readonly #machine: SimulatedMachine;
  readonly #random: SeededRandom;
  readonly #started: (node: SimulatedNode) => void;
  readonly #supervised: readonly Supervised[];
  /** Those that nobody starts. */
  readonly #heldDown = new Set<SimulatedNode>();
  readonly #process: SimulatedProcess;
  readonly #actor: Actor;

  /** @param started called when the actors of a node run */
  constructor(
    machine: SimulatedMachine,
    nodes: readonly SimulatedNode[],
    random: SeededRandom,
    started: (node: SimulatedNode) => void,
  ) {
    this.#machine = machine;
    this.#random = random;
    this.#started = started;
    this.#supervised = nodes.map((node) => ({
      node,
      backOff: new RestartBackOff(),
      startedAtMs: 0,
    }));
    const { clock, network, topology, logOf } = machine;
    const process = new SimulatedProcess(clock, 'supervisor');
    this.#process = process;
    const log = logOf(process.name);
    const control = network.server(topology.control).connect({ process, role: 'control', log });
    const actorPorts = {
      cluster: topology.cluster,
      control,
      clock: process.clock,
      random: random.fork('actor'),
      log,
    };
    this.#actor = new Actor(
      supervisorAddress,
      newIncarnation(actorPorts.random),
      actorPorts,
      () => ({ state: 'supervising', facts: {} }),
    );
  }

  start(): void {
    this.#actor.start();
    for (const supervised of this.#supervised) this.#startSoon(supervised, 0);
  }

  /** Kills a node's process, as a crash or an operator would; it comes back after the back-off, and not before so long. */
  crash(node: SimulatedNode, awayMs = 0): void {
    const supervised = this.#supervised.find((each) => each.node === node);
    if (supervised === undefined || !node.isRunning) return;
    node.kill();
    const { clock } = this.#process;
    clock.setTimeout(() => this.#noticed(supervised, awayMs), this.#random.between(0, noticeMsMax));
  }

  /** Kills a node's process, if it runs; it stays away until it is released. */
  holdDown(node: SimulatedNode): void {
    this.#heldDown.add(node);
    this.crash(node);
  }

  /** Starts a node that was held down. */
  release(node: SimulatedNode): void {
    const supervised = this.#supervised.find((each) => each.node === node);
    if (supervised !== undefined && this.#heldDown.delete(node)) this.#startSoon(supervised, 0);
  }

  /** Ends a node's process in good order, as an operator would, and starts it again. */
  restart(node: SimulatedNode, ended: () => void): void {
    const supervised = this.#supervised.find((each) => each.node === node);
    if (supervised === undefined) return;
    const { process } = node;
    node.stop(() => {
      ended();
      this.#noticed(supervised);
    });
    this.#process.clock.setTimeout(() => {
      if (process === null || node.process !== process) return;
      this.crash(node);
      ended();
    }, stopTimeoutMs);
  }

  /** Ends with everything that it would still do. The nodes are left as they are. */
  kill(): void {
    this.#process.stop();
  }

  #noticed(supervised: Supervised, awayMs = 0): void {
    const { node, backOff, startedAtMs } = supervised;
    this.#actor.tell(eventNames.exited, {
      node: node.node.id,
      actors: node.node.actors,
      code: null,
      signal: 'SIGKILL',
      unexpected: true,
    });
    const backOffMs = backOff.delayMs(this.#machine.clock.now() - startedAtMs);
    this.#startSoon(supervised, Math.max(backOffMs, awayMs));
  }

  #startSoon(supervised: Supervised, backOffMs: number): void {
    const delayMs = backOffMs + this.#random.between(startMsMin, startMsMax);
    this.#process.clock.setTimeout(() => {
      if (supervised.node.isRunning || this.#heldDown.has(supervised.node)) return;
      supervised.startedAtMs = this.#machine.clock.now();
      supervised.node.start();
      this.#started(supervised.node);
    }, delayMs);
  }
}
