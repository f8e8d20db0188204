import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from 'nats';
import { connectNatsBus } from '../../../cluster/nats/bus.ts';
import { type RunningNatsServer, startNatsServer } from '../../../cluster/nats/server.ts';
import { answerServiceDiscovery, type DiscoverableActor } from '../../../cluster/nats/services.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import type { Bus, Log } from '../../../protocols/ports.ts';
import { serviceProblems, serviceVerbs } from '../../tools/service-rules.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { until } from '../../tools/until.ts';

const ignore = () => {};
const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function actor(kind: 'disk' | 'host', id: string): DiscoverableActor {
  return {
    kind,
    id,
    description: `${kind} ${id} of cluster test`,
    metadata: { cluster: 'test', state: 'serving' },
    startedAtMs: Date.UTC(2024, 0, 2, 3, 4, 5),
    endpoints: [
      {
        name: 'control-data',
        subject: `san.v1.test.cmd.${kind}.${id}.control-data`,
        counters: { requests: 7, errors: 1, processingNs: 3_000_000.4, lastError: 'too old' },
        data: { queue: 3 },
      },
      {
        name: 'describe',
        subject: `san.v1.test.cmd.${kind}.${id}.describe`,
        counters: { requests: 0, errors: 0, processingNs: 0, lastError: '' },
      },
    ],
  };
}

const actors = [actor('disk', 'd1'), actor('disk', 'd2'), actor('host', 'h1')];

type Fields = Record<string, unknown>;

interface World {
  /** Two connections, of the process that answers and of somebody who asks. */
  readonly responder: Bus;
  readonly asker: Bus;
  until(condition: () => boolean, what: string): Promise<void>;
  close(): Promise<void>;
}

async function openSimulatedWorld(): Promise<World> {
  const clock = new VirtualClock();
  const server = new SimulatedNetwork({ clock, random: new SeededRandom('services') }).server('f1');
  const bus = (name: string) =>
    server.connect({ process: new SimulatedProcess(clock, name), role: 'control', log });
  return {
    responder: bus('node'),
    asker: bus('person'),
    async until(condition, what) {
      while (!condition()) if (!clock.runNext()) throw new Error(`in vain: ${what}`);
    },
    close: async () => {},
  };
}

async function openNatsWorld(server: RunningNatsServer): Promise<World> {
  const bus = (name: string) =>
    connectNatsBus({ servers: server.url, name, log, waitForServer: false });
  const [responder, asker] = await Promise.all([bus('node'), bus('person')]);
  return {
    responder,
    asker,
    until,
    async close() {
      for (const each of [responder, asker]) {
        await new Promise<void>((resolve) => each.close(resolve));
      }
    },
  };
}

let questionCount = 0;

/** All answers to one question: the responder's echo of what was sent behind it cannot overtake them. */
async function askOnce(world: World, subject: string): Promise<Fields[]> {
  const answers: Fields[] = [];
  let isOver = false;
  questionCount += 1;
  const echo = `echo.${questionCount}`;
  const end = `end.${questionCount}`;
  const cancels = [
    world.asker.subscribe('answers', {
      message: (data) => answers.push(JSON.parse(new TextDecoder().decode(data)) as Fields),
    }),
    world.asker.subscribe(end, {
      message: () => {
        isOver = true;
      },
    }),
    world.responder.subscribe(echo, { message: (data) => world.responder.publish(end, data) }),
  ];
  world.asker.publish(subject, new TextEncoder().encode('{}'), 'answers');
  await world.until(() => {
    if (!isOver) world.asker.publish(echo, new Uint8Array());
    return isOver;
  }, 'the end of the answers');
  for (const cancel of cancels) cancel();
  return answers;
}

/** Asks again until the number of answers expected has come: subscriptions may not have reached the server at first. */
async function ask(world: World, subject: string, count: number): Promise<Fields[]> {
  for (let attempt = 1; ; attempt++) {
    const answers = await askOnce(world, subject);
    if (answers.length >= count || attempt === 20) return answers;
  }
}

function describeDiscovery(name: string, open: () => Promise<World>): void {
  describe(`service discovery, ${name}`, () => {
    let world: World;
    beforeEach(async () => {
      world = await open();
      const options = { bus: world.responder, log, version: '0.1.0', actors: () => actors };
      answerServiceDiscovery(options);
    });
    afterEach(() => world.close());

    for (const verb of serviceVerbs) {
      it(`${verb} is answered for every actor, as the schema demands`, async () => {
        const answers = await ask(world, `$SRV.${verb}`, 3);
        expect(answers.map(({ id }) => id)).to.deep.equal(['d1', 'd2', 'h1']);
        for (const answer of answers) expect(serviceProblems(verb, answer)).to.equal('');
      });
    }

    it('a kind or a single actor can be asked for', async () => {
      const disks = await ask(world, '$SRV.INFO.disk', 2);
      expect(disks.map(({ id }) => id)).to.deep.equal(['d1', 'd2']);
      const [host, ...others] = await ask(world, '$SRV.STATS.host.h1', 1);
      expect(others).to.deep.equal([]);
      expect(host).to.include({ name: 'host', id: 'h1', started: '2024-01-02T03:04:05.000Z' });
      expect(host?.endpoints).to.deep.equal([
        {
          name: 'control-data',
          subject: 'san.v1.test.cmd.host.h1.control-data',
          queue_group: '',
          num_requests: 7,
          num_errors: 1,
          last_error: 'too old',
          processing_time: 3_000_000,
          average_processing_time: 428_571,
          data: { queue: 3 },
        },
        {
          name: 'describe',
          subject: 'san.v1.test.cmd.host.h1.describe',
          queue_group: '',
          num_requests: 0,
          num_errors: 0,
          last_error: '',
          processing_time: 0,
          average_processing_time: 0,
        },
      ]);
    });

    it('an answer that one message cannot hold is cut, and says how much is missing', async () => {
      const { payloadBytesMax } = world.responder;
      const [disk] = actors;
      const endpoint = disk?.endpoints[0];
      if (disk === undefined || endpoint === undefined) throw new Error('there is no sample');
      const long = { ...endpoint, data: { text: 'x'.repeat(payloadBytesMax / 100) } };
      const many = Array.from({ length: payloadBytesMax / 100 }, (_, index) => ({
        ...endpoint,
        name: `verb-${index}`,
      }));
      const crowd = [
        { ...disk, id: 'talkative', endpoints: Array.from({ length: 128 }, () => long) },
        { ...disk, id: 'versatile', endpoints: many },
      ];
      answerServiceDiscovery({
        bus: world.responder,
        log,
        version: '0.1.0',
        actors: () => crowd,
      });
      for (const verb of serviceVerbs) {
        const [talkative] = await ask(world, `$SRV.${verb}.disk.talkative`, 1);
        expect(serviceProblems(verb, talkative)).to.equal('');
        const [versatile] = await ask(world, `$SRV.${verb}.disk.versatile`, 1);
        expect(serviceProblems(verb, versatile)).to.equal('');
        const { omitted } = (versatile?.metadata ?? {}) as { omitted?: string };
        if (verb === 'PING') expect(omitted).to.equal(undefined);
        else {
          const { length } = (versatile?.endpoints ?? []) as unknown[];
          expect(length).to.be.above(0);
          expect(Number(omitted) + length).to.equal(many.length);
        }
      }
    });

    it('what nobody runs and what is not understood gets no answer', async () => {
      await ask(world, '$SRV.PING', 3);
      for (const subject of [
        '$SRV.PING.tape',
        '$SRV.PING.disk.d9',
        '$SRV.SCHEMA',
        '$SRV.PING.disk.d1.more',
      ]) {
        expect(await ask(world, subject, 0), subject).to.deep.equal([]);
      }
    });
  });
}

describeDiscovery('simulated bus', openSimulatedWorld);

describe('service discovery on a NATS server', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let server: RunningNatsServer;
  beforeEach(async () => {
    server = await startNatsServer({ dataDir: join(folder(), 'nats'), jetstream: false });
  });
  afterEach(() => server.stop());

  describeDiscovery('NATS', () => openNatsWorld(server));

  it('an independent client, that of npm nats, understands the answers', async () => {
    const world = await openNatsWorld(server);
    answerServiceDiscovery({ bus: world.responder, log, version: '0.1.0', actors: () => actors });
    await ask(world, '$SRV.PING', 3);
    const connection = await connect({ servers: server.url });
    const client = connection.services.client({ strategy: 'stall' as never, maxWait: 1000 });
    const stats: string[] = [];
    for await (const { name, id, endpoints } of await client.stats()) {
      stats.push(`${name} ${id} ${endpoints?.[0]?.num_requests}`);
    }
    expect(stats.sort()).to.deep.equal(['disk d1 7', 'disk d2 7', 'host h1 7']);
    await connection.close();
    await world.close();
  });
});
