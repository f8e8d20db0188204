import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { ListenAt } from '../../../cluster/nbd/server.ts';
import type { Log } from '../../../protocols/ports.ts';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';
import { until } from '../../tools/until.ts';
import { MemoryVolume } from './memory-volume.ts';
import { type Answer, TestClient } from './test-client.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const behindOffset = 65_536;
const block = (value: number): Uint8Array => new Uint8Array(512).fill(value);

/** The NBD server of the program, or of a copy that is broken on purpose. */
interface Program {
  readonly server: typeof import('../../../cluster/nbd/server.ts');
  readonly shares: typeof import('../../../cluster/nbd/volume-shares.ts');
}

const compiled = new URL('../../../', import.meta.url);

async function programIn(folder: URL): Promise<Program> {
  return {
    server: await import(new URL('cluster/nbd/server.js', folder).href),
    shares: await import(new URL('cluster/nbd/volume-shares.js', folder).href),
  };
}

/** A volume under two names at two places. Its I/Os end when the test says so, and take effect then. */
class Edge {
  readonly volume = new MemoryVolume({ ending: 'held' });
  readonly #program: Program;
  readonly #servers: InstanceType<Program['server']['NbdServer']>[] = [];
  readonly #clients: TestClient[] = [];
  readonly #shares: InstanceType<Program['shares']['VolumeShares']>;
  readonly #limits: object;

  constructor(program: Program, limits = {}) {
    this.#program = program;
    this.#shares = new program.shares.VolumeShares();
    this.#limits = limits;
  }

  /** A place of its own for a server of the volume. */
  listen(): Promise<ListenAt> {
    const exports = ['first', 'second'].map((name) => ({ name, volume: this.volume }));
    const server = new this.#program.server.NbdServer({
      catalogue: { list: () => exports },
      log: silent,
      shares: this.#shares,
      limits: this.#limits,
      closingMsMax: 200,
    });
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.listen({ port: 0 }, (result) => {
        if (result.outcome === 'listening') resolve(result.at);
        else reject(new Error(result.reason));
      });
    });
  }

  async connect(at: ListenAt, name: string): Promise<TestClient> {
    const client = await TestClient.connect(at);
    this.#clients.push(client);
    await client.go(name, { structured: true });
    return client;
  }

  /** Makes a request and lets it end, and leaves what was asked for before it under way if that can be. */
  async answered(client: TestClient, make: () => Promise<Answer>): Promise<Answer> {
    const older = new Set(this.volume.pending);
    const answer = make();
    // What arrives behind the request tells that it has been taken.
    const behind = client.read(behindOffset, 512);
    const isBehind = ({ offset }: { offset: number }) => offset === behindOffset;
    await until(() => this.volume.pending.some(isBehind), 'the requests to arrive');
    this.volume.end(this.volume.pending.findIndex(isBehind));
    await behind;
    for (let isOwn = false; !isOwn; ) {
      const newest = this.volume.pending.at(-1);
      isOwn = newest !== undefined && !older.has(newest);
      this.volume.end(this.volume.pending.length - 1);
    }
    return answer;
  }

  /** Ends all I/O until no more connections than these are left. */
  async untilLeft(connections: number): Promise<void> {
    await until(() => {
      this.volume.endAll();
      return this.#servers.reduce((sum, server) => sum + server.connections, 0) === connections;
    }, 'old connections to be gone');
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.volume.endAll();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(resolve))),
    );
  }
}

const places = [
  { title: 'at the same place', isElsewhere: false, name: 'first' },
  { title: 'under another name', isElsewhere: false, name: 'second' },
  { title: 'at another listener of its volume', isElsewhere: true, name: 'first' },
] as const;
type Place = (typeof places)[number];

/**
 * A client whose write hangs in the volume hangs up, asks again, and then writes something newer over it.
 *
 * @returns what it reads once the newer write was acknowledged, and what it reads when all is quiet.
 */
async function askAgain(program: Program, { isElsewhere, name }: Place): Promise<number[]> {
  const edge = new Edge(program);
  try {
    const at = await edge.listen();
    const old = await edge.connect(at, 'first');
    void old.write(0, block(1)).catch(() => {});
    await until(() => edge.volume.pending.length === 1, 'the first write to begin');
    old.close();
    const client = await edge.connect(isElsewhere ? await edge.listen() : at, name);
    await edge.answered(client, () => client.write(0, block(1)));
    await edge.answered(client, () => client.write(0, block(2)));
    const read = async () => (await edge.answered(client, () => client.read(0, 512))).data[0] ?? -1;
    const seen = await read();
    await edge.untilLeft(1);
    return [seen, await read()];
  } finally {
    await edge.close();
  }
}

/** The same with writes that the server has not even read when their client hangs up. */
async function leaveUnread(program: Program): Promise<number> {
  const edge = new Edge(program, { requestsMax: 1, readAheadBytesMax: 1024 });
  try {
    const at = await edge.listen();
    const old = await edge.connect(at, 'first');
    for (let number = 0; number < 500; number++) void old.write(0, block(1)).catch(() => {});
    await until(() => edge.volume.pending.length === 1, 'the first write to begin');
    old.close();
    const client = await edge.connect(at, 'first');
    let isAcknowledged = false;
    void client.write(0, block(2)).then(() => {
      isAcknowledged = true;
    });
    await until(() => {
      edge.volume.endAll();
      return isAcknowledged;
    }, 'the newer write to be acknowledged');
    await edge.untilLeft(1);
    return edge.volume.bytes[0] ?? -1;
  } finally {
    await edge.close();
  }
}

describe('a client that comes back over a real socket and asks again', () => {
  for (const place of places) {
    it(`${place.title} never has its old write land on newer data`, async () => {
      expect(await askAgain(await programIn(compiled), place)).to.deep.equal([2, 2]);
    });
  }

  it('nor what it had sent and the server had not read', async () => {
    expect(await leaveUnread(await programIn(compiled))).to.equal(2);
  });

  describe('is not safe', function () {
    this.timeout(30_000);
    const folder = temporaryFolder();

    async function broken(patch: Patch): Promise<Program> {
      await mutatedBuild(folder(), [patch]);
      return programIn(pathToFileURL(join(folder(), 'dist/')));
    }

    it('when overlapping requests of several connections are not ordered', async () => {
      const program = await broken({
        file: 'cluster/nbd/overlap-order.js',
        snippet: 'return this.#lanes.length === 1 || !this.#waits(request);',
        replacement: 'return true;',
      });
      for (const place of places)
        expect(await askAgain(program, place), place.title).to.deep.equal([2, 1]);
    });

    it('when each listener keeps an order of its own', async () => {
      const program = await broken({
        file: 'cluster/nbd/server.js',
        snippet: 'options.shares ?? new VolumeShares()',
        replacement: 'new VolumeShares()',
      });
      const [same, , elsewhere] = places;
      expect(await askAgain(program, same)).to.deep.equal([2, 2]);
      expect(await askAgain(program, elsewhere)).to.deep.equal([2, 1]);
    });

    it('when a new connection does not wait until the old one is read up', async () => {
      const program = await broken({
        file: 'cluster/nbd/arrival-order.js',
        snippet: 'if (this.#gone) { proceed(); return; }',
        replacement: 'proceed(); return;',
      });
      expect(await leaveUnread(program)).to.equal(1);
    });
  });
});
