/** Every actor answers NATS service discovery, whatever its process is busy with. */
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { readTopologyFile } from '../../../cluster/topology-file.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { runFio } from '../../tools/fio.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import {
  infoOf,
  type ServiceStats,
  type ServiceVerb,
  serviceProblems,
  serviceVerbs,
  statsOf,
} from '../../tools/service-rules.ts';
import { untilAsync } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
const decoder = new TextDecoder();
const answersTimeoutMs = 10_000;

/** Asks everybody; ends when as many have answered as there are. */
async function askEverybody(
  connection: NatsConnection,
  verb: ServiceVerb,
  count: number,
): Promise<ReadonlyMap<string, unknown>> {
  const answers = new Map<string, unknown>();
  const subscription = connection.subscribe(`_INBOX.discovery.${verb}`, {
    callback: (_, { data }) => {
      const answer = JSON.parse(decoder.decode(data)) as { name: string; id: string };
      answers.set(`${answer.name}:${answer.id}`, answer);
    },
  });
  connection.publish(`$SRV.${verb}`, '{}', { reply: `_INBOX.discovery.${verb}` });
  const enough = async () => answers.size >= count;
  // Who is missing is told by the caller, who knows whom it expects.
  await untilAsync(enough, 'answers', answersTimeoutMs).catch(() => {});
  subscription.unsubscribe();
  return answers;
}

/** Checks that nothing that is counted has become less. */
function expectGrowth(before: ServiceStats, after: ServiceStats): void {
  for (const earlier of before.endpoints) {
    const later = after.endpoints.find(({ name }) => name === earlier.name);
    const what = `${after.name} ${after.id} ${earlier.name}`;
    for (const count of ['num_requests', 'num_errors', 'processing_time'] as const)
      expect(later?.[count], `${what} ${count}`).to.be.at.least(earlier[count]);
  }
}

describe('service discovery in a cluster under load', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let connection: NatsConnection;
  let everybody: readonly string[];
  before(async () => {
    place = await ClusterPlace.open({ shipped: 'two-tier', store: 'memory' });
    cluster = await place.start();
    connection = await connect({ servers: (await cluster.status()).nats.url });
    const read = readTopologyFile(place.topology.file);
    if (!read.ok) throw new Error('the topology is refused');
    const actors = read.topology.nodes.flatMap((node) => node.actors);
    const nodes = read.topology.nodes.map(({ id }) => `node:${id}`);
    everybody = [...actors.map(({ kind, id }) => `${kind}:${id}`), ...nodes, 'node:supervisor'];
  });
  after(async () => {
    await connection?.close();
    await place?.close();
  });

  it('every actor and the supervisor answer each question by the rules, and no count goes back', async function () {
    const fio = await toolFor(this, 'fio');
    expect(everybody).to.have.length(16 + 12 + 1);
    const job = {
      uri: place.uri,
      rw: 'randrw',
      blockBytes: 4096,
      depth: 32,
      sizeBytes: 64 * mebibyte,
      runtimeSeconds: isLongProof ? 60 : 5,
    } as const;
    let isLoaded = true;
    const load = runFio(fio, job).finally(() => {
      isLoaded = false;
    });
    const last = new Map<string, ServiceStats>();
    let rounds = 0;
    for (; isLoaded; rounds++) {
      for (const verb of serviceVerbs) {
        const answers = await askEverybody(connection, verb, everybody.length);
        expect([...answers.keys()]).to.have.members(everybody);
        for (const [actor, answer] of answers) {
          expect(serviceProblems(verb, answer), `${verb} of ${actor}`).to.equal('');
          if (verb !== 'STATS') continue;
          const stats = statsOf(answer);
          const before = last.get(actor);
          if (before !== undefined) expectGrowth(before, stats);
          last.set(actor, stats);
        }
      }
    }
    expect((await load).errors).to.equal(0);
    console.log(`      ${rounds} times under load`);
    expect(rounds).to.be.at.least(3);
  });

  it('an actor tells where it is, how it is, and the subjects that it answers', async () => {
    const answers = await askEverybody(connection, 'INFO', everybody.length);
    const { metadata, endpoints, subjects } = infoOf(answers.get('switch:s4'));
    const node = (await cluster.status()).nodes.find(({ name }) => name === 's4');
    expect(metadata).to.include({
      cluster: place.topology.cluster,
      node: 's4',
      pid: String(node?.pid),
      state: 'forwarding',
    });
    expect(endpoints.map(({ subject }) => subject)).to.deep.equal(subjects);
    for (const { subject } of endpoints) {
      const answer = await connection.request(subject, '{}', { timeout: answersTimeoutMs });
      expect(JSON.parse(decoder.decode(answer.data))).to.include.keys('ok');
    }
    const virtualizer = infoOf(answers.get('virtualizer:v1'));
    expect(virtualizer.endpoints.map(({ name }) => name)).to.include.members([
      'describe',
      'attach',
      'detach',
      'control-data',
      'trouble',
    ]);
  });

  it('commands and refusals show in the statistics of the actor that got them', async () => {
    const statsNow = async () => {
      const answers = await askEverybody(connection, 'STATS', everybody.length);
      const { endpoints } = statsOf(answers.get('disk:d1'));
      return (name: string) => endpoints.find((each) => each.name === name);
    };
    const earlier = await statsNow();
    const subject = earlier('checksums')?.subject ?? '';
    await connection.request(subject, '{"volume":"vol0"}', { timeout: answersTimeoutMs });
    const later = await statsNow();
    expect(later('checksums')?.num_requests).to.equal(
      (earlier('checksums')?.num_requests ?? 0) + 1,
    );
    expect(later('checksums')?.num_errors).to.equal((earlier('checksums')?.num_errors ?? 0) + 1);
    expect(later('checksums')?.last_error).to.match(/^invalid: .*extent/s);
    expect(later('checksums')?.processing_time).to.be.above(0);
    expect(later('describe')?.data).to.include({ state: 'serving' });
    expect(later('describe')?.data?.counters).to.include.keys('writes');
    expect(later('describe')?.data?.underWay).to.deep.equal({ operations: 0 });
  });
});
