import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { digestOf, writeRandomImage } from '../../tools/images.ts';
import { type ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool, runToolWell } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { freePort } from '../../tools/test-topology.ts';
import { untilAsync } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
/** More than half of what the shipped topology leaves free: two of them would not fit. */
const volumeBytes = 16 * mebibyte;
const size = '16MiB';
const mirror = '{mirror: [d1, d2]}';
/** Commands at a time, where none changes anything. */
const atOnce = 4;

const zeros = createHash('sha256').update(Buffer.alloc(volumeBytes)).digest('hex');

interface Shown {
  readonly name: string;
  readonly origin: string;
  readonly state: string;
  readonly size: number;
  readonly exports: readonly { readonly uri: string; readonly problem: string }[];
}

async function create(cluster: RunningCluster, name: string, ...more: string[]): Promise<string> {
  const words = ['--size', size, '--layout', mirror, '--json', ...more];
  const made = JSON.parse(await cluster.sanctor('volume', 'create', name, ...words)) as {
    exports: readonly { uri: string }[];
  };
  return made.exports[0]?.uri ?? '';
}

async function listed(cluster: RunningCluster): Promise<readonly Shown[]> {
  const { volumes } = JSON.parse(await cluster.sanctor('volume', 'list', '--json')) as {
    volumes: readonly Shown[];
  };
  return volumes;
}

async function names(cluster: RunningCluster): Promise<readonly string[]> {
  return (await listed(cluster)).map(({ name }) => name);
}

describe('volumes that a user creates', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();
  let nbdcopy: Tool;
  let fio: Tool;
  before(async function () {
    nbdcopy = await toolFor(this, 'nbdcopy');
    fio = await toolFor(this, 'fio');
  });

  /** Fills a volume with chance, flushed at the end; gives what it holds then. */
  async function fill({ folder }: ClusterPlace, uri: string): Promise<string> {
    const image = join(folder, 'image');
    await writeRandomImage(image, volumeBytes);
    await runToolWell(nbdcopy, ['--flush', image, uri]);
    return digestOf(image, volumeBytes);
  }

  async function contentOf({ folder }: ClusterPlace, uri: string): Promise<string> {
    const back = join(folder, 'back');
    await runToolWell(nbdcopy, [uri, back]);
    return digestOf(back, volumeBytes);
  }

  it('keep what is written, are listed and shown, and leave zeros behind when they are deleted', async () => {
    const cluster = await place().start();
    const uri = await create(cluster, 'v1');
    expect(uri).to.equal(place().uri.replace('vol0', 'v1'));
    const written = await fill(place(), uri);
    expect(await contentOf(place(), uri)).to.equal(written);
    expect(await cluster.sanctor('compare', 'v1')).to.contain('the mirrors are identical');
    const [shown, vol0] = await listed(cluster);
    expect(shown).to.include({
      name: 'v1',
      origin: 'created',
      state: 'serving',
      size: volumeBytes,
    });
    expect(vol0).to.include({ name: 'vol0', origin: 'topology' });
    expect(await cluster.sanctor('volume', 'list')).to.match(
      /v1 +created +16MiB +serving +mirror\(d1, d2\)/,
    );
    expect(await cluster.sanctor('volume', 'show', 'v1')).to.contain(uri);
    const status = await cluster.status();
    expect(status.ready).to.equal(true);
    expect(status.exports.map((each) => each.uri)).to.include(uri);
    expect(await create(cluster, 'v1'), 'asked for again').to.equal(uri);

    expect(await cluster.sanctor('volume', 'delete', 'v1', '--yes')).to.contain('v1 is deleted');
    expect(await names(cluster)).to.deep.equal(['vol0']);
    expect((await runTool(nbdcopy, [uri, join(place().folder, 'gone')])).code).to.not.equal(0);
    const second = await create(cluster, 'v2');
    expect(await contentOf(place(), second), 'on the same space').to.equal(zeros);
    await cluster.sanctor('volume', 'delete', 'v2', '--yes');
    const again = await create(cluster, 'v1');
    expect(await contentOf(place(), again), 'the same name').to.equal(zeros);
    expect((await cluster.status()).ready).to.equal(true);
  });

  it('are there after a restart and after SIGKILL of everything, and stay away once they are deleted', async () => {
    const first = await place().start();
    const port = await freePort();
    const uri = await create(first, 'v1', '--listen', `nbd://127.0.0.1:${port}`);
    expect(uri).to.equal(`nbd://127.0.0.1:${port}/v1`);
    const written = await fill(place(), uri);
    await first.sanctor('down');
    await first.ended();
    const second = await place().start();
    expect(await contentOf(place(), uri)).to.equal(written);
    await second.killEverything();
    const third = await place().start();
    expect(await contentOf(place(), uri)).to.equal(written);
    await third.sanctor('volume', 'delete', 'v1', '--yes');
    await third.killEverything();
    const fourth = await place().start();
    expect(await names(fourth)).to.deep.equal(['vol0']);
    const again = await create(fourth, 'v1');
    expect(await contentOf(place(), again)).to.equal(zeros);
  });

  it('go while a client is writing to them, and the clients of others do not notice', async () => {
    const cluster = await place().start();
    const uri = await create(cluster, 'v1');
    const job = (target: string, seconds: number) =>
      runTool(fio, [
        '--name=job',
        '--ioengine=nbd',
        '--rw=randwrite',
        '--bs=4k',
        '--iodepth=16',
        '--time_based',
        `--runtime=${seconds}`,
        '--size=8M',
        `--uri=${target}`,
      ]);
    const doomed = job(uri, 60);
    const other = job(place().uri, 6);
    await untilAsync(
      async () => ((await cluster.status()).counters.consumerIos ?? 0) > 500,
      'writes to be under way',
    );
    await cluster.sanctor('volume', 'delete', 'v1', '--yes');
    expect((await doomed).code).to.not.equal(0);
    const { code, errors } = await other;
    expect(code, errors).to.equal(0);
    expect(await names(cluster)).to.deep.equal(['vol0']);
    expect(await contentOf(place(), await create(cluster, 'v2'))).to.equal(zeros);
  });

  it('are served again when their host, a disk or the virtualizer has crashed', async () => {
    const cluster = await place().start();
    const uri = await create(cluster, 'v1');
    const written = await fill(place(), uri);
    for (const node of ['h1', 'v1', 'd1']) {
      const pid = (await cluster.status()).nodes.find(({ name }) => name === node)?.pid ?? 0;
      process.kill(pid, 'SIGKILL');
      await untilAsync(
        async () => {
          const { ready, nodes } = await cluster.status();
          return ready && nodes.every(({ name, pid: now }) => name !== node || now !== pid);
        },
        `everything to serve with a new ${node}`,
        30_000,
      );
      expect(await contentOf(place(), uri), node).to.equal(written);
    }
  });

  it('cannot be had where the port is in use: it is said, and served as soon as the port is free', async () => {
    const cluster = await place().start();
    const port = await freePort();
    const user = createServer().listen(port, '127.0.0.1');
    await once(user, 'listening');
    const listen = ['--listen', `nbd://127.0.0.1:${port}`, '--wait', '2'];
    const words = ['--size', size, '--layout', mirror, ...listen];
    const { code, errors } = await cluster.trySanctor('volume', 'create', 'v1', ...words);
    expect(code).to.equal(1);
    expect(errors).to.match(new RegExp(`127\\.0\\.0\\.1:${port}: it is in use`));
    expect(errors).to.contain('sanctor volume delete v1');
    user.close();
    await untilAsync(
      async () =>
        (await listed(cluster)).some(({ exports }) => exports[0]?.uri.includes(`${port}/v1`)),
      'v1 to be served',
    );
  });
});

describe('what a user asks of volumes that cannot be', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();

  it('is refused with exit code 1, what is wrong, and what there is', async () => {
    const cluster = await place().start();
    await create(cluster, 'v1');
    const made = (name: string, layout: string, ...more: string[]) => [
      'create',
      name,
      '--size',
      size,
      '--layout',
      layout,
      ...more,
    ];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['show', 'v9'], /there is no volume v9; there are: v1, vol0/],
      [['delete', 'v9', '--yes'], /there is no volume v9; there are: v1, vol0/],
      [['delete', 'v1'], /all its data would be lost; say --yes/],
      [['delete', 'vol0', '--yes'], /vol0 is of the topology file/],
      [made('v1', 'd1'), /volume v1 exists already, and is another one/],
      [made('vol0', 'd1'), /there is a volume vol0 already/],
      [made('v2', mirror), /disk d1 lacks .*: volume v2 needs 16MiB of it, .* are free/],
      [
        made('v2', '{mirror: [d1, d9]}'),
        /volume\.layout\.mirror\[1\]: there is no disk d9; there are d1, d2, d3, d4/,
      ],
      [made('v2', '{stripe: {of: [d3, d4, d1]}}'), /16MiB do not divide into rows of 3 strips/],
      [made('v2', '{mirror: [d1, d2'), /--layout is not YAML/],
      [made('v2', '{raid: [d1, d2]}'), /unknown kind of layout "raid"/],
      [
        made('v2', '{mirror: [d1, d2, d3, d4, {concat: [d1]}]}'),
        /mirrorsMax|its loss would take both/,
      ],
      [made('v2', 'd3', '--coordinators', '[s1, s9]'), /there is no switch s9; there are s1, s2/],
      [made('v2', 'd3', '--export', 'h9'), /there is no host h9; there are h1/],
      [made('v2', 'd3', '--hosts', 'h9'), /there is no host h9; there are h1/],
      [made('v2', 'd3', '--listen', 'port 80'), /"port 80" is no address to listen on/],
      [
        made('v2', 'd3', '--wait', 'long'),
        /'--wait <seconds>' argument 'long' is invalid\. not a positive number/,
      ],
      [made('v2', 'd3', '--logical-block', '1000'), /expected 512 or 4096/],
      [made('a/b', 'd3'), /"a\/b" is not an id/],
    ];
    const check = async ([words, says]: (typeof cases)[number]) => {
      const { code, errors, output } = await cluster.trySanctor('volume', ...words);
      expect(code, words.join(' ')).to.equal(1);
      expect(errors, words.join(' ')).to.match(says);
      expect(output, words.join(' ')).to.equal('');
    };
    for (let first = 0; first < cases.length; first += atOnce)
      await Promise.all(cases.slice(first, first + atOnce).map(check));
    expect(await names(cluster)).to.deep.equal(['v1', 'vol0']);
    expect((await cluster.status()).ready).to.equal(true);
  });
});
