import { existsSync, renameSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { catalogueOf } from '../../../cluster/nbd/exports.ts';
import {
  type ListenAt,
  type ListenResult,
  NbdServer,
  type NbdServerOptions,
  nbdUri,
} from '../../../cluster/nbd/server.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import type { Log } from '../../../protocols/ports.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { until } from '../../tools/until.ts';
import { MemoryVolume, type MemoryVolumeOptions } from './memory-volume.ts';
import { ConnectionLost, encodeRequest, TestClient } from './test-client.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

class Fixture {
  readonly volume: MemoryVolume;
  readonly server: NbdServer;
  readonly #clients: TestClient[] = [];

  constructor(options: Partial<NbdServerOptions> = {}, volumeOptions: MemoryVolumeOptions = {}) {
    this.volume = new MemoryVolume({ name: 'vol0', ...volumeOptions });
    const catalogue = catalogueOf(new Map([['vol0', this.volume]]));
    this.server = new NbdServer({ catalogue, log: silent, closingMsMax: 200, ...options });
  }

  listen(at: ListenAt): Promise<ListenResult> {
    return new Promise((resolve) => this.server.listen(at, resolve));
  }

  /** Listens on a free TCP port. */
  async start(): Promise<ListenAt> {
    const result = await this.listen({ port: 0 });
    if (result.outcome === 'failed') throw new Error(result.reason);
    return result.at;
  }

  async client(at: ListenAt): Promise<TestClient> {
    const client = await TestClient.connect(at);
    this.#clients.push(client);
    return client;
  }

  async ready(at: ListenAt): Promise<TestClient> {
    const client = await this.client(at);
    await client.go('vol0', { structured: true });
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await new Promise<void>((resolve) => this.server.close(resolve));
  }
}

/** Waits until a number has stopped changing. */
async function untilStill(read: () => number): Promise<void> {
  let last = Number.NaN;
  let alike = 0;
  await until(() => {
    const now = read();
    alike = now === last ? alike + 1 : 0;
    last = now;
    return alike > 20;
  }, 'it to stop changing');
}

describe('NBD server', () => {
  const folder = temporaryFolder();
  let fixture: Fixture;
  const use = (...parts: ConstructorParameters<typeof Fixture>): Fixture => {
    fixture = new Fixture(...parts);
    return fixture;
  };
  afterEach(() => fixture.close());

  it('serves over TCP and a unix socket at once, what is written here is read there', async () => {
    const { volume } = use();
    const tcp = await fixture.ready(await fixture.start());
    const path = join(folder(), 'nbd.sock');
    expect(await fixture.listen({ path })).to.deep.equal({ outcome: 'listening', at: { path } });
    const unix = await fixture.ready({ path });
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) & 0xff);
    expect((await tcp.write(4321, bytes)).error).to.equal(nbd.NBD_SUCCESS);
    expect((await tcp.flush()).error).to.equal(nbd.NBD_SUCCESS);
    const answer = await unix.read(4321, bytes.length);
    expect(Buffer.compare(answer.data, bytes)).to.equal(0);
    expect(volume.begun).to.equal(3);
    await fixture.close();
    expect(existsSync(path)).to.equal(false);
  });

  it('sends at once: no socket waits to gather more (TCP_NODELAY)', async () => {
    const { setNoDelay } = Socket.prototype;
    const calls: unknown[] = [];
    Socket.prototype.setNoDelay = function (noDelay) {
      calls.push(noDelay);
      return setNoDelay.call(this, noDelay);
    };
    try {
      const client = await use().ready(await fixture.start());
      await client.read(0, 512);
    } finally {
      Socket.prototype.setNoDelay = setNoDelay;
    }
    expect(calls).to.deep.equal([true]);
  });

  it('answers hundreds of requests at once, over many connections', async () => {
    const at = await use().start();
    const clients = await Promise.all(Array.from({ length: 8 }, () => fixture.ready(at)));
    const answers = clients.flatMap((client, which) =>
      Array.from({ length: 300 }, (_, index) =>
        client.write((which * 300 + index) * 32, new Uint8Array(32).fill(which)),
      ),
    );
    expect((await Promise.all(answers)).every(({ error }) => error === nbd.NBD_SUCCESS)).to.equal(
      true,
    );
    const last = await clients[0]?.read(7 * 300 * 32, 300 * 32);
    expect(last?.data.every((byte) => byte === 7)).to.equal(true);
  });

  it('disconnects a malformed client and serves its neighbour on', async () => {
    const at = await use().start();
    const neighbour = await fixture.ready(at);
    const malformed = await fixture.ready(at);
    malformed.sendRaw(new Uint8Array(28).fill(255));
    await malformed.whenLost();
    expect((await neighbour.read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
    await until(() => fixture.server.connections === 1, 'the malformed client to be gone');
  });

  it('a client that never reads its replies is read no further, and costs no more than its limits', async () => {
    const at = await use({}, { sizeBytes: mebibyte }).start();
    const neighbour = await fixture.ready(at);
    const deaf = await fixture.client(at);
    await deaf.go('vol0');
    deaf.pause();
    const wish = encodeRequest({ command: nbd.NBD_CMD_READ, lengthBytes: 65_536 }, 1);
    for (let count = 0; count < 4000; count++) deaf.sendRaw(wish);
    await untilStill(() => fixture.volume.begun);
    expect(fixture.volume.begun * 65_536).to.be.within(1, 64 * mebibyte);
    const payload = new Uint8Array(mebibyte);
    for (let count = 0; count < 64; count++) {
      deaf.sendRaw(encodeRequest({ command: nbd.NBD_CMD_WRITE, lengthBytes: mebibyte }, 1));
      deaf.sendRaw(payload);
    }
    await untilStill(() => deaf.unsentBytes);
    expect(deaf.unsentBytes).to.be.above(32 * mebibyte);
    expect((await neighbour.read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
    deaf.close();
    await until(() => fixture.server.connections === 1, 'the deaf client to be gone');
  });

  it('a client that begins to read again is served to the end', async () => {
    const at = await use({ limits: { unsentBytesMax: 1000 } }).start();
    const client = await fixture.client(at);
    await client.go('vol0');
    client.pause();
    const answers = Array.from({ length: 400 }, () => client.read(0, 65_536));
    await until(() => fixture.volume.begun > 20, 'some reads to begin');
    client.resume();
    expect((await Promise.all(answers)).every(({ error }) => error === 0)).to.equal(true);
  });

  it('a client that dies in the middle of its writes is forgotten once they have ended', async () => {
    const at = await use({}, { ending: 'held' }).start();
    const client = await fixture.ready(at);
    const answers = [0, 512].map((offset) => client.write(offset, new Uint8Array(512)));
    const outcomes = answers.map((answer) => answer.catch((error: unknown) => error));
    await until(() => fixture.volume.pending.length === 2, 'the writes to begin');
    client.close();
    for (const outcome of await Promise.all(outcomes))
      expect(outcome).to.be.instanceOf(ConnectionLost);
    const next = await fixture.ready(at);
    const again = next.write(512, new Uint8Array(512).fill(1));
    const elsewhere = next.write(1024, new Uint8Array(512));
    await until(() => fixture.volume.pending.length === 3, 'the write elsewhere to begin');
    expect(fixture.server.connections).to.equal(2);
    fixture.volume.end();
    fixture.volume.end();
    expect(fixture.volume.pending.map(({ offset }) => offset)).to.deep.equal([1024, 512]);
    fixture.volume.endAll();
    expect((await again).error).to.equal(nbd.NBD_SUCCESS);
    expect((await elsewhere).error).to.equal(nbd.NBD_SUCCESS);
    expect(fixture.volume.bytes[512]).to.equal(1);
    await until(() => fixture.server.connections === 1, 'the dead client to be forgotten');
  });

  it('what a client sent and gave up never lands after what it sends on its next connection', async () => {
    const limits = { requestsMax: 2, readAheadBytesMax: 1024 };
    const at = await use({ limits }, { ending: 'held' }).start();
    const old = await fixture.ready(at);
    const lost = Array.from({ length: 1000 }, () => old.write(0, new Uint8Array(512).fill(1)));
    const outcomes = Promise.allSettled(lost);
    await until(() => fixture.volume.pending.length === 2, 'the first writes to begin');
    old.close();
    await outcomes;
    const next = await fixture.ready(at);
    let acknowledged = false;
    const answer = next.write(0, new Uint8Array(512).fill(2)).then(({ error }) => {
      acknowledged = error === nbd.NBD_SUCCESS;
    });
    await until(() => {
      fixture.volume.endAll();
      return acknowledged && fixture.server.connections === 1;
    }, 'the new write to be acknowledged, and the old connection to be gone');
    await answer;
    expect(fixture.volume.bytes[0]).to.equal(2);
  });

  it('a client that chooses no export in time is disconnected', async () => {
    const at = await use({ handshakeMsMax: 20 }).start();
    const idle = await fixture.client(at);
    const busy = fixture.ready(at);
    await idle.whenLost();
    expect((await (await busy).read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
  });

  it('more clients than it may have are disconnected, the others stay', async () => {
    const at = await use({ connectionsMax: 2 }).start();
    const first = await fixture.ready(at);
    await fixture.ready(at);
    const third = await fixture.client(at);
    await third.whenLost();
    expect((await first.read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
  });

  it('clients that connect and say nothing keep nobody out: the oldest of them makes room', async () => {
    const at = await use({ connectionsMax: 3 }).start();
    const served = await fixture.ready(at);
    const silent = [await fixture.client(at), await fixture.client(at)];
    await until(() => fixture.server.connections === 3, 'all to be connected');
    const newcomer = await fixture.ready(at);
    await silent[0]?.whenLost();
    expect(silent[1]?.isLost).to.equal(false);
    for (const client of [served, newcomer])
      expect((await client.read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
    expect(fixture.server.connections).to.equal(3);
  });

  it('clients that together leave too many replies: the one that leaves most is disconnected', async () => {
    const limits = { unsentBytesMax: mebibyte };
    const at = await use({ limits, unsentBytesTotalMax: 20 * mebibyte }).start();
    const neighbour = await fixture.ready(at);
    for (let deaf = 0; deaf < 4; deaf++) {
      const client = await fixture.ready(at);
      client.pause();
      for (let count = 0; count < 16; count++)
        void client.read(0, mebibyte).catch(() => 'never taken');
    }
    await until(() => fixture.server.connections <= 3, 'two of the deaf clients to be gone');
    expect(fixture.server.connections, 'with at least one deaf client').to.be.above(1);
    expect((await neighbour.read(0, 512)).error).to.equal(nbd.NBD_SUCCESS);
  });

  it('says goodbye by closing after DISC and after ABORT', async () => {
    const at = await use().start();
    const client = await fixture.ready(at);
    client.disconnect();
    await client.whenLost();
    const other = await fixture.client(at);
    await other.greet();
    await other.option(nbd.NBD_OPT_ABORT);
    await other.whenLost();
  });

  it('stops in order: what runs is answered, then everything is closed', async () => {
    const at = await use({}, { ending: 'held' }).start();
    const client = await fixture.ready(at);
    const answer = client.write(0, new Uint8Array(512));
    await until(() => fixture.volume.pending.length === 1, 'the write to begin');
    const stopping = new Promise<void>((resolve) => fixture.server.close(resolve));
    const refused = await TestClient.connect(at).then(
      () => 'accepted',
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).to.equal('ECONNREFUSED');
    fixture.volume.endAll();
    expect((await answer).error).to.equal(nbd.NBD_SUCCESS);
    await stopping;
    await client.whenLost();
  });

  it('stops in time even if the volume does not answer', async () => {
    const at = await use({ closingMsMax: 20 }, { ending: 'held' }).start();
    const client = await fixture.ready(at);
    const outcome = client.read(0, 512).catch((error: unknown) => error);
    await until(() => fixture.volume.pending.length === 1, 'the read to begin');
    await fixture.close();
    expect(await outcome).to.be.instanceOf(ConnectionLost);
    fixture.volume.endAll();
    await until(() => fixture.server.connections === 0, 'the connection to be forgotten');
  });
});

describe('where an NBD server listens', () => {
  const folder = temporaryFolder();

  it('a port in use is reported with what to do about it', async () => {
    const fixture = new Fixture();
    const at = await fixture.start();
    const result = await fixture.listen(at);
    expect(result).to.have.property('outcome', 'failed');
    expect(result)
      .to.have.property('reason')
      .that.matches(/127\.0\.0\.1:\d+: it is in use; choose another/);
    await fixture.close();
  });

  it('the socket of a killed server is taken over, that of a living one is not', async () => {
    const path = join(folder(), 'nbd.sock');
    const fixture = new Fixture();
    const other = createServer().listen(`${path}.first`);
    await until(() => other.listening, 'the other server to listen');
    renameSync(`${path}.first`, path);
    expect(await fixture.listen({ path })).to.have.property('outcome', 'failed');
    other.close();
    expect(existsSync(path)).to.equal(true);
    expect(await fixture.listen({ path })).to.have.property('outcome', 'listening');
    await fixture.close();
  });

  it('a socket path that the system cannot hold is refused with its length', async () => {
    const result = await new Fixture().listen({ path: `/tmp/${'x'.repeat(120)}` });
    expect(result).to.have.property('reason').that.contains('at most 107 bytes');
  });

  it('URIs are those that NBD clients understand', () => {
    expect(nbdUri({ port: 10_809 }, 'vol0')).to.equal('nbd://127.0.0.1:10809/vol0');
    expect(nbdUri({ host: '::1', port: 1 }, 'a b')).to.equal('nbd://[::1]:1/a%20b');
    expect(nbdUri({ path: '/run/x y.sock' }, 'vol0')).to.equal(
      'nbd+unix:///vol0?socket=/run/x%20y.sock',
    );
  });
});
