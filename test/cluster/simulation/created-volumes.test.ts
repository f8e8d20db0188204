import { expect } from 'chai';
import { Questions } from '../../../actors/questions.ts';
import { Consumers } from '../../../cluster/simulation/consumers.ts';
import type { CreatedConsumers } from '../../../cluster/simulation/created-consumers.ts';
import { mirrorProblems } from '../../../cluster/simulation/mirror-check.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { simulatedTopology } from '../../../cluster/simulation/simulated-cluster.ts';
import type { SimulatedNode } from '../../../cluster/simulation/simulated-node.ts';
import { noTrace, tracedLog } from '../../../cluster/simulation/trace.ts';
import { World } from '../../../cluster/simulation/world.ts';
import { type Answer, verbs } from '../../../protocols/commands.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';

const rounds = 6;
/** What an operator does must come to its end within this, whatever crashes meanwhile. */
const stepMsMax = 60_000;
const crashGapMsMax = 4000;
/** The virtualizer often dies within this after it was asked. */
const deathMsMax = 80;

/** Two names and two places that take turns, so that namesakes and former owners meet. */
function wanted(round: number) {
  const id = round % 3 === 0 ? 'v2' : 'v1';
  const layout = round % 2 === 0 ? { mirror: ['d1', 'd2'] } : { mirror: ['d2', 'd3'] };
  const host = simulatedTopology('default').hosts[0]?.id;
  return {
    volume: { id, size: '2MiB', layout, hosts: [host] },
    exports: [{ host }],
  };
}

/** A cluster in which an operator creates and deletes volumes while nodes crash under load. */
class OperatedWorld {
  readonly problems: string[] = [];
  readonly world: World;
  readonly consumers: Consumers;
  crashes = 0;
  #crashing = false;
  readonly #questions: Questions;

  constructor(seed: number) {
    const topology = simulatedTopology('default');
    this.world = new World({
      seed,
      topology,
      openIos: () => this.consumers.open,
      onStarted: (node) => {
        this.consumers.nodeStarted(node);
      },
      onComplaint: (what) => this.problems.push(what),
    });
    const { clock, random, network } = this.world;
    this.consumers = new Consumers(topology, clock, random.fork('consumers'), {
      onMedia: () => {},
      hadWays: () => false,
    });
    const process = new SimulatedProcess(clock, 'operator');
    const log = tracedLog(noTrace, 'operator', (what) => this.problems.push(what));
    const bus = network.server(topology.control).connect({ process, role: 'control', log });
    const address = { kind: 'node', id: 'operator' } as const;
    this.#questions = new Questions(address, subjectsOf(topology.cluster), bus, process.clock);
    this.#questions.start();
  }

  get created(): CreatedConsumers {
    return this.consumers.created;
  }

  start(): void {
    this.world.format();
    this.world.powerOn();
    this.until('the cluster serves', () => this.world.isWhole && this.consumers.isServed);
    this.world.database.sync();
    this.consumers.start();
    this.#crashing = true;
    this.#crashLater();
  }

  /** Asks again and again, as the command line does, until the answer is what was waited for. */
  ask(what: string, verb: string, body: object, isOver: (answer: Answer) => boolean): void {
    let open = false;
    let over = false;
    const { random, clock } = this.world;
    if (random.integer(2) === 0)
      clock.setTimeout(() => this.#crashOf('virtualizer'), random.integer(deathMsMax));
    this.until(what, () => {
      if (over || open) return over;
      open = true;
      const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
      this.#questions.ask(virtualizer, verb, body, 3000, (answer) => {
        open = false;
        over = isOver(answer);
        if (!answer.ok && answer.reason === 'refused') expect.fail(`${what}: ${answer.message}`);
      });
      return false;
    });
  }

  until(what: string, isOver: () => boolean): void {
    const { clock } = this.world;
    const endMs = clock.now() + stepMsMax;
    while (!isOver()) {
      expect(this.problems, what).to.deep.equal([]);
      if (clock.now() > endMs) expect.fail(`${what}: not within ${stepMsMax} ms`);
      clock.runFor(20);
    }
  }

  stopCrashing(): void {
    this.#crashing = false;
  }

  #crashLater(): void {
    const { clock, random } = this.world;
    clock.setTimeout(() => {
      if (!this.#crashing) return;
      this.#crash();
      this.#crashLater();
    }, random.integer(crashGapMsMax));
  }

  /** Mostly one node; now and then the power fails, unless the database would lose what it had promised. */
  #crash(): void {
    const { random, database, hasPower } = this.world;
    if (hasPower && database.syncsEveryWrite && random.integer(12) === 0) this.#powerCut();
    else this.#crashOf(random.pick(['host', 'switch', 'disk', 'disk', 'virtualizer']));
  }

  #crashOf(kind: SimulatedNode['kind']): void {
    const running = this.world.nodes.filter((node) => node.isRunning && node.kind === kind);
    if (running.length === 0 || !this.world.hasPower) return;
    const node = this.world.random.pick(running);
    this.crashes++;
    this.world.crash(node);
    this.consumers.nodeDied(node);
  }

  #powerCut(): void {
    this.crashes++;
    this.world.powerCut();
    this.consumers.powerCut();
    this.world.clock.setTimeout(() => this.world.powerOn(), 500);
  }
}

describe('created volumes in a simulated cluster', function () {
  this.timeout(120_000);

  for (const seed of [1, 2])
    it(`are made, used and deleted while nodes crash; nobody reads what was there before (seed ${seed})`, () => {
      const operated = new OperatedWorld(seed);
      const { world, created, consumers } = operated;
      operated.start();
      for (let round = 0; round < rounds; round++) {
        const body = wanted(round);
        const { id } = body.volume;
        const name = `round ${round}, ${id}`;
        const isServing = (answer: Answer) => answer.ok && answer.state === 'serving';
        operated.ask(`${name} is created`, verbs.createVolume, body, isServing);
        const before = created.counts.succeeded;
        operated.until(`${name} is used`, () => created.counts.succeeded > before + 100);
        const isGone = (answer: Answer) => !answer.ok && answer.reason === 'unknown';
        operated.ask(`${name} is deleted`, verbs.deleteVolume, { volume: id }, isGone);
      }
      operated.stopCrashing();
      operated.until('everything serves again', () => world.isWhole && consumers.isServed);
      const knownTo = () =>
        world.nodes.flatMap(({ assembled }) =>
          (assembled?.disks ?? []).flatMap(({ opened }) =>
            (opened?.superblock.content.volumes ?? []).map(({ volume }) => volume as string),
          ),
        );
      operated.until('all disks forget', () =>
        knownTo().every((volume) => volume.startsWith('vol')),
      );
      consumers.stop();
      operated.until('all requests end', () => consumers.open === 0);
      expect(consumers.judge().violations).to.deep.equal([]);
      expect(operated.crashes).to.be.above(2);
      let isStopped = false;
      world.stop(() => {
        isStopped = true;
      });
      operated.until('all nodes stop', () => isStopped);
      expect(mirrorProblems(world)).to.deep.equal([]);
    });
});
