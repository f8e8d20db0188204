/** A switch and two disks as they are, in processes on a simulated network: to be started, written to, and cut off. */
import { expect } from 'chai';
import { Actor } from '../../../actors/actor.ts';
import { tagsPerPage } from '../../../actors/disk/block-tags.ts';
import { Disk } from '../../../actors/disk/disk.ts';
import { formatDisk } from '../../../actors/disk/format-disk.ts';
import type { ResyncReport } from '../../../actors/switch/resyncs.ts';
import { Switch } from '../../../actors/switch/switch.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { MemoryMedium } from '../../../cluster/simulation/store.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import type { Answer } from '../../../protocols/commands.ts';
import type { Compared, MirrorState } from '../../../protocols/control-data.ts';
import { decodeFrame, encodeRequest, FrameKind } from '../../../protocols/frames/frame.ts';
import type { Request } from '../../../protocols/frames/request.ts';
import { idOf } from '../../../protocols/ids.ts';
import type { Log } from '../../../protocols/ports.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { blockBytes, mebibyte, unitOf } from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';

const cluster = idOf<never>('lab');
const subjects = subjectsOf(cluster);
const diskNames = ['d1', 'd2'];
const volumeBytes = 4 * mebibyte;
const hotBlocks = 24;
const ignore = () => {};
const silent: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const none = new Uint8Array(0);

interface Asked {
  readonly operation: Operation;
  readonly block: number;
  readonly disk: string;
  readonly flags: number;
}

export class Lab {
  readonly clock = new VirtualClock();
  readonly #random: SeededRandom;
  readonly #network: SimulatedNetwork;
  readonly #media: ReadonlyMap<string, MemoryMedium>;
  readonly #host: Actor;
  readonly #io;
  readonly #disks = new Map<string, Disk>();
  readonly #processes = new Map<string, SimulatedProcess>();
  #boot = 0;
  /** The decision in force: its number is that of all its epochs. */
  #decided = 0;
  #mirrors: readonly MirrorState[] = ['in-sync', 'in-sync'];
  #compared: Compared = 'all';
  #nextIo = 1;
  #latest = new Map<number, { bytes: Uint8Array; ok: boolean }>();
  /** By block: what was acknowledged last with FUA, and everything submitted since. */
  readonly allowed = new Map<number, number[]>();
  /** Blocks that were found unequal and made equal. */
  copiedBlocks = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const { clock } = this;
    this.#network = new SimulatedNetwork({ clock, random: this.#random.fork('network') });
    this.#media = new Map(
      diskNames.map((name) => [
        name,
        new MemoryMedium({ sizeBytes: 16 * mebibyte, random: this.#random.fork(name) }),
      ]),
    );
    const process = new SimulatedProcess(clock, 'host');
    const connect = (role: string) =>
      this.#network.server('f1').connect({ process, role, log: silent });
    const random = this.#random.fork('host');
    const ports = { cluster, control: connect('control'), clock, random, log: silent };
    this.#host = new Actor({ kind: 'host', id: 'h1' }, unitOf(9), ports, () => ({
      state: '',
      facts: {},
    }));
    this.#host.start();
    this.#io = connect('io');
    this.#io.subscribe(subjects.replies({ kind: 'hba', id: 'h1-a' }), {
      message: (data) => this.#replied(data),
    });
    for (const [name, medium] of this.#media) {
      const format = { disk: idOf<never>(name), random: this.#random.fork(`format ${name}`) };
      formatDisk(
        { store: medium.open(clock), ...format, isNew: true, overwrite: false },
        (problem) => expect(problem).to.equal(null),
      );
    }
    clock.runFor(1000);
  }

  /** Starts all processes, but for disks of stale mirrors, and assembles the volume under new epochs. */
  start(mirrors: readonly MirrorState[] = ['in-sync', 'in-sync']): void {
    this.#boot++;
    for (const name of diskNames.filter((_, mirror) => mirrors[mirror] !== 'stale')) {
      const ports = this.#ports(name);
      const medium = this.#media.get(name);
      if (medium === undefined) throw new Error('no medium');
      const store = { ok: true, store: medium.open(ports.clock) } as const;
      const links = [{ link: idOf<never>(`s1-${name}`), io: ports.io }];
      const disk = new Disk({ disk: idOf<never>(name), links, store }, ports);
      disk.start();
      this.#disks.set(name, disk);
    }
    const ports = this.#ports('s1');
    const links = diskNames.map((id) => ({
      link: idOf<never>(`s1-${id}`),
      receiver: { kind: 'disk', id } as const,
      io: ports.io,
    }));
    const options = {
      id: idOf<never>('s1'),
      virtualizing: true,
      links: [
        { link: idOf<never>('h1-s1'), receiver: { kind: 'hba', id: 'h1-a' }, io: ports.io },
        ...links,
      ],
      routes: diskNames.map((id) => ({ disk: idOf<never>(id), links: [idOf<never>(`s1-${id}`)] })),
      limits: {
        layoutMemoryBytes: mebibyte,
        mirrorsMax: 4,
        serializesSpans: true,
        namesAlternates: true,
        cacheBytes: 0,
      },
      // So that it lasts: the disks and links here are fast.
      resyncBytesPerSecond: blockBytes,
      virtualizers: [],
      io: { buses: [ports.io], hbas: new Map() },
    } as const;
    new Switch(options, unitOf(100 + this.#boot), ports).start();
    this.clock.runFor(3000);
    this.#decide(mirrors, 'all');
    this.clock.runFor(10_000);
    const settled = this.#settled();
    expect(settled).to.include({ settled: true, problem: '' });
    if (settled.ok) this.copiedBlocks += Number(settled.copiedBlocks);
  }

  /** All mirrors are in sync from now on, and nothing is compared again. */
  promote(): void {
    this.#decide(['in-sync', 'in-sync'], 'unfinished');
    expect(this.#settled()).to.include({ settled: true, problem: '' });
  }

  /** Lets time pass until the mirrors that are resyncing are equal. */
  awaitResync(): void {
    for (let waitedMs = 0; !this.resync().isDone; waitedMs++) {
      expect(waitedMs, this.resync().problem).to.be.below(60_000);
      this.clock.runFor(1);
    }
  }

  /** How far the mirrors are that are made equal. */
  resync(): ResyncReport {
    const settled = this.#settled();
    if (!settled.ok) throw new Error(settled.message);
    return settled.resync as ResyncReport;
  }

  #settled(): Answer {
    return this.#ask('switch', 's1', 'settled', { volume: 'vol0', generation: this.#decided });
  }

  #decide(mirrors: readonly MirrorState[], compared: Compared): void {
    this.#decided++;
    this.#mirrors = mirrors;
    this.#compared = compared;
    for (const name of this.#members()) expect(this.#assemble(name)).to.include({ ok: true });
    expect(this.#ask('switch', 's1', 'load', this.#load())).to.include({ ok: true });
  }

  #members(): readonly string[] {
    return diskNames.filter((_, mirror) => this.#mirrors[mirror] !== 'stale');
  }

  /** Everything loses power, one disk a little earlier than the rest: the last writes reach the other one only. */
  cutPower(): void {
    const first = diskNames[this.#random.integer(diskNames.length)] ?? '';
    this.#processes.get(first)?.stop();
    this.#media.get(first)?.powerCut();
    this.writeSome(8);
    for (const process of this.#processes.values()) process.stop();
    for (const [name, medium] of this.#media) if (name !== first) medium.powerCut();
    this.#processes.clear();
    this.clock.runFor(2000);
  }

  /** The tags of the first blocks of the volume rot on a disk, and no journal puts them right. */
  loseTags(disk: string): void {
    const device = this.#disks.get(disk)?.opened?.device;
    if (device === undefined) throw new Error(`disk ${disk} is not open`);
    device.writeBehind.drain(ignore);
    this.clock.runFor(1000);
    const { tagsStart } = device.parts.layout;
    const page = Math.floor(mebibyte / blockBytes / tagsPerPage);
    const rot = (bytes: Uint8Array) => bytes.fill(0x55);
    this.#media.get(disk)?.corrupt(tagsStart + page * blockBytes + 100, rot, 1);
  }

  /** Submits writes of whole blocks of the hot set, some with FUA, and lets less than all of them end. */
  writeSome(count: number): void {
    for (let each = 0; each < count; each++) {
      const flags = this.#random.integer(2);
      const block = this.#random.integer(hotBlocks);
      const value = 1 + this.#random.integer(250);
      const known = this.allowed.get(block) ?? [0];
      this.allowed.set(block, [...known, value]);
      const data = new Uint8Array(blockBytes).fill(value);
      this.#send({ operation: Operation.write, block, disk: '', flags }, data, (status) => {
        if (status !== Status.ok || flags === 0) return;
        const values = this.allowed.get(block) ?? [];
        this.allowed.set(block, values.slice(values.indexOf(value)));
      });
      this.clock.runFor(this.#random.integer(10) / 10);
    }
  }

  read(block: number, disk: string): Uint8Array {
    const number = this.#send({ operation: Operation.read, block, disk, flags: 0 }, none, ignore);
    for (let waitedMs = 0; !this.#latest.has(number) && waitedMs < 1000; waitedMs++)
      this.clock.runFor(1);
    const answer = this.#latest.get(number);
    if (answer?.ok !== true) throw new Error(`block ${block} of ${disk} cannot be read`);
    return answer.bytes;
  }

  readonly #waiting = new Map<number, (status: number) => void>();

  #send(
    { operation, block, disk, flags }: Asked,
    data: Uint8Array,
    done: (status: number) => void,
  ): number {
    const ioNumber = this.#nextIo++;
    this.#waiting.set(ioNumber, done);
    const request = {
      operation,
      flags,
      volume: 'vol0',
      offset: block * blockBytes,
      lengthBytes: blockBytes,
      disk,
      diskOffset: 0,
      extentGeneration: 0,
      mirrorSet: '',
      generation: this.#decided,
      controlEpoch: 1,
      attachEpoch: 2 * this.#decided,
      eventCount: this.#decided,
      partition: 0,
      partitionEpoch: operation === Operation.write ? 2 * this.#decided + 1 : 0,
      ownerIncarnation: 100 + this.#boot,
      writeNumber: 0,
      lowestUnsettled: 0,
      host: 'h1',
      hostIncarnation: 9,
      ioNumber,
      attempt: 0,
      watermark: 0,
      regionWrites: 0,
      replyKind: 'hba',
      replyId: 'h1-a',
      replySlot: 1,
      route: [],
    } as unknown as Request;
    const subject = subjects.io({ kind: 'switch', id: 's1' }, idOf('h1-s1'));
    this.#io.publish(subject, encodeRequest(request, [data]));
    return ioNumber;
  }

  #replied(data: Uint8Array): void {
    const frame = decodeFrame(data);
    if (frame?.kind !== FrameKind.reply) return;
    const { ioNumber, outcome } = frame.reply;
    const bytes = frame.data.bytes.slice();
    this.#latest.set(ioNumber, { bytes, ok: outcome.status === Status.ok });
    this.#waiting.get(ioNumber)?.(outcome.status);
    this.#waiting.delete(ioNumber);
  }

  #ports(name: string) {
    const process = new SimulatedProcess(this.clock, `${name}-${this.#boot}`);
    this.#processes.set(name, process);
    const connect = (role: string) =>
      this.#network.server('f1').connect({ process, role, log: silent });
    const random = this.#random.fork(`${name} ${this.#boot}`);
    const { clock } = process;
    return { cluster, control: connect('control'), io: connect('io'), clock, random, log: silent };
  }

  #ask(kind: 'disk' | 'switch', id: string, verb: string, body: object): Answer {
    let result: Answer | null = null;
    this.#host.ask({ kind, id }, verb, body, 5000, (answer) => {
      result = answer;
    });
    for (let waitedMs = 0; result === null && waitedMs < 5001; waitedMs++) this.clock.runFor(1);
    if (result === null) throw new Error(`no answer to ${verb}`);
    return result;
  }

  #decision() {
    const decided = this.#decided;
    const owner = { coordinator: 's1', ownerIncarnation: 100 + this.#boot };
    const attached = { host: 'h1', hostIncarnation: 9, mode: 'exclusive', readOnly: false };
    return {
      volume: 'vol0',
      generation: decided,
      controlEpoch: 1,
      partitions: [{ partition: 0, epoch: 2 * decided + 1, ...owner }],
      attachments: [{ attachEpoch: 2 * decided, firstEpoch: 2 * decided, ...attached }],
      mirrorSets: [mirrorSetOf('m0', decided, this.#mirrors)],
    };
  }

  #member(disk: string) {
    const { identity = '', instance = 0 } = this.#disks.get(disk)?.opened?.superblock.content ?? {};
    return { disk, identity, instance };
  }

  #assemble(disk: string): Answer {
    const extent = { extent: `${disk}-e`, start: mebibyte, lengthBytes: volumeBytes };
    return this.#ask('disk', disk, 'assemble', {
      cluster: 'lab',
      clusterIdentity: 'c'.repeat(32),
      ...this.#decision(),
      disk: this.#member(disk),
      extents: [{ ...extent, generation: 1, mirrorSet: 'm0' }],
    });
  }

  #load() {
    const extent = { kind: 'extent', start: mebibyte, lengthBytes: volumeBytes, generation: 1 };
    const children = diskNames.map((disk) => ({ ...extent, disk, extent: `${disk}-e` }));
    return {
      ...this.#decision(),
      sizeBytes: volumeBytes,
      logicalBlockBytes: 512,
      regionBytes: mebibyte,
      frameBytesMax: 262_144,
      layout: { kind: 'mirror', set: 'm0', children },
      coordinatorMap: { kind: 'modulo', unitBytes: mebibyte, partitions: 1 },
      compared: this.#compared,
      disks: this.#members().map((disk) => this.#member(disk)),
      switchIncarnation: 100 + this.#boot,
    };
  }
}
