import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { type RunningNatsServer, startNatsServer } from '../../../cluster/nats/server.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isStopped } from '../../tools/processes.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { until } from '../../tools/until.ts';
import { HistoryLoad } from './history-load.ts';
import { untilStatus } from './node-crashes.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 896 * mebibyte;
const kills = isLongProof ? 20 : 2;
/** Connections find out that a server is silent after some seconds, and give it up. */
const pausesMs = isLongProof ? [500, 3000, 10_000, 20_000] : [500];

describe('a cluster whose NATS server', function () {
  this.timeout(realTestTimeoutMs * (isLongProof ? 10 : 1));

  describe('was started by `up`', () => {
    let place: ClusterPlace;
    let cluster: RunningCluster;
    let parts = 0;
    before(async () => {
      place = await ClusterPlace.open();
      cluster = await place.start();
    });
    after(() => place?.close());

    function startHistory(): HistoryLoad {
      const startBytes = parts * 16 * mebibyte;
      parts++;
      const common = { uris: [place.uri], clientsPerUri: 2, depth: 8 };
      const load = new HistoryLoad({ ...common, startBytes, lengthBytes: 8 * mebibyte });
      load.start();
      return load;
    }

    async function expectAllWell(load: HistoryLoad): Promise<void> {
      await untilStatus(cluster, ({ ready }) => ready, 'the cluster to be ready');
      await load.untilTelling();
      await load.stop();
      await load.readBack();
      load.expectLinearizable();
      await expectEqualMirrors(cluster, volumeBytes);
    }

    it('is killed under load starts it again at the same address, and goes on', async () => {
      const load = startHistory();
      for (let kill = 1; kill <= kills; kill++) {
        const pid = await serverPid(cluster);
        process.kill(pid, 'SIGKILL');
        await untilStatus(
          cluster,
          ({ nats, ready }) => ready && nats.servers[0]?.restarts === kill,
          'the cluster to be ready with a new NATS server',
        );
        expect(cluster.output).to.contain('ended by itself (SIGKILL); starting it again');
        expect((await cluster.status()).nats.url).to.equal(urlIn(cluster));
        await load.untilMoreDone();
      }
      await expectAllWell(load);
    });

    for (const pauseMs of pausesMs) {
      it(`stands still for ${pauseMs} ms under load goes on when it does`, async () => {
        const load = startHistory();
        await load.untilMoreDone();
        const pid = await serverPid(cluster);
        process.kill(pid, 'SIGSTOP');
        await until(() => isStopped(pid), 'the server to stand still');
        await delay(pauseMs);
        process.kill(pid, 'SIGCONT');
        await load.untilMoreDone();
        await expectAllWell(load);
        expect(await serverPid(cluster)).to.equal(pid);
      });
    }
  });

  describe('is somebody else’s', () => {
    const place = placePerTest();
    let server: RunningNatsServer | null = null;
    afterEach(() => server?.stop());

    const start = async (port?: number): Promise<RunningNatsServer> => {
      const dataDir = join(place().folder, 'nats');
      const at = port === undefined ? {} : { port };
      server = await startNatsServer({ dataDir, jetstream: true, ...at });
      return server;
    };

    it('says so when it is gone, and goes on when it is back', async () => {
      const first = await start();
      const cluster = await place().start({ words: ['--nats', first.url] });
      const { nats } = await cluster.status();
      expect(nats.url).to.equal(first.url);
      expect(nats.servers).to.have.length(1);
      expect(nats.servers[0]).to.include({ url: first.url, state: 'external', pid: null });
      const load = new HistoryLoad({
        uris: [place().uri],
        clientsPerUri: 2,
        depth: 4,
        startBytes: 0,
        lengthBytes: 8 * mebibyte,
      });
      load.start();
      await load.untilMoreDone();
      first.kill();
      await first.exited;
      const { code, errors } = await cluster.trySanctor('status');
      expect(code).to.equal(1);
      expect(errors).to.contain(`its NATS server at ${first.url} does not answer`);
      await start(first.port);
      await untilStatus(cluster, ({ ready }) => ready, 'the cluster to be ready again');
      await load.untilMoreDone();
      await load.untilTelling();
      await load.stop();
      await load.readBack();
      load.expectLinearizable();
    });
  });
});

async function serverPid(cluster: RunningCluster): Promise<number> {
  const [server] = (await cluster.status()).nats.servers;
  if (typeof server?.pid !== 'number') throw new Error('no NATS server is supervised');
  return server.pid;
}

function urlIn({ output }: RunningCluster): string {
  return /^NATS: (.*)$/m.exec(output)?.[1] ?? '';
}
