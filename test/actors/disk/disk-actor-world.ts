/** A disk as an actor, on a simulated network in virtual time: its store, its links, and somebody who asks. */
import { Actor } from '../../../actors/actor.ts';
import { Disk } from '../../../actors/disk/disk.ts';
import { formatDisk } from '../../../actors/disk/format-disk.ts';
import type { SimulatedBus } from '../../../cluster/simulation/bus.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { MemoryMedium, type StoreLatency } from '../../../cluster/simulation/store.ts';
import { Operation } from '../../../protocols/codes.ts';
import { type Answer, verbs } from '../../../protocols/commands.ts';
import type { DiskAssembly } from '../../../protocols/control-data.ts';
import {
  decodeFrame,
  encodeRequest,
  type FrameData,
  FrameKind,
} from '../../../protocols/frames/frame.ts';
import type { Reply } from '../../../protocols/frames/reply.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import {
  type ClusterId,
  type DiskId,
  type ExtentId,
  type HostId,
  idOf,
  type LinkId,
  type MirrorSetId,
  type SwitchId,
  type VolumeId,
} from '../../../protocols/ids.ts';
import type { BlockStore, Log } from '../../../protocols/ports.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import {
  type AttachEpoch,
  type ControlEpoch,
  type DiskInstance,
  type DiskOffset,
  type EventCount,
  type ExtentGeneration,
  type Generation,
  type Incarnation,
  type IoNumber,
  mebibyte,
  type PartitionEpoch,
  unitOf,
  type VolumeOffset,
  type WriteNumber,
} from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';

export const cluster = idOf<ClusterId>('test');
export const diskId = idOf<DiskId>('d1');
export const volumeId = idOf<VolumeId>('vol0');
export const hostId = idOf<HostId>('h1');
export const mirrorSet = idOf<MirrorSetId>('m1');
const link = idOf<LinkId>('s1-d1');
const asker = { kind: 'switch', id: 's1' } as const;
const subjects = subjectsOf(cluster);

/** What is answered to one request. */
export interface Answered {
  readonly reply: Reply;
  readonly data: FrameData;
}

export class DiskActorWorld {
  readonly clock = new VirtualClock();
  readonly medium: MemoryMedium;
  readonly events: { subject: string; body: Record<string, unknown> }[] = [];
  readonly #network: SimulatedNetwork;
  readonly #random = new SeededRandom('disk actor');
  readonly #answers = new Map<number, Answered>();
  readonly #io: SimulatedBus;
  readonly #asking: Actor;
  #nextSlot = 0;
  #process: SimulatedProcess | null = null;
  #disk: Disk | null = null;

  constructor(latency?: StoreLatency) {
    this.#network = new SimulatedNetwork({
      clock: this.clock,
      random: this.#random.fork('network'),
      observer: () => {},
      onHandlerError: (error) => {
        throw error;
      },
    });
    this.medium = new MemoryMedium({
      sizeBytes: 16 * mebibyte,
      random: this.#random.fork('medium'),
      ...(latency === undefined ? {} : { latency }),
    });
    const process = new SimulatedProcess(this.clock, 'asker');
    this.#io = this.#connect(process, 'io');
    this.#io.subscribe(subjects.replies(asker), {
      message: (data, subject) => this.#replied(data, subject),
    });
    const control = this.#connect(process, 'control');
    control.subscribe(subjects.events(), {
      message: (data, subject) =>
        this.events.push({ subject, body: JSON.parse(Buffer.from(data).toString()) }),
    });
    const ports = { cluster, control, clock: process.clock, random: this.#random, log: silent };
    this.#asking = new Actor(asker, unitOf<Incarnation>(1), ports, () => ({
      state: '',
      facts: {},
    }));
    this.#asking.start();
  }

  /** What the disk has logged as errors. */
  readonly complaints: string[] = [];

  get disk(): Disk {
    if (this.#disk === null) throw new Error('the disk does not run');
    return this.#disk;
  }

  format(): void {
    const store = this.medium.open(this.clock);
    const random = this.#random.fork('format');
    formatDisk({ store, disk: diskId, random, isNew: true, overwrite: false }, (why) => {
      if (why !== null) throw new Error(why);
    });
    this.clock.runFor(1000);
  }

  /** Starts a process with the disk. */
  start(wrap: (store: BlockStore) => BlockStore = (store) => store, runForMs = 1000): Disk {
    const process = new SimulatedProcess(this.clock, 'disk');
    const io = this.#connect(process, 'io');
    const control = this.#connect(process, 'control');
    const store = { ok: true, store: wrap(this.medium.open(process.clock)) } as const;
    const log = { ...silent, error: (_: object, message: string) => this.complaints.push(message) };
    const ports = { cluster, control, clock: process.clock, random: this.#random, log };
    const disk = new Disk({ disk: diskId, links: [{ link, io }], store }, ports);
    disk.start();
    this.#process = process;
    this.#disk = disk;
    this.clock.runFor(runForMs);
    return disk;
  }

  kill(): void {
    this.#process?.stop();
    this.medium.crash();
    this.clock.runFor(1000);
  }

  /** Asks for a volume with one mirrored extent, one partition and one host. */
  assembly(changes: Partial<DiskAssembly> = {}): DiskAssembly {
    const { identity, instance } = this.disk.opened?.superblock.content ?? {};
    return {
      cluster,
      clusterIdentity: 'c'.repeat(32),
      volume: volumeId,
      generation: unitOf<Generation>(1),
      controlEpoch: unitOf<ControlEpoch>(1),
      disk: {
        disk: diskId,
        identity: identity ?? '',
        instance: instance ?? unitOf<DiskInstance>(0),
      },
      extents: [
        {
          extent: idOf<ExtentId>('e1'),
          start: unitOf<DiskOffset>(mebibyte),
          lengthBytes: 4 * mebibyte,
          generation: unitOf<ExtentGeneration>(1),
          mirrorSet,
        },
      ],
      partitions: [
        {
          partition: 0,
          coordinator: idOf<SwitchId>('s1'),
          epoch: unitOf<PartitionEpoch>(1),
          ownerIncarnation: unitOf<Incarnation>(77),
        },
      ],
      attachments: [
        {
          host: hostId,
          hostIncarnation: unitOf<Incarnation>(5),
          attachEpoch: unitOf<AttachEpoch>(2),
          firstEpoch: unitOf<AttachEpoch>(2),
          mode: 'exclusive',
          readOnly: false,
        },
      ],
      mirrorSets: [mirrorSetOf(mirrorSet, 3, ['in-sync', 'in-sync'])],
      ...changes,
    };
  }

  /** Asks without waiting. @returns where the answer will be put */
  beginCommand(verb: string, body: object): Answer[] {
    const answers: Answer[] = [];
    const receiver = { kind: 'disk', id: diskId } as const;
    this.#asking.ask(receiver, verb, body, 5000, (answer) => answers.push(answer));
    return answers;
  }

  command(verb: string, body: object): Answer {
    const answers = this.beginCommand(verb, body);
    this.clock.runFor(6000);
    const [answer] = answers;
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  assemble(changes: Partial<DiskAssembly> = {}): Answer {
    return this.command(verbs.assemble, this.assembly(changes));
  }

  /** A request that fits the assembly; `at` counts from the start of the extent. */
  request(operation: Operation, at: number, lengthBytes: number, changes: Partial<Request> = {}) {
    const request: Request = {
      operation,
      flags: 0,
      volume: volumeId,
      offset: unitOf<VolumeOffset>(at),
      lengthBytes,
      disk: diskId,
      diskOffset: unitOf<DiskOffset>(mebibyte + at),
      extentGeneration: unitOf<ExtentGeneration>(1),
      mirrorSet,
      generation: unitOf<Generation>(1),
      controlEpoch: unitOf<ControlEpoch>(1),
      attachEpoch: unitOf<AttachEpoch>(2),
      eventCount: unitOf<EventCount>(3),
      partition: 0,
      partitionEpoch: unitOf<PartitionEpoch>(1),
      ownerIncarnation: unitOf<Incarnation>(77),
      writeNumber: unitOf<WriteNumber>(1),
      lowestUnsettled: unitOf<WriteNumber>(1),
      host: hostId,
      hostIncarnation: unitOf<Incarnation>(5),
      ioNumber: unitOf<IoNumber>(1),
      attempt: 0,
      watermark: unitOf<IoNumber>(1),
      regionWrites: 0,
      replyKind: asker.kind,
      replyId: asker.id,
      replySlot: 0,
      route: [],
      ...changes,
    };
    return request;
  }

  /** Sends without waiting. @returns the slot of the answer */
  send(request: Request, data?: Uint8Array): number {
    const slot = this.#nextSlot++;
    const frame = encodeRequest({ ...request, replySlot: slot }, data === undefined ? [] : [data]);
    this.#io.publish(subjects.io({ kind: 'disk', id: diskId }, link), frame);
    return slot;
  }

  answered(slot: number): Answered | undefined {
    return this.#answers.get(slot);
  }

  /** Sends and waits for the answer. */
  ask(request: Request, data?: Uint8Array): Answered {
    const slot = this.send(request, data);
    this.clock.runFor(1000);
    const answered = this.answered(slot);
    if (answered === undefined) throw new Error('no answer');
    return answered;
  }

  write(at: number, data: Uint8Array, changes: Partial<Request> = {}): Reply {
    return this.ask(this.request(Operation.write, at, data.length, changes), data).reply;
  }

  #connect(process: SimulatedProcess, role: string): SimulatedBus {
    return this.#network.server('f1').connect({ process, role, log: silent });
  }

  #replied(data: Uint8Array, subject: string): void {
    const frame = decodeFrame(data.slice());
    const slot = Number(subject.slice(subject.lastIndexOf('.') + 1));
    if (frame?.kind !== FrameKind.reply || !Number.isInteger(slot)) return;
    this.#answers.set(slot, frame);
  }
}

const ignore = () => {};
const silent: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
