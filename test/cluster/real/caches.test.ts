/** Read caches of switches on real processes: they answer, they are cleaned when the path leaves them, they are never stale. */
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { runFio } from '../../tools/fio.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced } from '../../tools/test-topology.ts';
import { untilAsync } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
const cached = 'virtualizing: true\n    limits: { cacheBytes: 16MiB }';

interface CacheStatus {
  readonly switch: string;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly hits: number;
  readonly misses: number;
  readonly invalidations: number;
}

interface StatusOfCaches {
  readonly caches: readonly CacheStatus[];
  readonly cacheCleanups: readonly { host: string; volume: string; switch: string }[];
}

describe('read caches on a running cluster', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let qemuIo: Tool;
  before(async function () {
    qemuIo = await toolFor(this, 'qemu-io');
    place = await ClusterPlace.open({
      store: 'memory',
      changed: (text) => replaced(text, /virtualizing: true/g, cached),
    });
    cluster = await place.start();
  });
  after(() => place?.close());
  afterEach(() => cluster.sanctor('heal', '--all'));

  const statusOfCaches = async () =>
    JSON.parse((await cluster.trySanctor('status', '--json')).output) as StatusOfCaches;
  const cacheOf = async (id: string): Promise<CacheStatus> => {
    const found = (await statusOfCaches()).caches.find((each) => each.switch === id);
    if (found === undefined) throw new Error(`status knows no cache of ${id}`);
    return found;
  };
  const io = async (...commands: readonly string[]) => {
    const words = commands.flatMap((command) => ['-c', command]);
    const { code, output } = await runTool(qemuIo, ['-f', 'raw', place.uri, ...words]);
    expect(output).to.not.contain('Pattern verification failed');
    expect(code, output).to.equal(0);
  };
  /** Takes the ways of the host to a switch down, and makes it notice. */
  const leave = async (id: string) => {
    for (const hba of ['h1-a', 'h1-b']) await cluster.sanctor('fault', `link:${hba}-${id}`, 'down');
    await io('read 768k 4k');
  };
  const pathBack = (id: string) =>
    untilAsync(async () => {
      const text = await cluster.sanctor('status', '--paths');
      return new RegExp(`h1-a-${id} ${id}-d1 +usable`).test(text);
    }, `the host to use ${id} again`);

  it('answer what they have read, and say so in status', async () => {
    await io('write -P 7 0 64k', 'read -P 7 0 64k');
    const before = await cacheOf('s1');
    await io(...Array.from({ length: 8 }, () => 'read -P 7 0 64k'));
    const { hits, bytes, bytesMax } = await cacheOf('s1');
    expect(hits - before.hits).to.be.at.least(7);
    expect(bytes).to.be.within(65_536, bytesMax);
    expect(bytesMax).to.equal(16 * mebibyte);
    expect(await cluster.sanctor('status')).to.match(/read caches\n.*switch.*hits/);
  });

  it('are cleaned when the path leaves them, and hold nothing old when it comes back', async () => {
    await io('write -P 1 0 64k', 'read -P 1 0 64k', 'read -P 1 0 64k');
    const { invalidations } = await cacheOf('s1');
    await leave('s1');
    await untilAsync(
      async () => (await cacheOf('s1')).invalidations > invalidations,
      's1 to be told',
    );
    expect((await cacheOf('s1')).bytes).to.equal(0);
    await io('write -P 2 0 64k', 'read -P 2 0 64k');
    await cluster.sanctor('heal', '--all');
    await pathBack('s1');
    const { hits } = await cacheOf('s1');
    await io('read -P 2 0 64k', 'read -P 2 0 64k', 'read -P 2 0 64k');
    expect((await cacheOf('s1')).hits).to.be.greaterThan(hits);
    expect((await cluster.status()).counters.invalidations).to.be.greaterThan(0);
  });

  it('that cannot be told are not used, and status says so until they can', async () => {
    await io('read 0 64k');
    await cluster.sanctor('fault', 'switch:s1', 'pause');
    await io('read 512k 4k');
    const told = (await statusOfCaches()).cacheCleanups;
    expect(told).to.deep.include.members([
      { ...told[0], host: 'h1', volume: 'vol0', switch: 's1' },
    ]);
    await cluster.sanctor('heal', 'switch:s1');
    await untilAsync(
      async () => (await statusOfCaches()).cacheCleanups.length === 0,
      's1 to be clean',
    );
  });

  it('under clients that verify what they read, while the path comes and goes', async function () {
    const fio = await toolFor(this, 'fio');
    let isOver = false;
    const running = runFio(fio, {
      uri: place.uri,
      blockBytes: 4096,
      depth: 8,
      sizeBytes: 8 * mebibyte,
      rw: 'randwrite',
      verify: true,
      more: ['--loops=3'],
    }).finally(() => {
      isOver = true;
    });
    for (let round = 0; round < 6 && !isOver; round++) {
      const link = `link:h1-${round % 2 === 0 ? 'a' : 'b'}-s1`;
      await cluster.sanctor('fault', link, 'down');
      await cluster.sanctor('heal', link);
    }
    expect((await running).errors).to.equal(0);
  });
});
