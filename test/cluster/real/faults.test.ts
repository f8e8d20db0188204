/** `sanctor fault` and `sanctor heal` as an operator uses them, on real processes with real clients. */
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { beginFio, runFio } from '../../tools/fio.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isRunning, isStopped } from '../../tools/processes.ts';
import { ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { until, untilAsync } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 896 * mebibyte;
const readyAgainTimeoutMs = 30_000;
/** More than can be under way: some of them began after the strike. */
const iosUnderTrouble = 2000;

interface FaultStatus {
  readonly target: string;
  readonly kind: string;
  readonly nodes: readonly string[];
}

async function faultsOf(cluster: RunningCluster): Promise<readonly FaultStatus[]> {
  const { output } = await cluster.trySanctor('status', '--json');
  return (JSON.parse(output) as { faults: readonly FaultStatus[] }).faults;
}

async function untilReady(cluster: RunningCluster): Promise<void> {
  const isReady = async () => (await cluster.trySanctor('status')).code === 0;
  await untilAsync(isReady, 'ready again', readyAgainTimeoutMs);
}

async function processOf(cluster: RunningCluster, node: string): Promise<number> {
  const found = (await cluster.status()).nodes.find(({ name }) => name === node);
  return found?.pid ?? 0;
}

/** Waits until consumers have had so many more I/Os. */
async function untilServed(cluster: RunningCluster, ios: number): Promise<void> {
  const served = async () => (await cluster.status()).counters.consumerIos ?? 0;
  const before = await served();
  await untilAsync(async () => (await served()) >= before + ios, 'I/O', readyAgainTimeoutMs);
}

describe('faults on a running cluster', function () {
  this.timeout(realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  before(async () => {
    place = await ClusterPlace.open();
    cluster = await place.start();
  });
  after(() => place?.close());
  afterEach(async () => {
    await cluster.sanctor('heal', '--all');
    await untilReady(cluster);
  });

  it('of links, HBAs, switches and disks do not disturb clients while another way is left', async function () {
    const fio = await toolFor(this, 'fio');
    const job = { uri: place.uri, blockBytes: 4096, depth: 8, sizeBytes: 8 * mebibyte };
    let isOver = false;
    const running = runFio(fio, {
      ...job,
      rw: 'randwrite',
      verify: true,
      more: ['--loops=2'],
    }).finally(() => {
      isOver = true;
    });
    const faults = [
      ['link:h1-a-s1', 'down'],
      ['link:s1-d1', 'down'],
      ['hba:h1-a', 'down'],
      ['switch:s1', 'slow', '--ms', '5'],
      ['disk:d3', 'slow', '--times', '20'],
      ['link:s2-d4', 'slow', '--ms', '3'],
    ];
    for (const words of faults) {
      if (isOver) break;
      await cluster.sanctor('fault', ...words);
      const struck = (await cluster.status()).counters;
      expect(struck, words.join(' ')).to.have.property('errors', 0);
      await cluster.sanctor('heal', words[0] ?? '');
    }
    expect((await running).errors).to.equal(0);
    await expectEqualMirrors(cluster, volumeBytes);
  });

  const partitions: readonly (readonly [string, string])[] = [
    ['partition:h1/s1', 'cut'],
    ['partition:s1/d1', 'cut'],
    ['partition:d3/s2', 'one-way'],
  ];
  for (const [target, kind] of partitions)
    it(`between two actors, ${target} ${kind}, give clients a pause and no error, and nobody is said to be down`, async function () {
      const fio = await toolFor(this, 'fio');
      const job = { uri: place.uri, blockBytes: 4096, depth: 8, sizeBytes: 8 * mebibyte };
      const running = beginFio(fio, { ...job, rw: 'randrw', verify: true });
      try {
        await untilServed(cluster, iosUnderTrouble);
        const before = (await cluster.status()).counters;
        await cluster.sanctor('fault', target, kind);
        await untilServed(cluster, iosUnderTrouble);
        const { counters } = await cluster.status();
        expect(counters).to.include({ errors: before.errors, pathErrors: before.pathErrors });
        expect(counters.reissues).to.be.above(before.reissues ?? 0);
        await cluster.sanctor('heal', target);
        await untilServed(cluster, iosUnderTrouble);
        expect(running.hasEnded).to.equal(false);
      } finally {
        await running.stop().then(({ errors }) => expect(errors).to.equal(0));
      }
      await expectEqualMirrors(cluster, volumeBytes);
    });

  it('are listed by status, and gone from it when they are healed', async () => {
    expect(await cluster.sanctor('fault', 'link:s1-d1', 'down')).to.contain(
      'sanctor heal link:s1-d1',
    );
    await cluster.sanctor('fault', 'disk:d2', 'slow', '--ms', '2.5');
    await cluster.sanctor('fault', 'partition:d3/d4', 'one-way');
    expect(await faultsOf(cluster)).to.deep.equal([
      { target: 'link:s1-d1', kind: 'down', nodes: ['s1', 'd1'] },
      { target: 'disk:d2', kind: 'slow', delayMs: 2.5, nodes: ['d2'] },
      { target: 'partition:d3/d4', kind: 'one-way', nodes: ['d3', 'd4'] },
    ]);
    expect(await cluster.sanctor('status'))
      .to.match(/disk:d2 +slow by 2.5 ms/)
      .and.match(/partition:d3\/d4 +one-way: d4 does not hear d3 /);
    const healed = JSON.parse(await cluster.sanctor('heal', '--all', '--json'));
    expect(healed.healed).to.have.length(3);
    expect(await faultsOf(cluster)).to.deep.equal([]);
    expect(await cluster.sanctor('heal', 'disk:d2')).to.contain('no fault is in force on disk:d2');
  });

  it('of an HBA disconnect it, and its host lives', async () => {
    const pid = await processOf(cluster, 'h1');
    await cluster.sanctor('fault', 'hba:h1-a', 'down');
    const stateOf = async () =>
      (await cluster.status()).actors.find(({ id }) => id === 'h1-a')?.state;
    expect(await stateOf()).to.equal('disconnected');
    await cluster.sanctor('heal', 'hba:h1-a');
    expect(await stateOf()).to.equal('connected');
    expect(await processOf(cluster, 'h1')).to.equal(pid);
  });

  describe('of media', () => {
    let qemuIo: Tool;
    before(async function () {
      qemuIo = await toolFor(this, 'qemu-io');
    });
    const io = (command: string) => runTool(qemuIo, ['-f', 'raw', place.uri, '-c', command]);

    it('give a read error for the range of a volume, and for nothing else', async () => {
      expect((await io('write -P 7 1M 64k')).code).to.equal(0);
      const range = ['--volume', 'vol0', '--at', '1MiB', '--length', '4KiB'];
      for (const disk of ['disk:d1', 'disk:d2'])
        await cluster.sanctor('fault', disk, 'read-error', ...range);
      expect((await io('read 1M 4k')).output).to.contain('Input/output error');
      expect((await io('read -P 7 1028k 4k')).output).to.contain('read 4096/4096');
      const compared = await cluster.trySanctor('compare', 'vol0');
      expect(compared.code).to.equal(1);
      await cluster.sanctor('heal', '--all');
      expect((await io('read -P 7 1M 4k')).output).to.contain('read 4096/4096');
    });

    it('on the other mirror do not keep anybody waiting: slow is slow, and healed is healed', async () => {
      for (const disk of ['d1', 'd2'])
        await cluster.sanctor('fault', `disk:${disk}`, 'slow', '--ms', '300');
      const startMs = performance.now();
      expect((await io('read 1M 4k')).output).to.contain('read 4096/4096');
      expect(performance.now() - startMs).to.be.at.least(300);
      expect(await cluster.sanctor('heal', 'disk:d1')).to.contain('healed: disk:d1 slow by 300 ms');
    });
  });

  it('crash a process, which stays down until it is healed', async () => {
    const pid = await processOf(cluster, 'd1');
    await cluster.sanctor('fault', 'disk:d1', 'crash');
    expect(isRunning(pid)).to.equal(false);
    const { code, output } = await cluster.trySanctor('status');
    expect(code).to.equal(1);
    expect(output)
      .to.contain('disk d1 does not answer: disk:d1 crash')
      .and.contain('sanctor heal disk:d1');
    expect((await cluster.status()).nodes.find(({ name }) => name === 'd1')).to.include({
      state: 'held',
      pid: null,
    });
    await cluster.sanctor('heal', 'node:d1');
    await untilReady(cluster);
    expect(await processOf(cluster, 'd1')).to.not.equal(pid);
  });

  it('crash a disk under writes: its mirror is said not to be compared, until it is in sync again', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    await cluster.sanctor('fault', 'disk:d1', 'crash');
    const written = await runTool(qemuIo, ['-f', 'raw', place.uri, '-c', 'write -P 3 0 4k']);
    expect(written.output).to.contain('wrote 4096/4096');
    const degraded = await cluster.trySanctor('compare', 'vol0');
    expect(degraded.output)
      .to.match(/^vol0: the mirrors in sync are identical/)
      .and.match(/^ {2}not compared: the mirror on d1 of vol0-\S+ is stale; see sanctor status$/m);
    expect(degraded.code).to.equal(1);
    await cluster.sanctor('heal', 'disk:d1');
    await expectEqualMirrors(cluster, volumeBytes);
  });

  it('pause a process, and let it go on', async () => {
    const pid = await processOf(cluster, 's1');
    await cluster.sanctor('fault', 'switch:s1', 'pause');
    await until(() => isStopped(pid), 'the process to stand still');
    expect((await cluster.status()).nodes.find(({ name }) => name === 's1')?.state).to.equal(
      'paused',
    );
    const waiting = JSON.parse(await cluster.sanctor('fault', 'link:s1-d1', 'down', '--json'));
    expect(waiting.waitingFor).to.deep.equal(['s1']);
    await cluster.sanctor('heal', 'switch:s1');
    await until(() => !isStopped(pid), 'the process to go on');
    expect(await processOf(cluster, 's1')).to.equal(pid);
  });

  it('of a link outlive the processes at its ends', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    await cluster.sanctor('fault', 'link:s1-d1', 'down');
    process.kill(await processOf(cluster, 's1'), 'SIGKILL');
    await untilAsync(
      async () =>
        (await cluster.status()).nodes.some(
          ({ name, state }) => name === 's1' && state === 'running',
        ),
      'the switch to be started again',
      readyAgainTimeoutMs,
    );
    await untilReady(cluster);
    expect(await faultsOf(cluster)).to.have.length(1);
    const read = await runTool(qemuIo, ['-f', 'raw', place.uri, '-c', 'read 0 4k']);
    expect(read.output).to.contain('read 4096/4096');
    expect(await cluster.sanctor('status', '--paths')).to.match(/h1-a-s1 s1-d1 +failed/);
  });

  it('take a NATS server away and bring it back, although no command reaches anybody meanwhile', async () => {
    const { nats } = await cluster.status();
    for (const kind of ['crash', 'pause']) {
      await cluster.sanctor('fault', 'nats:n1', kind);
      await untilAsync(
        async () => (await cluster.trySanctor('status')).errors.includes('sanctor heal --all'),
        'the server to be away',
      );
      expect(await cluster.sanctor('heal', 'nats:n1')).to.contain(`healed: nats:n1 ${kind}`);
      await untilReady(cluster);
      expect((await cluster.status()).nats.url).to.equal(nats.url);
    }
  });

  it('are events that watch shows', async () => {
    const watch = cluster.begin('watch');
    let seen = '';
    watch.stdout?.on('data', (data: Buffer) => {
      seen += data.toString('utf8');
    });
    const wanted = [
      /node s2 +fault +injected link:s2-d2 slow by 1 ms/,
      /node d2 +fault +healed link:s2-d2 slow by 1 ms/,
    ];
    try {
      // It may begin to listen between any two of them.
      await untilAsync(
        async () => {
          await cluster.sanctor('fault', 'link:s2-d2', 'slow', '--ms', '1');
          await cluster.sanctor('heal', 'link:s2-d2');
          return wanted.every((each) => each.test(seen));
        },
        'watch to show a fault, and that it is healed',
        readyAgainTimeoutMs,
      );
    } finally {
      watch.kill();
    }
  });

  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['fault', 'disk:d9', 'crash'], /no disk:d9; there are disk:d1, disk:d2, disk:d3, disk:d4/],
    [['fault', 'd1', 'crash'], /d1 is no target.*disk:d1/],
    [['fault', 'link:s1-d1', 'crash'], /link:s1-d1 cannot have the fault crash.*down, slow/],
    [['fault', 'disk:d1', 'melt'], /cannot have the fault melt.*crash, pause, read-error, slow/],
    [['fault', 'disk:d1', 'slow'], /how slow it is must be said/],
    [['fault', 'disk:d1', 'slow', '--ms', 'fast'], /--ms fast: expected a number/],
    [['fault', 'disk:d1', 'slow', '--ms', '1', '--times', '3'], /said once/],
    [['fault', 'switch:s1', 'slow', '--times', '3'], /--ms/],
    [['fault', 'disk:d1', 'crash', '--ms', '3'], /--ms does not belong/],
    [['fault', 'disk:d1', 'read-error', '--at', '1MiB'], /both --at and --length/],
    [['fault', 'disk:d1', 'read-error', '--at', 'x', '--length', '1'], /--at x: expected/],
    [['fault', 'disk:d1', 'read-error', '--at', '1TiB', '--length', '1'], /outside of disk:d1/],
    [
      ['fault', 'disk:d3', 'read-error', '--volume', 'vol0', '--at', '0', '--length', '4096'],
      /not on disk:d3, but on d1, d2/,
    ],
    [
      ['fault', 'disk:d1', 'read-error', '--volume', 'vol7', '--at', '0', '--length', '4096'],
      /no volume vol7.*vol0/,
    ],
    [
      ['fault', 'disk:d1', 'read-error', '--volume', 'vol0', '--at', '2GiB', '--length', '4096'],
      /outside of volume vol0/,
    ],
    [['fault', 'partition:h1/s9', 'cut'], /no actor s9 .*there are h1, h1-a, h1-b, s1, s2, d1/],
    [['fault', 'partition:s1/s1', 'cut'], /s1 cannot be cut off from itself/],
    [['fault', 'partition:h1/h1-a', 'cut'], /h1-a is a part of h1/],
    [['fault', 'partition:h1-s1', 'cut'], /partition:h1-s1 is no target.*partition:h1\/s2/],
    [['fault', 'partition:h1/s1', 'down'], /cannot have the fault down.*cut, one-way/],
    [['fault', 'partition:h1/s1', 'cut', '--ms', '3'], /--ms does not belong/],
    [['heal', 'partition:h1/s9'], /no actor s9/],
    [['heal'], /either a target.*--all/],
    [['heal', 'disk:d1', '--all'], /either a target.*--all/],
    [['heal', 'switch:s7'], /no switch:s7; there are switch:s1, switch:s2/],
  ];
  it('are refused when they cannot be, naming the thing and the remedy, and nothing changes', async () => {
    for (const [words, says] of refusals) {
      const { code, output, errors } = await cluster.trySanctor(...words);
      expect(code, words.join(' ')).to.equal(1);
      expect(errors, words.join(' ')).to.match(says);
      expect(output).to.equal('');
    }
    expect(await faultsOf(cluster)).to.deep.equal([]);
  });
});

describe('a cluster that is stopped while faults are in force', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ store: 'memory', shipped: 'two-tier' });

  it('goes in good order, with nobody left', async () => {
    const cluster = await place().start();
    const faults = [
      'disk:d1 pause',
      'switch:s1 pause',
      'host:h1 pause',
      'disk:d4 crash',
      'link:s4-d2 down',
      'nats:n1 crash',
    ];
    for (const words of faults) await cluster.sanctor('fault', ...words.split(' '));
    const children = cluster.processes();
    const startMs = performance.now();
    expect(await cluster.stop()).to.equal(0);
    expect(performance.now() - startMs).to.be.below(readyAgainTimeoutMs);
    await until(() => children.every(({ id }) => !isRunning(id)), 'no orphan');
  });
});
