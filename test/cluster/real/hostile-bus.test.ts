/** Somebody who reaches the NATS server sends what nobody should send, while clients work. */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { verbs } from '../../../protocols/commands.ts';
import { hostileBody } from '../../fuzz/commands/hostile-bodies.ts';
import { hostileMessage, type SeenMessage } from '../../fuzz/frames/hostile-frames.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { until } from '../../tools/until.ts';
import { HistoryLoad } from './history-load.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 896 * mebibyte;
const materialFrames = 500;
const hostileFrames = 5000;
const framesAtOnce = 50;
/** Every question of an actor, each so often. */
const commandsEach = 5;
const decoder = new TextDecoder();

describe('a NATS server that a stranger reaches', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let connection: NatsConnection;
  before(async () => {
    place = await ClusterPlace.open();
    cluster = await place.start();
    connection = await connect({ servers: (await cluster.status()).nats.url });
  });
  after(async () => {
    await connection?.close();
    await place?.close();
  });

  /** Frames as they pass while clients work. */
  async function material(): Promise<readonly SeenMessage[]> {
    const seen: SeenMessage[] = [];
    const { cluster: name } = place.topology;
    const subscriptions = ['io', 'rpl'].map((plane) =>
      connection.subscribe(`san.v1.${name}.${plane}.>`, {
        max: materialFrames,
        callback: (_, { subject, data }) => seen.push({ subject, bytes: data.slice() }),
      }),
    );
    await until(() => seen.length >= materialFrames, 'frames of clients');
    for (const subscription of subscriptions) subscription.unsubscribe();
    return seen;
  }

  it('costs no client an answer, no byte, and no process its life, whatever he sends', async () => {
    const before = (await cluster.status()).nodes.map(({ name, pid }) => ({ name, pid }));
    const seed = randomInt(2 ** 31);
    console.log(`      hostile seed ${seed}`);
    const random = new SeededRandom(`bus/${seed}`);
    const common = { uris: [place.uri], clientsPerUri: 2, depth: 8, startBytes: 0 };
    const load = new HistoryLoad({ ...common, lengthBytes: 8 * mebibyte });
    load.start();
    const seen = await material();
    for (let sent = 0; sent < hostileFrames; sent += framesAtOnce) {
      for (let each = 0; each < framesAtOnce; each++) {
        const { subject, bytes } = hostileMessage(seen, random);
        connection.publish(subject, bytes);
      }
      await connection.flush();
    }
    await load.untilTelling();
    await load.stop();
    expect(load.recorder.total('error')).to.equal(0);
    expect(load.recorder.total('unanswered')).to.equal(0);
    await load.readBack();
    load.expectLinearizable();
    await expectEqualMirrors(cluster, volumeBytes);
    const { ready, nodes } = await cluster.status();
    expect(ready).to.equal(true);
    expect(nodes.map(({ name, pid }) => ({ name, pid }))).to.deep.equal(before);
  });

  it('has every senseless command answered with what is wrong with it', async () => {
    const { actors } = await cluster.status();
    const random = new SeededRandom(`commands/${randomInt(2 ** 31)}`);
    const { attach, detach, controlData, createVolume, deleteVolume } = verbs;
    const questions: readonly (readonly [string, readonly string[]])[] = [
      ['virtualizer', [attach, detach, controlData, createVolume, deleteVolume]],
      ['switch', [verbs.load, verbs.unload, verbs.settled, verbs.yield, verbs.invalidate]],
      ['disk', [verbs.assemble, verbs.forget, verbs.checksums, verbs.remembered]],
      ['host', [verbs.unfinished, verbs.explain]],
    ];
    for (const [kind, asked] of questions)
      for (const { id } of actors.filter((actor) => actor.kind === kind))
        for (const verb of asked)
          for (let times = 0; times < commandsEach; times++) {
            const body = hostileBody({ volume: 'vol9', host: 'h9' }, random);
            const bytes = body instanceof Uint8Array ? body : JSON.stringify(body);
            const to = `san.v1.${place.topology.cluster}.cmd.${kind}.${id}.${verb}`;
            const { data } = await connection.request(to, bytes, { timeout: 5000 });
            const answer = JSON.parse(decoder.decode(data)) as { ok: boolean; message: string };
            expect(answer.ok, `${to} ${bytes.slice(0, 100)}`).to.equal(false);
            expect(answer.message, to)
              .to.have.length.above(10)
              .and.to.not.contain('unknown command');
          }
    expect((await cluster.status()).ready).to.equal(true);
  });
});
