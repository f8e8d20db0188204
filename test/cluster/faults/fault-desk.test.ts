/** The supervisor's desk and the nodes' injectors together, over a simulated command network. */
import { expect } from 'chai';
import { Actor } from '../../../actors/actor.ts';
import { decodeJson } from '../../../actors/json.ts';
import { Questions } from '../../../actors/questions.ts';
import { FaultDesk, type StrikableProcess } from '../../../cluster/faults/fault-desk.ts';
import { FaultInjector } from '../../../cluster/faults/fault-injector.ts';
import { NodeFaults } from '../../../cluster/faults/node-faults.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { defaultTopologyFile, readTopologyFile } from '../../../cluster/topology-file.ts';
import type { Answer } from '../../../protocols/commands.ts';
import { faultText, type HealRequest } from '../../../protocols/faults.ts';
import { type ActorAddress, idOf, type NodeId, supervisorAddress } from '../../../protocols/ids.ts';
import type { Bus, Log } from '../../../protocols/ports.ts';
import { senderOf, subjectsOf } from '../../../protocols/subjects.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { unitOf } from '../../../protocols/units.ts';
import { ignore, NetworkWorld } from '../simulation/network-world.ts';

const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function defaultTopology(): Topology {
  const read = readTopologyFile(defaultTopologyFile);
  if (!read.ok) throw new Error('the default topology is refused');
  return read.topology;
}

/** A process that only counts. */
class FakeProcess implements StrikableProcess {
  state: StrikableProcess['state'] = 'running';
  node: SimulatedProcess | null = null;

  async hold(): Promise<void> {
    this.state = 'held';
    this.node?.stop();
    this.node = null;
  }
  async release(): Promise<void> {
    if (this.state === 'held') this.state = 'running';
  }
  pause(): void {
    this.state = 'paused';
    this.node?.pause();
  }
  resume(): void {
    if (this.state === 'paused') this.state = 'running';
    this.node?.resume();
  }
}

class DeskWorld {
  readonly network = new NetworkWorld();
  readonly topology: Topology;
  readonly nodes: ReadonlyMap<NodeId, FakeProcess>;
  readonly servers = new Map([['n1', new FakeProcess()]]);
  readonly injectors = new Map<string, FaultInjector>();
  readonly desk: FaultDesk;
  readonly events: string[] = [];
  readonly #questions: Questions;

  constructor(topology: Topology = defaultTopology()) {
    this.topology = topology;
    this.nodes = new Map(topology.nodes.map(({ id }) => [id, new FakeProcess()]));
    const { clock } = this.network;
    const watcher = this.network.connect('watch', 'control');
    watcher.subscribe(subjectsOf(topology.cluster).events(), {
      message: (data, subject) => {
        const from = senderOf(subject);
        if (from?.what !== 'fault') return;
        const { what, target, kind } = decodeJson(data) as Record<string, string>;
        this.events.push(`${from.sender.id} ${what} ${target} ${kind}`);
      },
    });
    const asker: ActorAddress = { kind: 'node', id: 'client' };
    const client = this.network.connect('client', 'control');
    this.#questions = new Questions(asker, subjectsOf(topology.cluster), client, clock);
    this.#questions.start();
    const ports = this.#ports(this.network.connect('supervisor', 'control'));
    const actor = new Actor(supervisorAddress, unitOf(1), ports, () => ({ state: '', facts: {} }));
    const { nodes, servers } = this;
    this.desk = new FaultDesk({ topology, actor, clock, nodes, servers });
    actor.start();
    for (const id of nodes.keys()) this.startNode(id);
    clock.runFor(10);
  }

  /** A node begins with what the desk says. */
  startNode(id: NodeId): void {
    const { clock, server } = this.network;
    const process = new SimulatedProcess(clock, id);
    const fake = this.nodes.get(id);
    if (fake !== undefined) fake.node = process;
    const ports = this.#ports(server.connect({ process, role: 'control', log }), process.clock);
    const injector = new FaultInjector({ topology: this.topology, ...ports });
    for (const fault of this.desk?.faultsOf(id) ?? []) injector.inject(fault);
    this.injectors.set(id, injector);
    new NodeFaults({ topology: this.topology, node: id }, injector, { disks: [] }, ports).start();
  }

  /** Asks the supervisor, or another node. */
  async ask(verb: string, body: object, node = 'supervisor'): Promise<Answer> {
    let answer: Answer | null = null;
    this.#questions.ask({ kind: 'node', id: node }, verb, body, 20_000, (given) => {
      answer = given;
    });
    for (let steps = 0; answer === null && steps < 1000; steps++) {
      this.network.clock.runFor(20);
      await Promise.resolve();
    }
    if (answer === null) throw new Error('no answer');
    return answer;
  }

  fault(target: string, kind: string, more: object = {}): Promise<Answer> {
    return this.ask('fault', { target, kind, ...more });
  }

  heal(target: string): Promise<Answer> {
    return this.ask('heal', { target });
  }

  faultsIn(node: string): readonly string[] {
    return this.injectors.get(node)?.active.map(faultText) ?? [];
  }

  processOf(node: string): FakeProcess {
    const process = this.nodes.get(idOf(node));
    if (process === undefined) throw new Error(`no node ${node}`);
    return process;
  }

  #ports(control: Bus, clock: SimulatedProcess['clock'] = this.network.clock) {
    const { cluster } = this.topology;
    return { cluster, control, clock, random: new SeededRandom('desk'), log };
  }
}

describe('the faults of a cluster', () => {
  let world: DeskWorld;
  beforeEach(() => {
    world = new DeskWorld();
  });
  const inForce = () => world.desk.facts().map(faultText);

  it('strike a link at both its ends, as each of them tells', async () => {
    const answer = await world.fault('link:s1-d1', 'down');
    expect(answer).to.deep.include({ ok: true, nodes: ['s1', 'd1'], waitingFor: [] });
    expect(world.faultsIn('s1')).to.deep.equal(['link:s1-d1 down']);
    expect(world.faultsIn('d1')).to.deep.equal(['link:s1-d1 down']);
    expect(world.faultsIn('d2')).to.deep.equal([]);
    const healed = await world.heal('link:s1-d1');
    expect(healed).to.deep.include({ ok: true, waitingFor: [] });
    expect(world.faultsIn('s1')).to.deep.equal([]);
    expect(inForce()).to.deep.equal([]);
    expect(world.events.toSorted()).to.deep.equal([
      'd1 healed link:s1-d1 down',
      'd1 injected link:s1-d1 down',
      's1 healed link:s1-d1 down',
      's1 injected link:s1-d1 down',
    ]);
  });

  it('are the same when they are asked for again, and replaced when they differ', async () => {
    await world.fault('disk:d1', 'slow', { delayMs: 5 });
    await world.fault('disk:d1', 'slow', { delayMs: 5 });
    expect(world.events).to.have.length(1);
    await world.fault('disk:d1', 'slow', { delayMs: 9 });
    expect(world.faultsIn('d1')).to.deep.equal(['disk:d1 slow by 9 ms']);
    expect(inForce()).to.deep.equal(['disk:d1 slow by 9 ms']);
  });

  it('may be several on one target, and healing it ends them all, and no others', async () => {
    await world.fault('disk:d1', 'slow', { delayMs: 5 });
    await world.fault('disk:d1', 'read-error', { atBytes: 0, lengthBytes: 4096 });
    await world.fault('disk:d1', 'read-error', { atBytes: 8192, lengthBytes: 4096 });
    await world.fault('disk:d2', 'slow', { delayMs: 5 });
    expect(world.faultsIn('d1')).to.have.length(3);
    await world.heal('disk:d1');
    expect(world.faultsIn('d1')).to.deep.equal([]);
    expect(inForce()).to.deep.equal(['disk:d2 slow by 5 ms']);
  });

  it('lie between two actors, in both their nodes, and end from either end', async () => {
    const answer = await world.fault('partition:h1/s2', 'one-way');
    expect(answer).to.deep.include({ ok: true, nodes: ['h1', 's2'], waitingFor: [] });
    await world.fault('partition:h1/s2', 'cut');
    await world.fault('partition:s2/h1', 'cut');
    const both = ['partition:h1/s2 one-way: s2 does not hear h1', 'partition:h1/s2 cut'];
    for (const node of ['h1', 's2']) expect(world.faultsIn(node)).to.deep.equal(both);
    expect(world.faultsIn('s1')).to.deep.equal([]);
    expect(inForce()).to.have.length(2);
    const healed = await world.heal('partition:s2/h1');
    expect(healed).to.have.property('healed').with.length(2);
    for (const node of ['h1', 's2']) expect(world.faultsIn(node)).to.deep.equal([]);
    expect(inForce()).to.deep.equal([]);
    expect(world.events).to.have.length(8);
  });

  it('between two actors are cut for a process that is started later, too', async () => {
    await world.fault('partition:v1/s1', 'cut');
    await world.fault('node:s1', 'crash');
    await world.heal('node:s1');
    world.startNode(idOf('s1'));
    expect(world.faultsIn('s1')).to.deep.equal(['partition:v1/s1 cut']);
  });

  it('of a process hold it down, and whoever of its actors is named brings it back', async () => {
    await world.fault('host:h1', 'crash');
    expect(world.processOf('h1').state).to.equal('held');
    expect(inForce()).to.deep.equal(['host:h1 crash']);
    expect(await world.heal('node:h1')).to.deep.include({ ok: true });
    expect(world.processOf('h1').state).to.equal('running');
    expect(inForce()).to.deep.equal([]);
    expect(world.events).to.deep.equal([
      'supervisor injected host:h1 crash',
      'supervisor healed host:h1 crash',
    ]);
  });

  it('of an HBA do not end with its host’s, nor the reverse', async () => {
    await world.fault('hba:h1-a', 'down');
    await world.fault('host:h1', 'pause');
    await world.heal('host:h1');
    expect(inForce()).to.deep.equal(['hba:h1-a down']);
    await world.fault('host:h1', 'pause');
    await world.heal('hba:h1-a');
    expect(inForce()).to.deep.equal(['host:h1 pause']);
  });

  it('a paused process may crash, a crashed one cannot be paused', async () => {
    await world.fault('switch:s1', 'pause');
    expect((await world.fault('node:s1', 'crash')).ok).to.equal(true);
    expect(inForce()).to.deep.equal(['node:s1 crash']);
    const refused = await world.fault('switch:s1', 'pause');
    expect(refused).to.deep.include({ ok: false, reason: 'not-ready' });
    expect(JSON.stringify(refused)).to.contain('sanctor heal node:s1');
  });

  it('a pause ends with the process that it holds', async () => {
    await world.fault('disk:d1', 'pause');
    world.desk.nodeEnded(idOf('d1'));
    expect(inForce()).to.deep.equal([]);
  });

  it('reach a node that stands still when it goes on, in order', async () => {
    await world.fault('node:d1', 'pause');
    const answer = await world.fault('link:s1-d1', 'down');
    expect(answer).to.deep.include({ ok: true, waitingFor: ['d1'] });
    await world.fault('disk:d1', 'slow', { delayMs: 5 });
    expect(world.faultsIn('s1')).to.deep.equal(['link:s1-d1 down']);
    await world.heal('link:s1-d1');
    expect(world.faultsIn('d1')).to.deep.equal([]);
    await world.heal('node:d1');
    world.network.clock.runFor(2000);
    expect(world.faultsIn('d1')).to.deep.equal(['disk:d1 slow by 5 ms']);
  });

  it('stay when a process ends: the next one begins with them', async () => {
    await world.fault('link:s1-d1', 'down');
    await world.fault('node:s1', 'crash');
    await world.fault('switch:s1', 'slow', { delayMs: 3 });
    await world.heal('node:s1');
    world.startNode(idOf('s1'));
    expect(world.faultsIn('s1')).to.deep.equal(['link:s1-d1 down', 'switch:s1 slow by 3 ms']);
  });

  it('reach a node that is being started when it listens', async () => {
    world.processOf('s1').node?.stop();
    const answer = await world.fault('link:s1-s2', 'down');
    expect(answer).to.deep.include({ ok: true, waitingFor: ['s1'] });
    const facts = world.desk.facts();
    world.startNode(idOf('s1'));
    world.injectors.get('s1')?.heal(null);
    world.network.clock.runFor(2000);
    expect(world.faultsIn('s1')).to.deep.equal(['link:s1-s2 down']);
    expect(facts).to.have.length(1);
  });

  it('a NATS server whose fault is healed before it is struck, is not struck any more', async () => {
    await world.fault('nats:n1', 'crash');
    await world.heal('nats:n1');
    world.network.clock.runFor(1000);
    expect(world.servers.get('n1')?.state).to.equal('running');
  });

  it('strike a NATS server after the answer has left, and end although nobody can ask', async () => {
    const server = world.servers.get('n1');
    expect((await world.fault('nats:n1', 'crash')).ok).to.equal(true);
    world.network.clock.runFor(200);
    expect(server?.state).to.equal('held');
    await world.desk.reviveControl();
    expect(server?.state).to.equal('running');
    await world.heal('nats:n1');
    expect(inForce()).to.deep.equal([]);
  });

  it('end all together, and no process is left behind when the cluster stops', async () => {
    await world.fault('link:s1-d1', 'down');
    await world.fault('host:h1', 'crash');
    await world.fault('virtualizer:v1', 'pause');
    const all: HealRequest = { all: true };
    const answer = await world.ask('heal', all);
    expect(answer).to.have.property('healed').with.length(3);
    expect(inForce()).to.deep.equal([]);
    await world.fault('disk:d1', 'pause');
    await world.desk.stop();
    expect(world.processOf('d1').state).to.equal('running');
  });

  const refusals: readonly (readonly [string, object, RegExp])[] = [
    ['an unknown disk', { target: 'disk:d9', kind: 'crash' }, /no disk:d9.*disk:d1, disk:d2/],
    ['an unknown link', { target: 'link:x', kind: 'down' }, /no link:x.*link:s1-d1/],
    ['an unknown kind of target', { target: 'rack:r1', kind: 'crash' }, /kinds are disk, switch/],
    ['no target', { kind: 'crash' }, /target/],
    ['an unknown kind of fault', { target: 'disk:d1', kind: 'melt' }, /kind/],
    ['a crash of a link', { target: 'link:s1-d1', kind: 'crash' }, /down, slow/],
    ['a crash of an HBA', { target: 'hba:h1-a', kind: 'crash' }, /what fits is down/],
    ['a slow switch in multiples', { target: 'switch:s1', kind: 'slow', times: 2 }, /--ms/],
    ['slowness without a number', { target: 'disk:d1', kind: 'slow' }, /how slow/],
    ['slowness beyond a minute', { target: 'disk:d1', kind: 'slow', delayMs: 1e9 }, /60000/],
    ['a number where none belongs', { target: 'disk:d1', kind: 'crash', delayMs: 1 }, /delayMs/],
    [
      'a partition from nobody',
      { target: 'partition:h1/s7', kind: 'cut' },
      /no actor s7 .*there are h1, h1-a, h1-b, s1/,
    ],
    [
      'a partition from a link',
      { target: 'partition:h1/s1-d1', kind: 'cut' },
      /no actor s1-d1 to cut off/,
    ],
    [
      'a partition from itself',
      { target: 'partition:s1/s1', kind: 'cut' },
      /s1 cannot be cut off from itself: name two/,
    ],
    [
      'a partition from its own HBA',
      { target: 'partition:h1-a/h1', kind: 'cut' },
      /h1-a is a part of h1/,
    ],
    ['half a partition', { target: 'partition:h1', kind: 'cut' }, /as in partition:h1\/s2/],
    ['a partition that is down', { target: 'partition:h1/s1', kind: 'down' }, /cut, one-way/],
    ['a disk that is cut', { target: 'disk:d1', kind: 'cut' }, /what fits is crash/],
    ['half a range', { target: 'disk:d1', kind: 'read-error', atBytes: 0 }, /both/],
    [
      'a range outside',
      { target: 'disk:d1', kind: 'read-error', atBytes: 1e12, lengthBytes: 1 },
      /outside of disk:d1/,
    ],
  ];
  for (const [what, body, says] of refusals)
    it(`are refused for ${what}, and nothing changes`, async () => {
      const answer = await world.ask('fault', body);
      expect(answer.ok).to.equal(false);
      expect(JSON.stringify(answer)).to.match(says);
      expect(inForce()).to.deep.equal([]);
      expect(world.events).to.deep.equal([]);
    });

  it('are bounded in number', async () => {
    for (let count = 0; count < 256; count++)
      await world.fault('disk:d1', 'read-error', { atBytes: count * 4096, lengthBytes: 4096 });
    const answer = await world.fault('disk:d1', 'slow', { delayMs: 1 });
    expect(JSON.stringify(answer)).to.contain('heal some first');
  });

  it('are refused where the topology allows none, with the remedy', async () => {
    world = new DeskWorld({ ...defaultTopology(), faults: false });
    const answer = await world.fault('disk:d1', 'crash');
    expect(JSON.stringify(answer)).to.contain('faults: true');
    expect(world.processOf('d1').state).to.equal('running');
  });

  it('of a node itself are refused when they are another one’s, or a process’s', async () => {
    const elsewhere = await world.ask(
      'fault',
      { target: 'disk:d1', kind: 'slow', delayMs: 1 },
      'd2',
    );
    expect(JSON.stringify(elsewhere)).to.contain('not on node d2, but on d1');
    const crash = await world.ask('fault', { target: 'disk:d2', kind: 'crash' }, 'd2');
    expect(JSON.stringify(crash)).to.contain('ask the supervisor');
  });
});
