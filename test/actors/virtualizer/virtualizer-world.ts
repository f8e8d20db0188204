/** A virtualizer among fake members on virtual time, with a diary of everything that took effect, in order. */
import { expect } from 'chai';
import { Questions } from '../../../actors/questions.ts';
import { Virtualizer } from '../../../actors/virtualizer/virtualizer.ts';
import { virtualizerInputOf } from '../../../actors/virtualizer/virtualizer-input.ts';
import type { VolumeStatus } from '../../../actors/virtualizer/volume-status.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { Answer } from '../../../protocols/commands.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import type { ClusterId, VirtualizerId } from '../../../protocols/ids.ts';
import type { Clock, ConfigDatabase, Log } from '../../../protocols/ports.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { parseTopology } from '../../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../../protocols/topology.ts';
import {
  type DiskMedium,
  FakeDisk,
  FakeHost,
  type FakeMember,
  FakeSwitch,
} from './fake-members.ts';
import { type FakeBus, FakeDatabase, FakeNetwork } from './fake-network.ts';

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const diskIds = ['d1', 'd2', 'd3', 'd4'];
const switchIds = ['s1', 's2'];
const hbaIds = ['h1-a', 'h1-b', 'h2-a'];

/** Two hosts, two switches, four disks, everything linked; a mirrored stripe for both hosts. */
export function smallTopology(volumes: readonly object[] = [], policies = {}): Topology {
  const vol0 = {
    id: 'vol0',
    size: '64MiB',
    layout: {
      stripe: { stripBytes: '64KiB', of: [{ mirror: ['d1', 'd2'] }, { mirror: ['d3', 'd4'] }] },
    },
  };
  const links = switchIds.flatMap((one) => [
    ...hbaIds.map((hba) => [hba, one]),
    ...diskIds.map((disk) => [one, disk]),
  ]);
  const read = parseTopology({
    cluster: 'test',
    fabrics: ['f1'],
    virtualizers: ['v1'],
    hosts: [
      { id: 'h1', hbas: ['h1-a', 'h1-b'] },
      { id: 'h2', hbas: ['h2-a'] },
    ],
    switches: switchIds,
    disks: diskIds.map((id) => ({ id, size: '1GiB', store: 'memory' })),
    links,
    volumes: [vol0, ...volumes],
    policies,
  });
  if (!read.ok) throw new Error(read.problems.map(({ problem }) => problem).join('; '));
  return read.topology;
}

/** A dead process runs nothing any more. */
function mortalClock(clock: Clock, isAlive: () => boolean): Clock {
  const whileAlive = (run: () => void) => () => {
    if (isAlive()) run();
  };
  return {
    now: () => clock.now(),
    wallTimeMs: () => clock.wallTimeMs(),
    setTimeout: (run, delayMs) => clock.setTimeout(whileAlive(run), delayMs),
    clearTimeout: (timer) => clock.clearTimeout(timer),
    soon: (run) => clock.soon(whileAlive(run)),
  };
}

function mortalDatabase(database: ConfigDatabase, isAlive: () => boolean): ConfigDatabase {
  const whileAlive =
    <Result>(done: (result: Result) => void) =>
    (result: Result) => {
      if (isAlive()) done(result);
    };
  return {
    syncsEveryWrite: database.syncsEveryWrite,
    read: (key, done) => database.read(key, whileAlive(done)),
    write: (key, value, revision, done) => database.write(key, value, revision, whileAlive(done)),
    list: (prefix, done) => database.list(prefix, whileAlive(done)),
  };
}

/** A process: whatever runs on one connection. */
interface Process<Member> {
  readonly member: Member;
  readonly bus: FakeBus;
}

export class VirtualizerWorld {
  readonly clock = new VirtualClock();
  readonly network = new FakeNetwork(this.clock);
  readonly database = new FakeDatabase(this.clock);
  readonly diary: string[] = [];
  readonly #random = new SeededRandom(7);
  readonly #topology: Topology;
  readonly #processes = new Map<string, Process<FakeMember>>();
  readonly #media = new Map<string, DiskMedium>();
  #virtualizer: Process<Virtualizer> | null = null;
  #incarnations = 100;

  constructor(topology: Topology = smallTopology()) {
    this.#topology = topology;
    this.database.written = (key, value) => {
      const record = JSON.parse(value) as Partial<VolumeRecord>;
      this.diary.push(`write ${key} g${record.generation ?? '-'}`);
    };
  }

  startVirtualizer(id = 'v1'): Virtualizer {
    this.killVirtualizer();
    const input = virtualizerInputOf(this.#topology, id as VirtualizerId);
    const bus = this.network.open();
    const isAlive = () => bus.state !== 'closed';
    const ports = {
      ...this.#ports(bus),
      clock: mortalClock(this.clock, isAlive),
      database: mortalDatabase(this.database, isAlive),
    };
    const member = new Virtualizer(input, ports);
    this.#virtualizer = { member, bus };
    member.start();
    return member;
  }

  /** What it sent may still arrive, and what it wrote too. */
  killVirtualizer(): void {
    this.#virtualizer?.bus.close(() => {});
    this.#virtualizer = null;
  }

  /** Another one can be started beside it. */
  leaveVirtualizerRunning(): void {
    this.#virtualizer = null;
  }

  get virtualizer(): Virtualizer {
    return this.#running().member;
  }

  get virtualizerBus(): FakeBus {
    return this.#running().bus;
  }

  medium(id: string): DiskMedium {
    const identity = (diskIds.indexOf(id) + 1).toString(16).padStart(32, '0');
    const fresh = {
      identity,
      clusterIdentity: '',
      instance: 0,
      assemblies: new Map(),
      highestEpochs: new Map(),
      retired: new Set<number>(),
    };
    const medium = this.#media.get(id) ?? fresh;
    this.#media.set(id, medium);
    return medium;
  }

  /** Starts an actor, after ending the process that ran it before. */
  start(...ids: readonly string[]): void {
    for (const id of ids) {
      this.kill(id);
      const bus = this.network.open();
      const parts = { ...this.#ports(bus), happened: (what: string) => this.diary.push(what) };
      this.#incarnations++;
      const member = id.startsWith('d')
        ? new FakeDisk(id, this.medium(id), parts)
        : id.startsWith('s')
          ? new FakeSwitch(id, this.#incarnations, parts)
          : new FakeHost(id, this.#incarnations, parts);
      this.#processes.set(id, { member, bus });
    }
  }

  kill(id: string): void {
    const process = this.#processes.get(id);
    process?.member.stop();
    process?.bus.close(() => {});
    this.#processes.delete(id);
  }

  disk(id: string): FakeDisk {
    return this.#member(id) as FakeDisk;
  }

  switch(id: string): FakeSwitch {
    return this.#member(id) as FakeSwitch;
  }

  host(id: string): FakeHost {
    return this.#member(id) as FakeHost;
  }

  /** Starts everything, with host h1 attaching vol0, and waits until it is served. */
  startServing(): void {
    this.startVirtualizer();
    this.start(...diskIds, ...switchIds, 'h1', 'h2');
    this.host('h1').attach('vol0');
    this.until(() => this.host('h1').isAttached('vol0'), 'vol0 serves h1');
  }

  /** Asks the virtualizer as an operator does, and waits for the answer. */
  command(verb: string, body: object = {}): Answer {
    return this.commandTo('v1', verb, body);
  }

  /** The same of one of several. */
  commandTo(id: string, verb: string, body: object): Answer {
    const address = { kind: 'node', id: 'operator' } as const;
    const bus = this.network.open();
    this.#incarnations++;
    const { cluster } = this.#topology;
    const first = this.#incarnations * 100;
    const questions = new Questions(address, subjectsOf(cluster), bus, this.clock, first);
    questions.start();
    const answers: Answer[] = [];
    questions.ask({ kind: 'virtualizer', id }, verb, body, 20_000, (answer) =>
      answers.push(answer),
    );
    this.until(() => answers.length > 0, `an answer to ${verb}`);
    questions.stop();
    bus.close(() => {});
    return answers[0] as Answer;
  }

  status(volume = 'vol0'): VolumeStatus {
    const { volumes } = this.facts() as { volumes: readonly VolumeStatus[] };
    const status = volumes.find((each) => each.volume === volume);
    if (status === undefined) throw new Error(`no status of ${volume}`);
    return status;
  }

  facts(): Record<string, unknown> {
    return this.virtualizer.description().facts;
  }

  record(volume = 'vol0'): VolumeRecord {
    return JSON.parse(
      this.database.values.get(`volume.${volume}`)?.value ?? 'null',
    ) as VolumeRecord;
  }

  run(durationMs: number): void {
    this.clock.runFor(durationMs);
  }

  /** Lets time pass until something holds, at most a virtual minute. */
  until(condition: () => boolean, what: string): void {
    const deadline = this.clock.now() + 60_000;
    while (!condition()) {
      if (this.clock.now() > deadline)
        expect.fail(`waited in vain for: ${what}\n${this.diary.slice(-20).join('\n')}`);
      this.clock.runNext();
    }
  }

  untilState(state: string, volume = 'vol0'): void {
    this.until(
      () =>
        this.virtualizer.state === 'active' && this.status(volume).state.split('.')[0] === state,
      `${volume} is ${state}`,
    );
  }

  /** What happened since the diary was this long. */
  since(length: number, volume = 'vol0'): readonly string[] {
    return this.diary.slice(length).filter((entry) => entry.includes(volume));
  }

  #ports(control: FakeBus) {
    const cluster = 'test' as ClusterId;
    return { cluster, control, clock: this.clock, random: this.#random, log: silent };
  }

  #member(id: string): FakeMember {
    const process = this.#processes.get(id);
    if (process === undefined) throw new Error(`${id} does not run`);
    return process.member;
  }

  #running(): Process<Virtualizer> {
    if (this.#virtualizer === null) throw new Error('no virtualizer runs');
    return this.#virtualizer;
  }
}
