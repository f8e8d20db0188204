import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from 'nats';
import {
  NatsServerFailed,
  type RunningNatsServer,
  startNatsServer,
} from '../../../cluster/nats/server.ts';
import { findNatsServer, type NatsServerBinary } from '../../../cluster/nats/server-binary.ts';
import { isRunning } from '../../tools/processes.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

async function refusal(starting: Promise<unknown>): Promise<string> {
  try {
    await starting;
  } catch (error) {
    expect(error).to.be.instanceOf(NatsServerFailed);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('the server started, but should not have');
}

describe('a NATS server of our own', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const started: RunningNatsServer[] = [];
  let binary: NatsServerBinary;

  before(async () => {
    binary = await findNatsServer();
  });

  async function start(jetstream: boolean, name = 'nats', port?: number) {
    const server = await startNatsServer({
      binary,
      dataDir: join(folder(), name),
      jetstream,
      ...(port === undefined ? {} : { port }),
    });
    started.push(server);
    return server;
  }

  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.stop()));
  });

  it('listens on loopback at a port of its own, never at 4222, and takes clients', async () => {
    const server = await start(false);
    expect(server.url).to.match(/^nats:\/\/127\.0\.0\.1:\d+$/);
    expect(server.port).to.not.equal(4222);
    expect(server.version).to.equal(binary.version.text);
    const client = await connect({ servers: server.url });
    expect(client.info?.max_payload).to.equal(1024 * 1024);
    expect(client.info?.jetstream ?? false).to.equal(false);
    await client.close();
  });

  it('says whether JetStream syncs every write, and the running server agrees', async () => {
    const without = await start(false, 'without');
    expect(without.syncsEveryWrite).to.equal(false);
    const server = await start(true, 'with');
    const answer = await fetch(`${server.monitorUrl}/jsz`);
    const config = ((await answer.json()) as { config?: { sync_always?: boolean } }).config;
    expect(config?.sync_always ?? false).to.equal(server.syncsEveryWrite);
    expect(server.syncsEveryWrite).to.equal(binary.version.minor >= 10);
  });

  it('what JetStream acknowledged is there after a crash and a restart at the same port', async () => {
    const first = await start(true);
    const client = await connect({ servers: first.url });
    const bucket = await client.jetstream().views.kv('kept', { history: 5 });
    await bucket.put('key', 'value');
    first.kill();
    expect(await first.exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
    const second = await start(true, 'nats', first.port);
    expect(second.url).to.equal(first.url);
    await client.close();
    const again = await connect({ servers: second.url });
    const entry = await (await again.jetstream().views.kv('kept')).get('key');
    expect(entry?.string()).to.equal('value');
    await again.close();
  });

  it('stop ends the process and may be called again', async () => {
    const server = await start(true);
    await server.stop();
    expect(isRunning(server.pid)).to.equal(false);
    await server.stop();
  });

  it('a port taken by another NATS server is refused, naming that server and what to do', async () => {
    const first = await start(false);
    const message = await refusal(start(false, 'second', first.port));
    expect(message).to.contain(`port ${first.port}`).and.to.contain(`version ${first.version}`);
    expect(message).to.contain('--nats').and.to.contain('choose another port');
  });

  it('a port taken by something else is refused', async () => {
    const other: Server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const message = await refusal(start(false, 'second', port));
    other.close();
    expect(message).to.contain(`port ${port}`).and.to.contain('another program');
  });

  it('a data folder that another server uses is refused, naming the process', async () => {
    const first = await start(true);
    const message = await refusal(start(true));
    expect(message).to.contain(join(folder(), 'nats')).and.to.contain(String(first.pid));
    const client = await connect({ servers: first.url });
    await client.close();
  });

  it('a server that cannot start says why, and where its log is', async () => {
    await mkdir(join(folder(), 'nats'));
    await writeFile(join(folder(), 'nats', 'jetstream'), 'a file where a folder must be');
    const message = await refusal(start(true));
    expect(message).to.contain('did not start').and.to.contain('nats-server.log');
    expect(message).to.contain('JetStream');
  });
});
