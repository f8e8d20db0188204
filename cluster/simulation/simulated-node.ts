/**
 * One node of the simulated cluster: a process with the ports that its actors need, assembled by the same code as a
 * real one (`cluster/assembly`). It is started and killed; when, and who hears of it, is the supervisor's.
 */
import type { ActorAddress, DiskId } from '../../protocols/ids.ts';
import type { BlockStore, Log } from '../../protocols/ports.ts';
import type { Node, Topology } from '../../protocols/topology.ts';
import { type AssembledNode, assembleNode, type NodePorts } from '../assembly.ts';
import type { SimulatedBus } from './bus.ts';
import type { VirtualClock } from './clock.ts';
import type { SimulatedDatabase } from './database.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './random.ts';
import type { MemoryMedium } from './store.ts';

/** What the processes of a simulated cluster run on, and what outlives them. */
export interface SimulatedMachine {
  readonly topology: Topology;
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly database: SimulatedDatabase;
  readonly media: ReadonlyMap<DiskId, MemoryMedium>;
  readonly random: SeededRandom;
  readonly logOf: (process: string) => Log;
  /** Told of each write that a disk hands to its medium. */
  readonly onStoreWrite: () => void;
}

/** Monotonic clocks of processes begin anywhere within this. */
const clockOffsetMsMax = 1_000_000;

/** A process that runs. */
interface Life {
  readonly process: SimulatedProcess;
  readonly assembled: AssembledNode;
  readonly buses: readonly SimulatedBus[];
}

export class SimulatedNode {
  readonly node: Node;
  readonly #machine: SimulatedMachine;
  #starts = 0;
  #life: Life | null = null;
  #stoppingLife: Life | null = null;

  constructor(machine: SimulatedMachine, node: Node) {
    this.#machine = machine;
    this.node = node;
  }

  /** What kind of node it is, by its first actor. */
  get kind(): ActorAddress['kind'] {
    return this.node.actors[0]?.kind ?? 'node';
  }

  get isRunning(): boolean {
    return this.#life !== null;
  }

  /** It was asked to stop, and has not ended yet. */
  get isStopping(): boolean {
    return this.#life !== null && this.#life === this.#stoppingLife;
  }

  get process(): SimulatedProcess | null {
    return this.#life?.process ?? null;
  }

  get assembled(): AssembledNode | null {
    return this.#life?.assembled ?? null;
  }

  /** Its connections. */
  get buses(): readonly SimulatedBus[] {
    return this.#life?.buses ?? [];
  }

  /** The disks that it serves. */
  get disks(): readonly DiskId[] {
    return this.node.actors.filter(({ kind }) => kind === 'disk').map(({ id }) => id as DiskId);
  }

  /** A new process with the actors of the node. */
  start(): AssembledNode {
    const { topology } = this.#machine;
    const { clock, random } = this.#machine;
    this.#starts += 1;
    const chance = random.fork(`node/${this.node.id}/${this.#starts}`);
    const process = new SimulatedProcess(
      clock,
      this.node.id,
      chance.fork('clock').integer(clockOffsetMsMax),
    );
    const buses: SimulatedBus[] = [];
    const ports = this.#ports(process, chance.fork('actors'), buses);
    const assembled = assembleNode(topology, this.node.id, ports);
    this.#life = { process, assembled, buses };
    return assembled;
  }

  /** SIGKILL: whatever was under way in the process never happens. What it had written stays. */
  kill(): void {
    if (this.#life === null) return;
    this.#life.process.stop();
    this.#life = null;
    for (const disk of this.disks) this.#machine.media.get(disk)?.crash();
  }

  /** Ends as it does when asked to. `done` is not called when it is killed before. */
  stop(done: () => void): void {
    const life = this.#life;
    if (life === null) {
      done();
      return;
    }
    this.#stoppingLife = life;
    life.assembled.stop(() => {
      if (this.#life !== life) return;
      for (const bus of life.buses) bus.close(() => {});
      life.process.stop();
      this.#life = null;
      done();
    });
  }

  #watched(store: BlockStore): BlockStore {
    const { onStoreWrite } = this.#machine;
    return {
      sizeBytes: store.sizeBytes,
      read: (atBytes, into, done) => store.read(atBytes, into, done),
      write: (atBytes, pieces, done) => {
        store.write(atBytes, pieces, done);
        onStoreWrite();
      },
      flush: (done) => store.flush(done),
      close: (done) => store.close(done),
    };
  }

  #ports(process: SimulatedProcess, random: SeededRandom, buses: SimulatedBus[]): NodePorts {
    const { topology, network, database, media } = this.#machine;
    const log = this.#machine.logOf(process.name);
    const connect = (fabric: string, role: string): SimulatedBus => {
      const bus = network.server(fabric).connect({ process, role, log });
      buses.push(bus);
      return bus;
    };
    return {
      cluster: topology.cluster,
      control: connect(topology.control, 'control'),
      clock: process.clock,
      random,
      log,
      io: ({ id }) => connect(fabricOf(topology, id), `io-${id}`),
      store: (disk) => {
        const medium = media.get(disk);
        if (medium === undefined) throw new RangeError(`there is no medium for disk ${disk}`);
        return { ok: true, store: this.#watched(medium.open(process.clock)) };
      },
      database: () => database.open(process),
    };
  }
}

/** The fabric that an actor's links are on. */
function fabricOf(topology: Topology, id: string): string {
  return topology.links.find(({ ends }) => ends.includes(id))?.fabric ?? topology.control;
}
