import { expect } from 'chai';
import { VolumeShares } from '../../../cluster/nbd/volume-shares.ts';
import * as nbd from '../../../protocols/nbd/constants.ts';
import { MemoryVolume } from './memory-volume.ts';
import { SessionHarness } from './session-harness.ts';
import { encodeRequest, type TestClient } from './test-client.ts';

interface Connected {
  readonly harness: SessionHarness;
  readonly client: TestClient;
}

/** One server; each call of `connect` is one more connection to it. */
class Server {
  readonly volume = new MemoryVolume({ ending: 'held' });
  readonly #shares = new VolumeShares();
  readonly #connections: Connected[] = [];

  async connect(limits = {}): Promise<Connected> {
    const harness = new SessionHarness({ volume: this.volume, shares: this.#shares, limits });
    const client = harness.client();
    await client.go('memory');
    harness.run();
    const connected = { harness, client };
    this.#connections.push(connected);
    return connected;
  }

  /** As `connect`, after the turns in which older connections show that they have nothing unread. */
  async connectAndSettle(): Promise<Connected> {
    const connected = await this.connect();
    this.passTurn();
    return connected;
  }

  passTurn(): void {
    for (const { harness } of this.#connections) harness.passTurn();
    this.run();
  }

  run(): void {
    for (const { harness } of this.#connections) harness.run();
  }

  /** The values of the writes and reads that the volume has: a write of ten 7s is 'write 7'. */
  end(operation: string, offset: number): void {
    const index = this.volume.pending.findIndex(
      (io) => io.operation === operation && io.offset === offset,
    );
    this.volume.end(index);
    this.run();
  }

  get operations(): string[] {
    return this.volume.pending.map((io) => `${io.operation} ${io.offset}`);
  }
}

const block = (value: number): Uint8Array => new Uint8Array(512).fill(value);
const swallow = (answer: Promise<unknown>): void => void answer.catch(() => {});

describe('overlapping requests on several connections', () => {
  it('a write that a dead connection left unfinished never lands on what came later', async () => {
    const server = new Server();
    const first = await server.connectAndSettle();
    swallow(first.client.write(1024, block(1)));
    first.client.close();
    const second = await server.connectAndSettle();
    const again = second.client.write(1024, block(1));
    const newer = second.client.write(1024, block(2));
    expect(server.operations).to.deep.equal(['write 1024']);
    server.end('write', 1024);
    expect(server.operations).to.deep.equal(['write 1024', 'write 1024']);
    server.end('write', 1024);
    server.end('write', 1024);
    expect((await again).error).to.equal(nbd.NBD_SUCCESS);
    expect((await newer).error).to.equal(nbd.NBD_SUCCESS);
    expect(server.volume.bytes[1024]).to.equal(2);
  });

  it('nor does one whose connection looks alive, because the news of its death got lost', async () => {
    const server = new Server();
    const first = await server.connectAndSettle();
    const second = await server.connectAndSettle();
    swallow(first.client.write(1024, block(1)));
    swallow(second.client.write(1024, block(2)));
    expect(server.operations).to.deep.equal(['write 1024']);
    server.end('write', 1024);
    server.end('write', 1024);
    expect(server.volume.bytes[1024]).to.equal(2);
  });

  it('every kind of request waits for what it overlaps, a flush and neighbours do not', async () => {
    const server = new Server();
    const first = await server.connectAndSettle();
    swallow(first.client.request({ command: nbd.NBD_CMD_TRIM, offset: 4096, lengthBytes: 4096 }));
    first.client.close();
    const { client } = await server.connectAndSettle();
    swallow(client.read(8191, 1));
    swallow(client.write(0, new Uint8Array(4097)));
    swallow(client.request({ command: nbd.NBD_CMD_WRITE_ZEROES, offset: 5000, lengthBytes: 9 }));
    swallow(client.request({ command: nbd.NBD_CMD_CACHE, offset: 0, lengthBytes: 9000 }));
    expect(server.operations).to.deep.equal(['trim 4096']);
    swallow(client.read(8192, 512));
    swallow(client.write(0, new Uint8Array(4096)));
    swallow(client.flush());
    expect(server.operations).to.deep.equal(['trim 4096', 'read 8192', 'write 0', 'flush 0']);
    server.end('trim', 4096);
    expect(server.operations.slice(3)).to.deep.equal([
      'read 8191',
      'write 0',
      'writeZeroes 5000',
      'read 0',
    ]);
  });

  it('what waits for several writes waits for the last of them', async () => {
    const server = new Server();
    const first = await server.connectAndSettle();
    for (const offset of [0, 512, 1024]) swallow(first.client.write(offset, block(1)));
    first.client.close();
    const second = await server.connectAndSettle();
    swallow(second.client.write(0, new Uint8Array(1536)));
    server.end('write', 512);
    server.end('write', 0);
    expect(server.operations).to.deep.equal(['write 1024']);
    server.end('write', 1024);
    expect(server.operations).to.deep.equal(['write 0']);
  });

  it('a request that waits is dropped with its connection, and does not hold others up', async () => {
    const server = new Server();
    const first = await server.connectAndSettle();
    const second = await server.connectAndSettle();
    const third = await server.connectAndSettle();
    swallow(first.client.write(0, block(1)));
    swallow(second.client.write(0, new Uint8Array(1024)));
    swallow(third.client.write(512, block(3)));
    expect(server.operations).to.deep.equal(['write 0']);
    second.client.close();
    expect(server.operations).to.deep.equal(['write 0', 'write 512']);
    server.volume.endAll();
    server.run();
    expect(server.volume.begun).to.equal(2);
    expect(second.harness.session.unfinished).to.equal(0);
  });

  it('a stream of writes on one connection does not hold up another for ever', async () => {
    const server = new Server();
    const first = await server.connectAndSettle();
    const second = await server.connectAndSettle();
    swallow(first.client.write(0, block(1)));
    swallow(second.client.write(0, block(2)));
    swallow(first.client.write(0, block(3)));
    server.end('write', 0);
    server.end('write', 0);
    expect(server.volume.bytes[0]).to.equal(2);
    server.end('write', 0);
    expect(server.volume.bytes[0]).to.equal(3);
  });

  it('requests of one connection never wait for each other', async () => {
    const server = new Server();
    const { client } = await server.connectAndSettle();
    swallow(client.write(0, block(1)));
    swallow(client.write(0, block(2)));
    swallow(client.read(0, 512));
    expect(server.operations).to.have.lengthOf(3);
  });
});

describe('what an old connection had not read yet', () => {
  it('is thrown away when its client has hung up, before a new connection is served', async () => {
    const server = new Server();
    const old = await server.connect({ requestsMax: 1, readAheadBytesMax: 512 });
    for (const value of [1, 2]) swallow(old.client.write(0, block(value)));
    expect(old.harness.session.wantsInput).to.equal(false);
    const { client } = await server.connect();
    const again = client.write(4096, block(9));
    server.passTurn();
    expect(server.operations).to.deep.equal(['write 0']);
    old.client.close();
    server.run();
    expect(server.operations).to.deep.equal(['write 0', 'write 4096']);
    server.volume.endAll();
    server.run();
    expect((await again).error).to.equal(nbd.NBD_SUCCESS);
    expect(server.volume.begun).to.equal(2);
  });

  it('is read first when its client is alive, and then the new connection is served', async () => {
    const server = new Server();
    const old = await server.connect({ requestsMax: 1, readAheadBytesMax: 28 });
    const write = encodeRequest({ command: nbd.NBD_CMD_WRITE_ZEROES, lengthBytes: 512 }, 99);
    old.harness.onOutput = null;
    old.harness.send(write);
    old.harness.send(write);
    const { client } = await server.connect();
    swallow(client.read(8192, 512));
    server.passTurn();
    expect(server.operations).to.deep.equal(['writeZeroes 0']);
    server.end('writeZeroes', 0);
    old.harness.send(write, false);
    server.passTurn();
    expect(server.operations).to.not.include('read 8192');
    server.end('writeZeroes', 0);
    server.passTurn();
    server.passTurn();
    expect(server.operations).to.include('read 8192');
  });

  it('a busy connection lets a new one in as soon as its socket was empty once', async () => {
    const server = new Server();
    const old = await server.connect();
    const { client } = await server.connect();
    swallow(client.read(8192, 512));
    const flush = encodeRequest({ command: nbd.NBD_CMD_FLUSH }, 99);
    old.harness.onOutput = null;
    old.harness.send(flush, false);
    server.passTurn();
    expect(server.operations).to.not.include('read 8192');
    old.harness.send(flush, true);
    server.passTurn();
    old.harness.send(flush, true);
    expect(server.operations).to.not.include('read 8192');
    server.passTurn();
    expect(server.operations).to.include('read 8192');
  });

  it('a client that takes no replies holds nobody up', async () => {
    const server = new Server();
    const old = await server.connect({ unsentBytesMax: 10 });
    old.harness.session.reportUnsent(11);
    const { client } = await server.connect();
    swallow(client.read(8192, 512));
    server.passTurn();
    expect(server.operations).to.deep.equal(['read 8192']);
  });
});
