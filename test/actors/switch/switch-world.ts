/**
 * One switch, s1, between a fabric and disks that the test holds in its hand: what the switch publishes waits until
 * the test delivers, drops or repeats it. The volume is a stripe over two mirrors; two partitions take turns by the
 * MiB, and s1 coordinates both unless told otherwise.
 */

import { decodeJson, encodeJson } from '../../../actors/json.ts';
import { noData } from '../../../actors/switch/frame-data.ts';
import { Switch, type SwitchOptions } from '../../../actors/switch/switch.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Operation } from '../../../protocols/codes.ts';
import type { Answer } from '../../../protocols/commands.ts';
import type { SwitchLoad } from '../../../protocols/control-data.ts';
import {
  decodeFrame,
  encodeRequest,
  type FrameData,
  FrameKind,
} from '../../../protocols/frames/frame.ts';
import type { Outcome, Reply } from '../../../protocols/frames/reply.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import {
  actorKinds,
  type ClusterId,
  type DiskId,
  idOf,
  type SwitchId,
} from '../../../protocols/ids.ts';
import type { Bus, Log } from '../../../protocols/ports.ts';
import { kibibyte, mebibyte, unitOf } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';
import { FakeDisk } from './fake-disk.ts';
import { HeldBus, type Sent } from './held-bus.ts';

export const switchIncarnation = 77;
export const hostIncarnation = 1001;
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function extent(disk: string, name: string) {
  return { kind: 'extent', extent: name, disk, start: mebibyte, lengthBytes: 2 * mebibyte };
}

/** What the virtualizer tells s1, some of it replaced. */
export function loadOf(changes: Record<string, unknown> = {}): SwitchLoad {
  const mirror = (set: string, disks: readonly string[]) => ({
    kind: 'mirror',
    set,
    children: disks.map((disk) => ({ ...extent(disk, `${disk}-e`), generation: 5 })),
  });
  return {
    volume: 'vol0',
    sizeBytes: 4 * mebibyte,
    logicalBlockBytes: 512,
    regionBytes: mebibyte,
    frameBytesMax: 256 * kibibyte,
    layout: {
      kind: 'stripe',
      stripBytes: 64 * kibibyte,
      children: [mirror('m0', ['d1', 'd2']), mirror('m1', ['d3', 'd4'])],
    },
    coordinatorMap: { kind: 'modulo', unitBytes: mebibyte, partitions: 2 },
    generation: 10,
    controlEpoch: 3,
    partitions: [0, 1].map((partition) => ({
      partition,
      coordinator: 's1',
      epoch: 20 + partition,
      ownerIncarnation: switchIncarnation,
    })),
    mirrorSets: ['m0', 'm1'].map((set) => mirrorSetOf(set, 2, ['in-sync', 'in-sync'])),
    attachments: [
      {
        host: 'h1',
        hostIncarnation,
        attachEpoch: 30,
        firstEpoch: 30,
        mode: 'exclusive',
        readOnly: false,
      },
    ],
    compared: 'all',
    disks: ['d1', 'd2', 'd3', 'd4'].map((disk) => ({
      disk,
      identity: '0123456789abcdef0123456789abcdef',
      instance: 1,
    })),
    switchIncarnation,
    ...changes,
  } as unknown as SwitchLoad;
}

/** A disk frame that the switch published. */
export interface ToDisk {
  readonly sent: Sent;
  readonly link: string;
  readonly request: Request;
  readonly data: FrameData;
}

/** A reply that the switch published. */
export interface ToHost {
  readonly sent: Sent;
  readonly reply: Reply;
  readonly data: FrameData;
}

export class SwitchWorld {
  readonly clock = new VirtualClock();
  readonly io = new HeldBus();
  readonly control = new HeldBus();
  readonly switch: Switch;
  readonly disks: ReadonlyMap<string, FakeDisk>;
  #nextIo = 1;

  constructor(changesOf: Partial<SwitchOptions> | ((io: Bus) => Partial<SwitchOptions>) = {}) {
    const changes = typeof changesOf === 'function' ? changesOf(this.io) : changesOf;
    const disks = ['d1', 'd2', 'd3', 'd4'];
    this.disks = new Map(disks.map((disk) => [disk, new FakeDisk(idOf<DiskId>(disk))]));
    const options: SwitchOptions = {
      id: idOf<SwitchId>('s1'),
      virtualizing: true,
      links: [
        { link: idOf('h1-s1'), receiver: { kind: 'hba', id: 'h1-a' } },
        { link: idOf('s1-s2'), receiver: { kind: 'switch', id: 's2' } },
        ...disks.map((id) => ({ link: idOf(`s1-${id}`), receiver: { kind: 'disk', id } })),
      ].map((link) => ({ ...link, io: this.io })) as unknown as SwitchOptions['links'],
      routes: disks.flatMap((id) => [
        { disk: idOf<DiskId>(id), links: [idOf(`s1-${id}`)] },
        { disk: idOf<DiskId>(id), links: [idOf('s1-s2'), idOf(`s2-${id}`)] },
      ]) as unknown as SwitchOptions['routes'],
      limits: {
        layoutMemoryBytes: mebibyte,
        mirrorsMax: 4,
        serializesSpans: true,
        namesAlternates: true,
        cacheBytes: 0,
      },
      resyncBytesPerSecond: 64 * mebibyte,
      virtualizers: [idOf('v1')],
      io: { buses: [this.io], hbas: new Map() },
      ...changes,
    };
    this.switch = new Switch(options, unitOf(switchIncarnation), {
      cluster: idOf<ClusterId>('lab'),
      control: this.control,
      clock: this.clock,
      random: new SeededRandom(1),
      log: silent,
    });
    this.switch.start();
  }

  disk(id: string): FakeDisk {
    const disk = this.disks.get(id);
    if (disk === undefined) throw new RangeError(`no disk ${id}`);
    return disk;
  }

  /** Gives the switch a command; its answer. */
  command(verb: string, body: unknown): Answer {
    this.control.sent = [];
    this.control.deliver(`san.v1.lab.cmd.switch.s1.${verb}`, encodeJson(body), 'answer');
    const answer = this.control.sent.find(({ subject }) => subject === 'answer');
    return decodeJson(answer?.data ?? new Uint8Array(0)) as Answer;
  }

  /** Loads the volume and lets it settle. */
  serve(changes: Record<string, unknown> = {}): this {
    const answer = this.command('load', loadOf(changes));
    if (!answer.ok) throw new Error(answer.message);
    this.runDisks();
    return this;
  }

  /** What `settled` answers. */
  settled(generation = 10): Answer {
    return this.command('settled', { volume: 'vol0', generation });
  }

  /** A request of h1 as its driver would make it, some of it replaced. */
  request(changes: Record<string, unknown> = {}): Request {
    const offset = Number(changes.offset ?? 0);
    const partition = Math.floor(offset / mebibyte) % 2;
    return {
      operation: Operation.write,
      flags: 0,
      volume: 'vol0',
      offset,
      lengthBytes: 4096,
      disk: '',
      diskOffset: 0,
      extentGeneration: 0,
      mirrorSet: '',
      generation: 10,
      controlEpoch: 3,
      attachEpoch: 30,
      eventCount: 2,
      partition,
      partitionEpoch: 20 + partition,
      ownerIncarnation: switchIncarnation,
      writeNumber: 0,
      lowestUnsettled: 0,
      host: 'h1',
      hostIncarnation,
      ioNumber: this.#nextIo++,
      attempt: 0,
      watermark: 0,
      regionWrites: 0,
      replyKind: actorKinds[1],
      replyId: 'h1-a',
      replySlot: 9,
      route: [],
      ...changes,
    } as unknown as Request;
  }

  /** Lets a request arrive at the switch over a link of it, from the hop of that reply subject. */
  arrive(request: Request, hop = '', onTheWay = (_frame: Uint8Array): void => {}): Request {
    const isWrite = request.operation === Operation.write;
    const data = new Uint8Array(isWrite ? request.lengthBytes : 0).fill(request.ioNumber);
    const frame = encodeRequest(request, [data]);
    onTheWay(frame);
    this.io.deliver('san.v1.lab.io.switch.s1.h1-s1', frame, hop);
    // Received bytes belong to the bus: what is needed longer must have been copied.
    frame.fill(0xee);
    return request;
  }

  /** A write of h1 that arrives. */
  write(changes: Record<string, unknown> = {}): Request {
    return this.arrive(this.request(changes));
  }

  /** Takes the frames for disks and other switches that were published. */
  takeToDisks(): ToDisk[] {
    const taken = this.#take('.io.');
    return taken.flatMap((sent) => {
      const frame = decodeFrame(sent.data);
      const link = sent.subject.slice(sent.subject.lastIndexOf('.') + 1);
      return frame?.kind === FrameKind.request
        ? [{ sent, link, request: frame.request, data: frame.data }]
        : [];
    });
  }

  /** Takes the replies that were published. */
  takeReplies(): ToHost[] {
    return this.#take('.rpl.').flatMap((sent) => {
      const frame = decodeFrame(sent.data);
      return frame?.kind === FrameKind.reply
        ? [{ sent, reply: frame.reply, data: frame.data }]
        : [];
    });
  }

  /** The disk carries a frame out, and its answer arrives. */
  answer({ request, data }: ToDisk): void {
    this.reply(request, this.disk(request.disk).answer(request, data));
  }

  /** The disk refuses a frame: the error goes back by the hop that sent it, with the final address. */
  refuse({ request, sent }: ToDisk, outcome: Outcome): void {
    const { replyKind, replyId, replySlot, disk } = request;
    const refusing = this.disk(disk);
    refusing.outcome = () => outcome;
    const frame = refusing.answer(request, noData);
    refusing.outcome = null;
    const final = `san.v1.lab.rpl.${replyKind}.${replyId}.${replySlot}`;
    this.io.deliver(sent.replySubject, frame, final);
  }

  /** An answer arrives. */
  reply(request: Request, frame: Uint8Array): void {
    const { replyKind, replyId, replySlot } = request;
    this.io.deliver(`san.v1.lab.rpl.${replyKind}.${replyId}.${replySlot}`, frame);
  }

  /** Disks answer all that comes to them until nothing more does. Gives the replies to hosts. */
  runDisks(): ToHost[] {
    for (let round = this.takeToDisks(); round.length > 0; round = this.takeToDisks())
      for (const frame of round) this.answer(frame);
    return this.takeReplies();
  }

  #take(plane: string): Sent[] {
    const taken = this.io.sent.filter(({ subject }) => subject.includes(plane));
    this.io.sent = this.io.sent.filter(({ subject }) => !subject.includes(plane));
    return taken;
  }
}
