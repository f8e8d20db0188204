import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { readTopologyFile } from '../../../cluster/topology-file.ts';
import { isRunning } from '../../tools/processes.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { until } from '../../tools/until.ts';

/** A bound for any machine, however busy: a cluster that needs longer hangs. How fast it is, is not for a test. */
const readyMsMax = 15_000;

describe('the processes of a cluster', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();
  const readyMs: number[] = [];

  async function start(): Promise<RunningCluster> {
    const cluster = await place().start();
    readyMs.push(Math.round(cluster.readyMs));
    return cluster;
  }

  it('status shows every actor of the topology, each in a running process', async () => {
    const cluster = await start();
    const status = await cluster.status();
    const read = readTopologyFile(place().topology.file);
    if (!read.ok) throw new Error('the topology is refused');
    const wanted = read.topology.nodes.flatMap(({ actors }) =>
      actors.map(({ kind, id }) => `${kind}:${id}`),
    );
    expect(wanted).to.have.length(10);
    expect(status.ready).to.equal(true);
    expect(status.nodes.flatMap(({ actors }) => actors)).to.have.members(wanted);
    const answering = status.actors
      .filter(({ state }) => state !== 'silent')
      .map(({ kind, id }) => `${kind}:${id}`);
    expect(answering).to.include.members(wanted);
    for (const { name, pid, state } of status.nodes) {
      expect(state, name).to.equal('running');
      expect(isRunning(pid ?? 0), name).to.equal(true);
    }
    expect(status.exports[0]).to.include({ volume: 'vol0', uri: place().uri, attach: 'exclusive' });
    const text = await cluster.sanctor('status');
    for (const name of wanted) expect(text).to.contain(name.split(':')[1]);
  });

  const ends: readonly (readonly [string, (cluster: RunningCluster) => Promise<unknown>])[] = [
    ['Ctrl-C', async (cluster) => expect(await cluster.stop('SIGINT')).to.equal(0)],
    ['SIGTERM', async (cluster) => expect(await cluster.stop('SIGTERM')).to.equal(0)],
    ['SIGKILL of the supervisor', (cluster) => cluster.kill()],
  ];
  for (const [end, stop] of ends) {
    it(`are all gone after ${end}`, async () => {
      const cluster = await start();
      const children = cluster.processes();
      const names = children.map(({ name }) => name).join(' ');
      expect(children.length, names).to.be.at.least(9);
      expect(names).to.contain('nats-server');
      await stop(cluster);
      await until(() => children.every(({ id }) => !isRunning(id)), 'no orphan');
    });
  }

  it('are all gone after Ctrl-C while they are starting', async () => {
    const cluster = await place().launch();
    await until(() => cluster.processes().length >= 4, 'the first processes');
    const children = cluster.processes();
    expect(await cluster.stop('SIGINT')).to.equal(0);
    await until(() => children.every(({ id }) => !isRunning(id)), 'no orphan');
  });

  describe('when the export’s port is in use', () => {
    let server: Server;
    beforeEach(async () => {
      server = createServer().listen(place().topology.port, '127.0.0.1');
      await once(server, 'listening');
    });
    afterEach(() => {
      server.close();
    });

    it('up says so, names the address, and goes on when it is free', async () => {
      const { port } = place().topology;
      const cluster = await place().launch();
      await until(() => cluster.output.includes(String(port)), 'a word about the port', 30_000);
      expect(cluster.output).to.match(new RegExp(`127\\.0\\.0\\.1:${port}.*in use`));
      expect(cluster.output).to.not.match(/^ready/m);
      server.close();
      await cluster.untilReady();
      expect((await cluster.status()).exports[0]?.uri).to.equal(place().uri);
    });
  });

  it('are ready soon, each time that they are started', () => {
    console.log(`      ready after ${readyMs.join(', ')} ms`);
    expect(Math.max(...readyMs)).to.be.at.most(readyMsMax);
  });
});
