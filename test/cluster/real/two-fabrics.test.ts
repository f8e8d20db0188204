/** The loss of NATS servers where each fabric has its own, and control too (two-fabrics.yaml), on real processes. */
import { expect } from 'chai';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { ClusterStatus, RunningCluster } from '../../tools/running-cluster.ts';
import { untilAsync } from '../../tools/until.ts';
import { HistoryLoad } from './history-load.ts';
import { crashAndRecover, untilStatus } from './node-crashes.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 640 * mebibyte;
const rounds = isLongProof ? 20 : 1;

/** One load goes on through all that is lost; what its clients saw is judged at the end. */
describe('a cluster on two fabrics', function () {
  this.timeout(realTestTimeoutMs * (isLongProof ? 10 : 1));
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let load: HistoryLoad;
  before(async () => {
    place = await ClusterPlace.open({ shipped: 'two-fabrics' });
    cluster = await place.start();
    load = startLoad(0);
  });
  after(() => place?.close());

  function startLoad(startBytes: number): HistoryLoad {
    const common = { uris: [place.uri], clientsPerUri: 2, depth: 4 };
    const started = new HistoryLoad({ ...common, startBytes, lengthBytes: 8 * mebibyte });
    started.start();
    return started;
  }

  const hbas = ['hba h1-a', 'hba h1-b'];
  const untilWhole = () =>
    untilStatus(
      cluster,
      (status) => status.ready && hbas.every((hba) => stateOf(status, hba) === 'connected'),
      'the cluster to be ready, with both HBAs connected',
    );

  it('runs a NATS server for each of them and one for control, and says so', async () => {
    const said = await cluster.sanctor('status');
    expect(said).to.match(/n1 +I\/O +nats:/);
    expect(said).to.match(/n2 +I\/O +nats:/);
    expect(said).to.match(/c1 +control +nats:/);
  });

  it('goes on when the server of one is killed, and then that of the other', async () => {
    for (let round = 1; round <= rounds; round++)
      for (const fabric of ['n1', 'n2']) {
        await load.untilMoreDone();
        process.kill(await serverPid(cluster, fabric), 'SIGKILL');
        await untilStatus(
          cluster,
          (status) => serverOf(status, fabric)?.restarts === round,
          `a new server for ${fabric}`,
        );
        await untilWhole();
      }
    await load.untilMoreDone();
  });

  it('serves by one while the server of the other stays away, also by processes that start meanwhile', async () => {
    await cluster.sanctor('fault', 'nats:n1', 'crash');
    await untilStatus(
      cluster,
      (status) => status.ready && stateOf(status, 'hba h1-a') === 'disconnected',
      'the HBA to be disconnected, and the cluster ready',
    );
    await load.untilMoreDone();
    for (const node of ['s1', 'd1']) await crashAndRecover(cluster, node);
    await load.untilMoreDone();
    await cluster.sanctor('heal', 'nats:n1');
    await untilWhole();
  });

  if (isLongProof)
    it('goes on when the server of one stands still', async () => {
      await cluster.sanctor('fault', 'nats:n2', 'pause');
      await untilStatus(
        cluster,
        (status) => stateOf(status, 'hba h1-b') === 'disconnected',
        'the HBA to give its connection up',
      );
      await load.untilMoreDone();
      await cluster.sanctor('heal', 'nats:n2');
      await untilWhole();
    });

  it('does I/O while the server for control is away: only commands wait', async () => {
    await cluster.sanctor('fault', 'nats:c1', 'crash');
    await untilAsync(
      async () => (await cluster.trySanctor('status')).errors.includes('sanctor heal --all'),
      'status to say what to do',
    );
    await load.untilMoreDone();
    expect(await cluster.sanctor('heal', 'nats:c1')).to.contain('healed: nats:c1 crash');
    await untilWhole();
    await load.untilMoreDone();
  });

  it('has shown its clients no error in all this, one history, and has equal mirrors', async () => {
    await load.untilTelling();
    await load.stop();
    await load.readBack();
    load.expectLinearizable();
    expect(load.recorder.total('error'), 'errors that clients saw').to.equal(0);
    expect(load.recorder.reconnects, 'times that clients had to connect again').to.equal(0);
    await expectEqualMirrors(cluster, volumeBytes);
  });

  it('lets a host that starts while one is away attach its volume by the other', async () => {
    await cluster.sanctor('fault', 'nats:n1', 'crash');
    await crashAndRecover(cluster, 'h1');
    const second = startLoad(16 * mebibyte);
    await second.untilMoreDone();
    expect(stateOf(await cluster.status(), 'hba h1-a')).to.equal('disconnected');
    await second.stop();
  });
});

function stateOf({ actors }: ClusterStatus, actor: string): string | undefined {
  return actors.find(({ kind, id }) => `${kind} ${id}` === actor)?.state;
}

function serverOf({ nats }: ClusterStatus, fabric: string) {
  return nats.servers.find((server) => server.fabric === fabric);
}

async function serverPid(cluster: RunningCluster, fabric: string): Promise<number> {
  const pid = serverOf(await cluster.status(), fabric)?.pid;
  if (typeof pid !== 'number') throw new Error(`no NATS server of ${fabric} runs`);
  return pid;
}
