/**
 * One node of the simulated cluster: a process with the ports that its actors need, assembled by the same code as a
 * real one (`cluster/assembly`). It is started and killed; when, and who hears of it, is the supervisor's.
 */
import { type Fault, type FaultTarget, faultKey, isSameTarget } from '../../protocols/faults.ts';
import type { ActorAddress, DiskId } from '../../protocols/ids.ts';
import type { BlockStore, Bus, Log } from '../../protocols/ports.ts';
import type { Node, Topology } from '../../protocols/topology.ts';
import { type AssembledNode, assembleNode, type NodePorts } from '../assembly.ts';
import { bringHome } from '../faults/bring-home.ts';
import { FaultInjector } from '../faults/fault-injector.ts';
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
  /** Told of what an actor publishes on its control connection, sent or not. */
  readonly onPublish: (subject: string, data: Uint8Array) => void;
  /** Put around each store before a disk gets it. */
  readonly wrapStore: (disk: DiskId, store: BlockStore) => BlockStore;
}

/** Monotonic clocks of processes begin anywhere within this. */
const clockOffsetMsMax = 1_000_000;

/** A process that runs. */
interface Life {
  readonly process: SimulatedProcess;
  readonly assembled: AssembledNode;
  readonly ports: NodePorts;
  readonly buses: readonly SimulatedBus[];
  readonly injector: FaultInjector;
}

export class SimulatedNode {
  readonly node: Node;
  readonly #machine: SimulatedMachine;
  #starts = 0;
  #life: Life | null = null;
  #stoppingLife: Life | null = null;
  /** By key: they outlive the process, as those of a real node do. */
  readonly #faults = new Map<string, Fault>();

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

  /** What its actors run on. */
  get ports(): NodePorts | null {
    return this.#life?.ports ?? null;
  }

  /** Its connections. */
  get buses(): readonly SimulatedBus[] {
    return this.#life?.buses ?? [];
  }

  /** The disks that it serves. */
  get disks(): readonly DiskId[] {
    return this.node.actors.filter(({ kind }) => kind === 'disk').map(({ id }) => id as DiskId);
  }

  /** The faults that are in force in this node. */
  get faults(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** Carries out a fault of this node's ports, in this process and in those that follow, until it is healed. */
  inject(fault: Fault): void {
    this.#faults.set(faultKey(fault), fault);
    this.#life?.injector.inject(fault);
    bringHome(fault, this.#life?.assembled.disks ?? [], () => {});
  }

  /** Ends what is on the target, or everything. */
  heal(target: FaultTarget | null): void {
    for (const [key, fault] of this.#faults)
      if (target === null || isSameTarget(fault.target, target)) this.#faults.delete(key);
    this.#life?.injector.heal(target);
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
    const injector = new FaultInjector({
      topology,
      clock: process.clock,
      random: chance.fork('faults'),
      log: this.#machine.logOf(process.name),
    });
    for (const fault of this.faults) injector.inject(fault);
    const ports = this.#ports(process, chance.fork('actors'), buses, injector);
    const assembled = assembleNode(topology, this.node.id, ports);
    this.#life = { process, assembled, ports, buses, injector };
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

  #overheard(bus: Bus): Bus {
    const { onPublish } = this.#machine;
    return {
      get state() {
        return bus.state;
      },
      payloadBytesMax: bus.payloadBytesMax,
      publish: (subject, data, replySubject) => {
        onPublish(subject, data);
        return bus.publish(subject, data, replySubject);
      },
      subscribe: (subject, subscriber) => bus.subscribe(subject, subscriber),
      onState: (listener) => bus.onState(listener),
      close: (done) => bus.close(done),
    };
  }

  #ports(
    process: SimulatedProcess,
    random: SeededRandom,
    buses: SimulatedBus[],
    faults: FaultInjector,
  ): NodePorts {
    const { topology, network, database, media, wrapStore } = this.#machine;
    const log = this.#machine.logOf(process.name);
    const connect = (fabric: string, role: string): SimulatedBus => {
      const bus = network.server(fabric).connect({ process, role, log });
      buses.push(bus);
      return bus;
    };
    const io = new Map<string, Bus>();
    const control = connect(topology.control, 'control');
    return {
      cluster: topology.cluster,
      control: this.#overheard(control),
      controlOf: (actor) => this.#overheard(faults.control(actor, control)),
      clock: process.clock,
      random,
      log,
      io: (actor, fabric) => {
        const role = `io-${actor.id}-${fabric}`;
        const bus = io.get(role) ?? faults.bus(actor, connect(fabric, role));
        io.set(role, bus);
        return bus;
      },
      store: (disk) => {
        const medium = media.get(disk);
        if (medium === undefined) throw new RangeError(`there is no medium for disk ${disk}`);
        const store = wrapStore(disk, this.#watched(medium.open(process.clock)));
        return faults.store(disk, { ok: true, store });
      },
      database: () => database.open(process),
    };
  }
}
