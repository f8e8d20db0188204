/**
 * The whole cluster, unchanged, in one process on virtual time: what a machine room holds (servers, media, the config
 * database), the processes on it, and their supervisor. What goes wrong in it, and who uses it, is left to others.
 */
import { crc32 } from 'node:zlib';
import { formatDisk } from '../../actors/disk/format-disk.ts';
import type { VolumeRecord } from '../../protocols/control-data.ts';
import { type Fault, type FaultTarget, faultText } from '../../protocols/faults.ts';
import { type DiskId, idOf, type VolumeId } from '../../protocols/ids.ts';
import type { BlockStore } from '../../protocols/ports.ts';
import type { Topology } from '../../protocols/topology.ts';
import { faultProblem, nodesOfTarget, strikesProcess } from '../faults/fault-targets.ts';
import { stopOrder } from '../supervisor/stop-order.ts';
import { accusationIn } from './accusations.ts';
import { VirtualClock } from './clock.ts';
import { Coverage } from './coverage.ts';
import { SimulatedDatabase } from './database.ts';
import { diskOf, MediaDamage, recordOf } from './media-damage.ts';
import { MembershipHistory } from './membership-history.ts';
import { traceLineOf } from './message.ts';
import { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { SeededRandom } from './random.ts';
import { type SimulatedMachine, SimulatedNode } from './simulated-node.ts';
import { SimulatedSupervisor } from './simulated-supervisor.ts';
import { MemoryMedium, type StoreLatency } from './store.ts';
import { noTrace, stackOf, type Trace, type TraceLine, tracedLog, traceInto } from './trace.ts';

export interface WorldOptions {
  readonly seed: string | number;
  readonly topology: Topology;
  /** Takes the trace; undefined: none is made. */
  readonly traceLine?: TraceLine | undefined;
  /** I/Os of consumers that are open at the moment. */
  readonly openIos: () => number;
  /** Told when the actors of a node run. */
  readonly onStarted: (node: SimulatedNode) => void;
  /** Told of what must not happen: exceptions, errors in logs. */
  readonly onComplaint: (what: string) => void;
  /** Told of a mirror that was called bad without a reason. */
  readonly onAccused?: (what: string) => void;
  /** Told of each decision about a volume, when it is written. */
  readonly onDecided?: (record: VolumeRecord) => void;
  /** Told of what actors publish on their control connections. */
  readonly onPublished?: (subject: string, data: Uint8Array) => void;
  /** Put around each store before a disk gets it. */
  readonly wrapStore?: ((disk: DiskId, store: BlockStore) => BlockStore) | undefined;
  /** Of the config database's server; drawn when left out. */
  readonly syncsEveryWrite?: boolean | undefined;
}

/** Like an SSD behind the operating system's cache. */
const usualLatency: StoreLatency = { readMs: 0.2, writeMs: 0.1, flushMs: 2 };
/** Of a million writes: what the operating system writes back by itself. */
const writeBackPerMillion = 100_000;
/** Of four seeds one has a server that does not sync every write of the config database. */
const unsyncedSeedsIn = 4;

export type MutableLatency = { -readonly [Field in keyof StoreLatency]: number };

export class World {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly topology: Topology;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly network: SimulatedNetwork;
  readonly database: SimulatedDatabase;
  readonly media: Map<DiskId, MemoryMedium>;
  /** By disk, what its medium takes at most; may be changed at any time. */
  readonly latencies: ReadonlyMap<DiskId, MutableLatency>;
  readonly nodes: readonly SimulatedNode[];
  readonly membership = new MembershipHistory();
  /** What the media do not give, and did not. */
  readonly damage = new MediaDamage();
  readonly #options: WorldOptions;
  readonly #machine: SimulatedMachine;
  #supervisor: SimulatedSupervisor | null = null;
  #starts = 0;
  #storeWritesLeft = 0;
  #afterStoreWrites: (() => void) | null = null;

  constructor(options: WorldOptions) {
    const { topology, traceLine } = options;
    this.#options = options;
    this.topology = topology;
    this.random = new SeededRandom(options.seed);
    const { clock, random } = this;
    const trace = traceLine === undefined ? noTrace : traceInto(() => clock.now(), traceLine);
    this.trace = trace;
    this.coverage = new Coverage(topology.policies, options.openIos);
    this.network = this.#network();
    this.database = new SimulatedDatabase({
      clock,
      random: random.fork('database'),
      syncsEveryWrite:
        options.syncsEveryWrite ?? random.fork('database-kind').integer(unsyncedSeedsIn) > 0,
      note: (kind, key, revision) => {
        trace.note(`database ${kind} ${key} ${revision}`);
        if (kind === 'written') this.#recordWritten(key);
      },
    });
    this.latencies = new Map(topology.disks.map(({ id }) => [id, { ...usualLatency }]));
    this.media = new Map(
      topology.disks.map(({ id, sizeBytes }) => {
        const latency = this.latencies.get(id) ?? usualLatency;
        const chance = random.fork(`medium/${id}`);
        return [id, new MemoryMedium({ sizeBytes, random: chance, latency, writeBackPerMillion })];
      }),
    );
    this.#machine = {
      topology,
      clock,
      network: this.network,
      database: this.database,
      media: this.media,
      random,
      logOf: (process) => tracedLog(trace, process, options.onComplaint),
      onStoreWrite: () => this.#storeWritten(),
      onPublish: (subject, data) => this.#published(subject, data),
      wrapStore: options.wrapStore ?? ((_disk, store) => store),
    };
    this.nodes = topology.nodes.map((node) => new SimulatedNode(this.#machine, node));
  }

  /** Makes disks of the empty media. @throws Error when one cannot be formatted. */
  format(): void {
    const process = new SimulatedProcess(this.clock, 'format');
    const problems = new Map<DiskId, string | null>();
    for (const [disk, medium] of this.media) {
      const random = this.random.fork(`format/${disk}`);
      const store = medium.open(process.clock);
      problems.set(disk, 'formatting did not end');
      formatDisk({ store, disk, random, isNew: true, overwrite: false }, (why) =>
        problems.set(disk, why),
      );
    }
    while (this.clock.runNext());
    for (const why of problems.values()) if (why !== null) throw new Error(why);
    process.stop();
  }

  /** Switches the machine on: servers, supervisor, and by and by the nodes. */
  powerOn(): void {
    this.#starts += 1;
    for (const server of this.network.servers) server.start();
    this.database.start();
    const random = this.random.fork(`supervisor/${this.#starts}`);
    this.#supervisor = new SimulatedSupervisor(this.#machine, this.nodes, random, (node) => {
      this.trace.note(`process ${node.node.id} started`);
      this.#options.onStarted(node);
    });
    this.#supervisor.start();
  }

  /** Every process and server ends at once, and what was not synced is lost or torn. */
  powerCut(): void {
    this.#supervisor?.kill();
    this.#supervisor = null;
    for (const node of this.nodes) node.kill();
    for (const server of this.network.servers) server.stop();
    for (const medium of this.media.values()) medium.powerCut();
    this.database.powerCut();
  }

  /** Calls once, right after so many writes that disks hand to their media. Replaces an earlier call. */
  afterStoreWrites(writes: number, run: () => void): void {
    this.#storeWritesLeft = writes;
    this.#afterStoreWrites = run;
  }

  /**
   * Strikes with a fault of ports: links, HBAs, media, slowness. It lasts until it is healed.
   *
   * @throws RangeError when there is no such target, it cannot have that fault, or a process is meant.
   */
  inject(fault: Fault): void {
    const problem = faultProblem(this.topology, fault);
    if (problem !== '' || strikesProcess(fault))
      throw new RangeError(
        problem || `${faultText(fault)}: processes are struck by crash and pause`,
      );
    this.trace.note(`fault ${faultText(fault)}`);
    if (fault.kind === 'read-error')
      this.damage.readErrorsBegan(diskOf(fault.target), fault, this.clock.now());
    for (const node of this.#nodesOf(fault.target)) node.inject(fault);
  }

  /** Ends the faults of ports that are on the target, or all of them. */
  heal(target: FaultTarget | null): void {
    this.trace.note(`healed ${target ?? 'everything'}`);
    const disk = target === null ? null : diskOf(target);
    this.damage.readErrorsEnded(disk, this.clock.now());
    for (const node of target === null ? this.nodes : this.#nodesOf(target)) node.heal(target);
  }

  /** Kills a node's process; its supervisor starts it again, not before so long. */
  crash(node: SimulatedNode, awayMs = 0): void {
    this.#supervisor?.crash(node, awayMs);
  }

  /** Kills a node's process, if it runs; it stays away until it is released. */
  holdDown(node: SimulatedNode): void {
    this.#supervisor?.holdDown(node);
  }

  release(node: SimulatedNode): void {
    this.#supervisor?.release(node);
  }

  /** Ends a node's process in good order; its supervisor starts it again. `ended` is not called if it dies before. */
  restart(node: SimulatedNode, ended: () => void): void {
    this.#supervisor?.restart(node, ended);
  }

  /** Ends all nodes in good order; none comes back. */
  stop(done: () => void): void {
    this.#supervisor?.kill();
    this.#supervisor = null;
    const rank = ({ kind }: SimulatedNode) => stopOrder.indexOf(kind);
    const inOrder = this.nodes.toSorted((a, b) => rank(a) - rank(b));
    const next = (at: number): void => {
      const node = inOrder[at];
      if (node === undefined) done();
      else node.stop(() => next(at + 1));
    };
    next(0);
  }

  /** False from a power cut on, until the power is back. */
  get hasPower(): boolean {
    return this.#supervisor !== null;
  }

  /** Whether a virtualizer has brought every volume to where it serves. */
  get isDecided(): boolean {
    const { volumes } = this.topology;
    const serves = ({ state }: { readonly state: string }) => state === 'serving';
    return this.nodes.some((node) =>
      (node.assembled?.virtualizers ?? []).some(
        (each) => each.volumes.filter(serves).length >= volumes.length,
      ),
    );
  }

  /** Whether all nodes run. */
  get isWhole(): boolean {
    return this.nodes.every((node) => node.isRunning);
  }

  #recordWritten(key: string): void {
    const [, name] = /^volume\.(.+)$/.exec(key) ?? [];
    if (name === undefined) return;
    const volume = idOf<VolumeId>(name);
    const record = recordOf(this.database, volume);
    const { syncsEveryWrite } = this.database;
    if (record === null) this.membership.ended(volume);
    else {
      this.#options.onDecided?.(record);
      const problem = this.membership.decided(record, this.clock.now(), syncsEveryWrite);
      if (problem !== null) this.#options.onAccused?.(problem);
    }
  }

  #nodesOf(target: FaultTarget): readonly SimulatedNode[] {
    const ids = nodesOfTarget(this.topology, target);
    return this.nodes.filter(({ node }) => ids.includes(node.id));
  }

  #published(subject: string, data: Uint8Array): void {
    this.coverage.published(subject, data);
    this.#options.onPublished?.(subject, data);
    const problem = accusationIn(this, subject, data);
    if (problem !== null) this.#options.onAccused?.(problem);
  }

  #storeWritten(): void {
    const run = this.#afterStoreWrites;
    this.#storeWritesLeft -= 1;
    if (run === null || this.#storeWritesLeft > 0) return;
    this.#afterStoreWrites = null;
    this.clock.setTimeout(run, 0);
  }

  #network(): SimulatedNetwork {
    const { clock, coverage } = this;
    const { traceLine } = this.#options;
    return new SimulatedNetwork({
      clock,
      random: this.random.fork('network'),
      observer: (fate, message, to, atMs) => {
        coverage.message(fate, message);
        traceLine?.(`${traceLineOf(fate, message, to, atMs)} ${crc32(message.bytes.data)}`);
      },
      onHandlerError: (error, bus, subject) =>
        this.#options.onComplaint(`${bus} threw at ${subject}: ${stackOf(error)}`),
    });
  }
}
