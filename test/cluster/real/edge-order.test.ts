import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { stampedSectors, valuesOf } from '../../../cluster/history/stamped-sectors.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { freePort, replaced } from '../../tools/test-topology.ts';
import { untilAsync } from '../../tools/until.ts';
import { type Answer, TestClient } from '../nbd/test-client.ts';
import { HistoryLoad, placeOf } from './history-load.ts';
import { untilStatus, whilePaused } from './node-crashes.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 896 * mebibyte;
const sectors = 8;
/** How often the newer data is looked at again after everybody runs. */
const looks = 50;
/** A node that is silent for some seconds is given up, and comes back to a cluster that has gone on without it. */
const pausesMs = isLongProof ? [300, 5000, 300, 13_000, 300] : [300];
const serverKills = isLongProof ? 60 : 3;
const exports = ['vol0', 'again', 'elsewhere'] as const;

/** The default topology, whose volume is also there under another name, and at another listener. */
async function openPlace(): Promise<ClusterPlace> {
  const port = await freePort();
  return ClusterPlace.open({
    changed: (text) => {
      const listen = /listen: (.*)/.exec(text)?.[1] ?? '';
      const more = [
        `      - { volume: vol0, name: again, attach: exclusive, listen: '${listen}' }`,
        `      - { volume: vol0, name: elsewhere, attach: exclusive, listen: 'nbd://127.0.0.1:${port}' }`,
      ];
      return replaced(text, /^( *listen: .*)$/m, `$1\n${more.join('\n')}`);
    },
  });
}

describe('a client that comes back to a real volume and asks again', function () {
  this.timeout(realTestTimeoutMs * (isLongProof ? 10 : 1));
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let uris: ReadonlyMap<string, string>;
  const clients: TestClient[] = [];
  before(async () => {
    place = await openPlace();
    cluster = await place.start();
    const status = await cluster.status();
    uris = new Map(exports.map((name, index) => [name, status.exports[index]?.uri ?? '']));
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  after(() => place?.close());

  async function connect(name: string): Promise<TestClient> {
    const { at, exportName } = placeOf(uris.get(name) ?? '');
    expect(exportName).to.equal(name);
    const client = await TestClient.connect(at);
    clients.push(client);
    await client.go(name, { structured: true });
    return client;
  }

  let written = 0;
  const write = (client: TestClient, value: number): Promise<Answer> =>
    client.write(0, stampedSectors(value, 0, sectors));

  for (const node of ['d1', 's1']) {
    for (const name of exports) {
      it(`as ${name}, while ${node} holds its write up, finds what it wrote last`, async () => {
        const old = await connect('vol0');
        const value = ++written;
        let isAnswered = false;
        const { client, again } = await whilePaused(cluster, node, async () => {
          const lost = write(old, value).then(
            () => 'answered',
            () => 'lost',
          );
          await untilTaken(old);
          old.close();
          expect(await lost).to.equal('lost');
          const next = await connect(name);
          const asked = write(next, value).finally(() => {
            isAnswered = true;
          });
          await untilTaken(next);
          expect(isAnswered, 'a write that is held up is answered').to.equal(false);
          return { client: next, again: asked };
        });
        expect((await again).error).to.equal(nbd.NBD_SUCCESS);
        const newer = ++written;
        expect((await write(client, newer)).error).to.equal(nbd.NBD_SUCCESS);
        for (let look = 0; look < looks; look++) {
          const { data } = await client.read(0, sectors * 512);
          expect([...new Set(valuesOf(data, 0))]).to.deep.equal([newer]);
        }
      });
    }
  }

  /** Clients of all exports, in a part of the volume of their own. */
  function startHistory(part: number): HistoryLoad {
    const lengthBytes = 8 * mebibyte;
    const common = { uris: [...uris.values()], clientsPerUri: 2, depth: 8, lengthBytes };
    const load = new HistoryLoad({ ...common, startBytes: (1 + part) * lengthBytes });
    load.start();
    return load;
  }

  async function expectAllWell(load: HistoryLoad): Promise<void> {
    await load.stop();
    await untilStatus(cluster, ({ ready }) => ready, 'the cluster to be ready');
    await load.readBack();
    load.expectLinearizable();
    await expectEqualMirrors(cluster, volumeBytes);
  }

  it('again and again, through all exports, while nodes stand still, sees one history', async () => {
    const load = startHistory(0);
    for (const pauseMs of pausesMs) {
      for (const node of ['s1', 'd1', 's2', 'd4', 'h1']) {
        await whilePaused(cluster, node, async () => {
          load.drop();
          await delay(pauseMs);
          load.drop();
        });
        await delay(200);
      }
    }
    await expectAllWell(load);
  });

  it('again and again, while the NATS server is killed and started, sees one history', async () => {
    const load = startHistory(1);
    for (let kill = 0; kill < serverKills; kill++) await hangUpAtServerKill(cluster, load);
    await expectAllWell(load);
  });
});

// Takes as long as it needs to happen: too long for every run.
if (isLongProof) {
  describe('a client that comes back and asks again, if requests are not ordered', function () {
    this.timeout(realTestTimeoutMs * 5);
    const folder = temporaryFolder();
    const place = placePerTest();

    it('sees what no history explains', async () => {
      const program = await mutatedBuild(join(folder(), 'broken'), [
        {
          file: 'cluster/nbd/overlap-order.js',
          snippet: 'return this.#lanes.length === 1 || !this.#waits(request);',
          replacement: 'return true;',
        },
      ]);
      const cluster = await place().start({ program });
      const [{ uri } = { uri: '' }] = (await cluster.status()).exports;
      const common = { uris: [uri], clientsPerUri: 4, depth: 8, startBytes: 0 };
      const load = new HistoryLoad({ ...common, lengthBytes: 8 * mebibyte });
      load.start();
      await untilAsync(
        async () => {
          await hangUpAtServerKill(cluster, load);
          return load.recorder.history.violations().length > 0;
        },
        'a violation',
        realTestTimeoutMs * 4,
      );
      await load.stop();
    });
  });
}

/**
 * Where messages get lost, the driver of a host asks again by itself, the later the more often it has asked already:
 * then what hangs longest would land last, were it not waited for.
 */
async function hangUpAtServerKill(cluster: RunningCluster, load: HistoryLoad): Promise<void> {
  await delay(500);
  let pid = 0;
  await untilStatus(
    cluster,
    ({ nats, ready }) => {
      pid = nats.servers[0]?.pid ?? 0;
      return ready && pid !== 0;
    },
    'the cluster to be ready',
  );
  process.kill(pid, 'SIGKILL');
  for (let hangUp = 0; hangUp < 12; hangUp++) {
    await delay(40);
    load.drop();
  }
}

/** A request that is refused at once is answered behind what was sent before it has been taken. */
async function untilTaken(client: TestClient): Promise<void> {
  expect((await client.read(volumeBytes, 512)).error).to.equal(nbd.NBD_EINVAL);
}
