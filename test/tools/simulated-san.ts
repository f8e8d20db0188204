/**
 * A whole SAN from a topology file on a simulated network: every actor as it is, time and media virtual. Starts it, does
 * I/O through its hosts, and sees every frame that travels.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { homeBytes } from '../../actors/disk/disk-layout.ts';
import type { Attachment } from '../../actors/host/attachment.ts';
import type { AttachmentOptions } from '../../actors/host/attachment-parts.ts';
import type { Host } from '../../actors/host/host.ts';
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import { Questions } from '../../actors/questions.ts';
import { packageFile } from '../../cluster/package-root.ts';
import type { SimulatedBus } from '../../cluster/simulation/bus.ts';
import { mirrorProblems } from '../../cluster/simulation/mirror-check.ts';
import { SimulatedProcess } from '../../cluster/simulation/process.ts';
import type { SimulatedNode } from '../../cluster/simulation/simulated-node.ts';
import { World, type WorldOptions } from '../../cluster/simulation/world.ts';
import { Status } from '../../protocols/codes.ts';
import type { Answer } from '../../protocols/commands.ts';
import { decodeFrame, type FrameData, FrameKind } from '../../protocols/frames/frame.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Log } from '../../protocols/ports.ts';
import { subjectsOf } from '../../protocols/subjects.ts';
import { parseTopology } from '../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../protocols/topology.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';

/** The plain values of a topology, as they are written. */
export type Plain = Record<string, unknown>;

/** A shipped topology with its disks made small; `change` may replace sections. @throws Error when it is not valid. */
export function smallShippedTopology(name: string, change: (plain: Plain) => Plain): Topology {
  const text = readFileSync(packageFile('cluster', 'topologies', name), 'utf8');
  const plain = parse(text) as Plain & { disks: Plain[] };
  const disks = plain.disks.map((disk) => ({ ...disk, size: '24MiB' }));
  const read = parseTopology(change({ ...plain, disks }), homeBytes);
  if (read.ok) return read.topology;
  throw new Error(read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`).join());
}

/** A request frame, and over which link it was sent to whom. */
export interface SeenFrame {
  readonly kind: string;
  readonly receiver: string;
  readonly link: string;
  readonly subject: string;
  /** The whole of it. */
  readonly bytes: Uint8Array;
  readonly request: Request;
  readonly data: FrameData;
}

export interface Ended {
  status: Status | null;
  bytes: Buffer;
}

/** What of a SAN's world is not as usual. */
export interface SanSetup extends Pick<WorldOptions, 'wrapStore' | 'syncsEveryWrite'> {
  /** Makes the media what they are when the power comes on; formats them when left out. */
  readonly prepare?: (world: World) => void;
}

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const startMsMax = 60_000;

export class SimulatedSan {
  readonly world: World;
  /** What must not happen: exceptions, errors in logs. */
  readonly complaints: string[] = [];
  /** Frames that were sent since `watchFrames`. */
  readonly frames: SeenFrame[] = [];
  readonly #attached = new Map<string, () => OptimizationDriver | null>();

  /** @throws Error when it does not come to serve. */
  constructor(topology: Topology, seed: string | number = 1, setup: SanSetup = {}) {
    const { prepare = (world) => world.format(), ...unusual } = setup;
    this.world = new World({
      ...unusual,
      seed,
      topology,
      openIos: () => 0,
      onStarted: (node) => this.#attach(node),
      onComplaint: (what) => this.complaints.push(what),
    });
    prepare(this.world);
    this.world.powerOn();
    this.runUntil('all volumes serve', () => this.isServing);
  }

  get isServing(): boolean {
    const wanted = this.world.topology.hosts.flatMap(({ exports }) => exports);
    const drivers = [...this.#attached.values()];
    const areOpen = drivers.every((driver) => driver()?.admission.open === true);
    return drivers.length === wanted.length && areOpen;
  }

  /** Attaches a volume to a host beside what it exports. */
  attach(host: string, options: AttachmentOptions): Attachment {
    return this.hostOf(host).attach(options);
  }

  /** The process of a host that runs now. */
  hostOf(id: string): Host {
    const [host] = this.node(id).assembled?.hosts ?? [];
    if (host === undefined) throw new Error(`host ${id} does not run`);
    return host;
  }

  volume(host: string, volume: string): OptimizationDriver {
    const driver = this.#attached.get(`${host}/${volume}`)?.();
    if (driver === undefined || driver === null) throw new Error(`${host} has not ${volume}`);
    return driver;
  }

  node(id: string): SimulatedNode {
    const node = this.world.nodes.find((each) => each.node.id === id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  runFor(ms: number): void {
    this.world.clock.runFor(ms);
  }

  /** @throws Error when it has not come to that within a minute of virtual time. */
  runUntil(what: string, isSo: () => boolean): void {
    for (let ms = 0; !isSo(); ms += 10) {
      if (ms > startMsMax) throw new Error(`not so after ${startMsMax} ms: ${what}`);
      this.runFor(10);
    }
  }

  /** Begins a write of bytes of one value. */
  write(
    driver: OptimizationDriver,
    offset: number,
    lengthBytes: number,
    value: number,
    fua = false,
  ): Ended {
    const ended: Ended = { status: null, bytes: Buffer.alloc(0) };
    const bytes = new Uint8Array(lengthBytes).fill(value);
    driver.write(unitOf<VolumeOffset>(offset), [bytes], fua, (status) => {
      ended.status = status;
    });
    return ended;
  }

  read(driver: OptimizationDriver, offset: number, lengthBytes: number): Ended {
    const ended: Ended = { status: null, bytes: Buffer.alloc(0) };
    driver.read(unitOf<VolumeOffset>(offset), lengthBytes, (status, pieces) => {
      ended.status = status;
      ended.bytes = Buffer.concat(pieces);
    });
    return ended;
  }

  /** Lets I/Os end. @throws Error when one of them ends badly. */
  finish(...ios: readonly Ended[]): void {
    this.runUntil('all I/O has ended', () => ios.every(({ status }) => status !== null));
    const bad = ios.filter(({ status }) => status !== Status.ok);
    if (bad.length > 0) throw new Error(`${bad.length} I/Os ended with ${bad[0]?.status}`);
  }

  /** Sees all request frames from now on. Nobody is told any more that nobody listens. */
  watchFrames(): void {
    const { cluster } = this.world.topology;
    this.connect('watcher').subscribe(`san.v1.${cluster}.io.>`, {
      message: (data, subject) => {
        const bytes = Uint8Array.from(data);
        const frame = decodeFrame(bytes);
        const [kind = '', receiver = '', link = ''] = subject.split('.').slice(4);
        if (frame?.kind !== FrameKind.request) return;
        const { request, data: carried } = frame;
        this.frames.push({ kind, receiver, link, subject, bytes, request, data: carried });
      },
    });
  }

  /** Sends frames as if they had been on their way all the time; lets them be carried out. */
  replay(frames: readonly Pick<SeenFrame, 'subject' | 'bytes'>[]): void {
    const bus = this.connect('late');
    for (const { subject, bytes } of frames) bus.publish(subject, bytes);
    this.runFor(3000);
  }

  /** A connection of a process of its own. */
  connect(name: string): SimulatedBus {
    const { network, clock, topology } = this.world;
    const process = new SimulatedProcess(clock, name);
    return network.server(topology.control).connect({ process, role: 'io', log: silent });
  }

  /** Asks an actor something, as an operator does. */
  ask(receiver: ActorAddress, verb: string, body: object, done: (answer: Answer) => void): void {
    const { topology, clock } = this.world;
    const asker = { kind: 'node', id: 'operator' } as const;
    const bus = this.connect('operator');
    const questions = new Questions(asker, subjectsOf(topology.cluster), bus, clock);
    questions.start();
    questions.ask(receiver, verb, body, startMsMax, done);
  }

  /** The facts of a host or switch. */
  facts(id: string): Plain {
    const { assembled } = this.node(id);
    const [actor] = [...(assembled?.hosts ?? []), ...(assembled?.switches ?? [])];
    if (actor === undefined) throw new Error(`${id} is no host or switch that runs`);
    return actor.facts();
  }

  /** How many frames left the host by each of its HBAs for each target, as `h1-a disk:d4`. */
  trafficOf(host: string): ReadonlyMap<string, number> {
    const { traffic } = this.facts(host) as {
      traffic: readonly { hba: string; target: string; frames: number }[];
    };
    return new Map(traffic.map(({ hba, target, frames }) => [`${hba} ${target}`, frames]));
  }

  /** Stops everything in good order. @returns how mirrors differ, and what else must not have happened */
  stopAndCompare(): readonly string[] {
    let stopped = false;
    this.world.stop(() => {
      stopped = true;
    });
    this.runUntil('all has stopped', () => stopped);
    return [...mirrorProblems(this.world), ...this.complaints];
  }

  #attach(node: SimulatedNode): void {
    for (const host of node.assembled?.hosts ?? []) {
      const entry = this.world.topology.hosts.find(({ id }) => id === host.id);
      for (const { volume, attach, readOnly } of entry?.exports ?? []) {
        const attachment = host.attach({ volume, mode: attach, readOnly });
        this.#attached.set(`${host.id}/${volume}`, () => attachment.volume);
      }
    }
  }
}
