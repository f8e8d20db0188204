/** Mirror retry and repair (DESIGN H5) on real processes: what an operator and a client see of a mirror that went bad. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { mutatedBuild } from '../../tools/mutated-build.ts';
import { type ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { untilAsync } from '../../tools/until.ts';

const toldTimeoutMs = 10_000;

async function countersOf(cluster: RunningCluster) {
  const {
    mirrorRetries = 0,
    repairsAsked = 0,
    repairs = 0,
    errors = 0,
  } = (await cluster.status()).counters;
  return { mirrorRetries, repairsAsked, repairs, errors };
}

/** Makes 4 KiB of a volume unreadable on some disks. */
async function spoil(cluster: RunningCluster, disks: readonly string[], at: string): Promise<void> {
  const range = ['--volume', 'vol0', '--at', at, '--length', '4KiB'];
  for (const disk of disks) await cluster.sanctor('fault', disk, 'read-error', ...range);
}

/** The mirror that a read there goes to. */
async function readFrom(cluster: RunningCluster, at: string): Promise<string> {
  const [explained] = JSON.parse(await cluster.sanctor('explain', 'vol0', at, '--json'));
  return explained.reads.target as string;
}

describe('a read error at one mirror of two', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();
  let qemuIo: Tool;
  let cluster: RunningCluster;
  const io = async (command: string) =>
    (await runTool(qemuIo, ['-f', 'raw', place().uri, '-c', command])).output;
  beforeEach(async function () {
    qemuIo = await toolFor(this, 'qemu-io');
    cluster = await place().start();
    expect(await io('write -P 7 1M 64k')).to.contain('wrote 65536/65536');
  });

  it('is seen by nobody but the operator: another mirror is read, and the bad block repaired', async () => {
    const watch = cluster.begin('watch');
    let seen = '';
    watch.stdout?.on('data', (data: Buffer) => {
      seen += data.toString('utf8');
    });
    try {
      await untilAsync(
        async () => {
          await cluster.sanctor('fault', 'link:s2-d3', 'slow', '--ms', '1');
          await cluster.sanctor('heal', 'link:s2-d3');
          return seen.includes('healed');
        },
        'watch to listen',
        toldTimeoutMs,
      );
      const bad = await readFrom(cluster, '1MiB');
      await spoil(cluster, [bad], '1MiB');
      expect((await cluster.trySanctor('compare', 'vol0')).code, 'the fault is met').to.equal(1);
      expect(await io('read -P 7 1M 4k'))
        .to.contain('read 4096/4096')
        .and.not.contain('fail');
      const once = { mirrorRetries: 1, repairsAsked: 1, repairs: 1, errors: 0 };
      await untilAsync(
        async () => (await countersOf(cluster)).repairs > 0,
        'the repair to be done',
        toldTimeoutMs,
      );
      expect(await countersOf(cluster)).to.deep.equal(once);
      // The fault is still in force: what was repaired is read from where it was written anew.
      expect(await readFrom(cluster, '1MiB')).to.equal(bad);
      expect(await io('read -P 7 1M 64k'))
        .to.contain('read 65536/65536')
        .and.not.contain('fail');
      expect(await countersOf(cluster)).to.deep.equal(once);
      expect((await cluster.trySanctor('compare', 'vol0')).code, 'mirrors are equal').to.equal(0);
      const name = bad.replace('disk:', '');
      await untilAsync(async () => seen.includes('repaired on'), 'watch to tell', toldTimeoutMs);
      expect(seen).to.match(
        new RegExp(
          `host h1 +mirror-retry +volume vol0, 4KiB at 1MiB: ${name} could not be read; read from d\\d`,
        ),
      );
      expect(seen).to.match(
        new RegExp(`switch s\\d +repair +volume vol0, 4KiB at 1MiB: repaired on ${name} from d\\d`),
      );
    } finally {
      watch.kill();
    }
  });

  it('at the same block as one of the other mirror gives EIO for exactly that block, and nothing else fails', async () => {
    const generation = async () => (await cluster.status()).volumes[0]?.generation;
    const before = await generation();
    await spoil(cluster, ['disk:d1', 'disk:d2'], '1MiB');
    expect(await io('read 1M 4k')).to.contain('Input/output error');
    expect(await io('read -P 7 1028k 60k'))
      .to.contain('read 61440/61440')
      .and.not.contain('fail');
    expect(await io('write -P 8 1088k 4k')).to.contain('wrote 4096/4096');
    expect(await countersOf(cluster)).to.include({ errors: 1, repairs: 0 });
    expect(await generation()).to.equal(before);
    await cluster.sanctor('heal', '--all');
    expect(await io('read -P 7 1M 4k'))
      .to.contain('read 4096/4096')
      .and.not.contain('fail');
  });
});

describe('read errors at all mirrors of three but one', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ shipped: 'two-tier', store: 'memory' });

  /** Reads a block that one mirror has, by a coordinator that names alternates and by one that does not. */
  async function readLast(program: string | null, at: ClusterPlace, qemuIo: Tool) {
    const cluster = await at.start(program === null ? {} : { program });
    const io = async (command: string) =>
      (await runTool(qemuIo, ['-f', 'raw', at.uri, '-c', command])).output;
    await io('write -P 5 0 2M');
    const outputs: string[] = [];
    for (const offset of ['0', '1MiB']) {
      await spoil(cluster, ['disk:d1', 'disk:d2'], offset);
      outputs.push(await io(`read -P 5 ${offset.replace('MiB', 'M')} 4k`));
    }
    return { outputs, counters: await countersOf(cluster) };
  }

  it('still give the bytes', async function () {
    const { outputs, counters } = await readLast(null, place(), await toolFor(this, 'qemu-io'));
    for (const output of outputs)
      expect(output).to.contain('read 4096/4096').and.not.contain('fail');
    expect(counters).to.include({ errors: 0 });
    expect(counters.mirrorRetries).to.be.at.least(4);
  });

  it('would not, if each read were tried twice and no more', async function () {
    const qemuIo = await toolFor(this, 'qemu-io');
    const folder = join(place().folder, 'twice');
    const file = 'actors/host/mirror-retry-machine.js';
    const program = await mutatedBuild(folder, [
      {
        file,
        snippet: 'candidatesAfter(context, event).length > 0',
        replacement: 'context.failed.length === 0 && candidatesAfter(context, event).length > 0',
      },
      {
        file,
        snippet: 'untriedOf(context, event.disks).length > 0',
        replacement: 'context.failed.length < 2 && untriedOf(context, event.disks).length > 0',
      },
      {
        file,
        snippet: 'untriedOf(context, [...event.disks, ...event.away]).length === 0',
        replacement: 'context.failed.length > 1',
      },
      { file, snippet: "event.type === 'repair.ended' && event.isGood", replacement: 'false' },
    ]);
    try {
      const { outputs } = await readLast(program, place(), qemuIo);
      for (const output of outputs) expect(output).to.contain('Input/output error');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
