import { join } from 'node:path';
import { expect } from 'chai';
import { connect, StorageType } from 'nats';
import {
  bucketOf,
  ConfigDatabaseUnavailable,
  openConfigDatabase,
} from '../../../cluster/nats/config-database.ts';
import { type RunningNatsServer, startNatsServer } from '../../../cluster/nats/server.ts';
import { type ClusterId, idOf } from '../../../protocols/ids.ts';
import {
  type ConfigDatabaseWorld,
  describeConfigDatabaseContract,
  readOf,
  writeTo,
} from '../../ports/config-database-contract.ts';
import { isStopped } from '../../tools/processes.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { until } from '../../tools/until.ts';

const cluster = idOf<ClusterId>('test');

async function openWorld(
  folder: string,
): Promise<ConfigDatabaseWorld & { readonly server: () => RunningNatsServer }> {
  const dataDir = join(folder, 'nats');
  let server = await startNatsServer({ dataDir, jetstream: true });
  const { port, url: servers, syncsEveryWrite } = server;
  const handle = (name: string) =>
    openConfigDatabase({ servers, name, cluster, syncsEveryWrite, requestTimeoutMs: 300 });
  const [database, other] = await Promise.all([handle('one'), handle('other')]);
  return {
    database,
    other,
    server: () => server,
    until,
    async pause() {
      process.kill(server.pid, 'SIGSTOP');
      await until(() => isStopped(server.pid), 'all threads of the server stopped');
    },
    resume: () => process.kill(server.pid, 'SIGCONT'),
    async kill() {
      server.kill();
      await server.exited;
    },
    async restart() {
      server = await startNatsServer({ dataDir, jetstream: true, port });
    },
    async close() {
      await Promise.all([database.close(), other.close()]);
      await server.stop();
    },
  };
}

describe('config database on JetStream', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();

  describeConfigDatabaseContract('JetStream', () => openWorld(folder()));

  it('people can read it: a bucket of JSON values with their history', async () => {
    const world = await openWorld(folder());
    try {
      await writeTo(world, { key: 'volume.vol0', value: '{"size":1}', expectedRevision: 0 });
      const client = await connect({ servers: world.server().url });
      const bucket = await client.jetstream().views.kv(bucketOf(cluster), { bindOnly: true });
      expect(await (await bucket.get('volume.vol0'))?.json()).to.deep.equal({ size: 1 });
      const status = await bucket.status();
      expect(status.history).to.be.at.least(10);
      expect(status.storage).to.equal(StorageType.File);
      await client.close();
    } finally {
      await world.close();
    }
  });

  it('a key that a person deleted is absent, and can be written anew', async () => {
    const world = await openWorld(folder());
    try {
      await writeTo(world, { key: 'volume.vol0', value: '1', expectedRevision: 0 });
      const client = await connect({ servers: world.server().url });
      const bucket = await client.jetstream().views.kv(bucketOf(cluster), { bindOnly: true });
      await bucket.delete('volume.vol0');
      await client.close();
      expect(await readOf(world, 'volume.vol0')).to.deep.equal({ outcome: 'absent' });
      const written = await writeTo(world, { key: 'volume.vol0', value: '2', expectedRevision: 0 });
      expect(written.outcome).to.equal('written');
    } finally {
      await world.close();
    }
  });

  it('is not made by those who only look', async () => {
    const server = await startNatsServer({ dataDir: join(folder(), 'empty'), jetstream: true });
    const { url: servers, syncsEveryWrite } = server;
    const look = { servers, name: 'looks', cluster, syncsEveryWrite, mustExist: true };
    try {
      const refused = await openConfigDatabase({ ...look, openTimeoutMs: 300 }).catch(String);
      expect(refused).to.contain('cannot be opened: it is not there');
      const again = await openConfigDatabase({ ...look, openTimeoutMs: 300 }).catch(String);
      expect(again).to.contain('it is not there');
      await (await openConfigDatabase({ ...look, mustExist: false })).close();
      await (await openConfigDatabase(look)).close();
    } finally {
      await server.stop();
    }
  });

  it('a NATS server without JetStream is refused with the reason', async () => {
    const server = await startNatsServer({ dataDir: join(folder(), 'plain'), jetstream: false });
    try {
      await openConfigDatabase({
        servers: server.url,
        name: 'one',
        cluster,
        syncsEveryWrite: false,
        openTimeoutMs: 300,
      });
      throw new Error('it opened');
    } catch (error) {
      expect(error).to.be.instanceOf(ConfigDatabaseUnavailable);
      expect(String(error)).to.contain(server.url).and.to.contain('JetStream');
    } finally {
      await server.stop();
    }
  });
});
