/**
 * What people put on a volume: an ext4 file system, and databases in it. Only on a machine that lets file systems be
 * mounted (root, FUSE, loop devices); on another there is none of these tests, and a line says why.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import type { Suite } from 'mocha';
import { ClusterOperator } from '../../tools/cluster-operator.ts';
import { fetchTimeoutMs, toolFor } from '../../tools/fetch-tool.ts';
import { whyNoKernelMounts } from '../../tools/kernel-mounts.ts';
import { expectEqualMirrors, untilInSync } from '../../tools/mirrors.ts';
import { mutatedBuild, type Patch } from '../../tools/mutated-build.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced, type TestTopology } from '../../tools/test-topology.ts';
import { volatileCaches } from '../../tools/volatile-file-store.ts';
import { type FileSystemTools, LoadedFileSystem } from './loaded-file-system.ts';
import { crashTogetherAndRecover, whileCrashed } from './node-crashes.ts';

const mebibyte = 1024 * 1024;
/** As shipped in the long form; a small file system has blocks of 1 KiB, a large one of 4 KiB. */
const volumeMebibytes = isLongProof ? 896 : 64;
const crashes = isLongProof ? 24 : 2;
const cuts = isLongProof ? 12 : 1;
/** A cut may come right after something else had everything flushed: then nothing is lost. */
const cutsUntilNoticed = 5;

const flushAnsweredAtOnce: Patch = {
  file: 'cluster/nbd/execution.js',
  snippet: 'volume.flush(slot.ioDone);',
  replacement: 'setImmediate(() => slot.ioDone(0, []));',
};

/** A build whose disks lose what was not flushed when their process is killed. */
const volatileBuild = (folder: string, ...more: readonly Patch[]) =>
  mutatedBuild(join(folder, 'volatile'), [volatileCaches, ...more], ['test/tools']);

/** The second is the first with more that can be lost, and enough for a short form. */
const waysToCut: readonly { what: string; program(folder: string): Promise<string | undefined> }[] =
  [
    ...(isLongProof ? [{ what: '', program: async () => undefined }] : []),
    { what: ' and what no disk has flushed is lost with it', program: volatileBuild },
  ];

const whyNot = whyNoKernelMounts();
if (whyNot === null) describe('a file system with databases on a volume', describeFileSystem);
else
  console.log(
    `  no file system is tried on a volume, for this machine does not allow it: ${whyNot}`,
  );

function describeFileSystem(this: Suite): void {
  this.timeout(isLongProof ? 3_600_000 : realTestTimeoutMs * 4);
  let tools: FileSystemTools;
  let files: LoadedFileSystem | null = null;
  // Before the place is closed, for the mounts are in its folder.
  afterEach(() => files?.cut());
  const place = placePerTest({
    changed: (text) => replaced(text, /size: 896MiB/, `size: ${volumeMebibytes}MiB`),
  });
  before(async function () {
    this.timeout(fetchTimeoutMs);
    tools = {
      e2fsck: await toolFor(this, 'e2fsck'),
      mkfs: await toolFor(this, 'mkfs.ext4'),
      nbdfuse: await toolFor(this, 'nbdfuse'),
      sqlite3: await toolFor(this, 'sqlite3'),
    };
  });

  async function start(program?: string): Promise<RunningCluster> {
    return place().start(program === undefined ? {} : { program });
  }

  /** Makes a file system on the volume of a cluster, and begins to commit to its databases. */
  async function loaded(): Promise<LoadedFileSystem> {
    files = new LoadedFileSystem(tools, place().uri, place().folder);
    await files.format();
    await files.begin();
    return files;
  }

  /** Kills every process at once in the middle of commits, starts the cluster again, and looks at what is there. */
  async function cutPower(load: LoadedFileSystem, cluster: RunningCluster, program?: string) {
    await load.more();
    await cluster.killEverything();
    await load.cut();
    const next = await start(program);
    return { next, problems: await load.problems() };
  }

  it('loses no commit while coordinators and disks are killed under it, and is clean', async () => {
    const cluster = await start();
    const load = await loaded();
    await expectFlushes(load, cluster, place().topology);
    await crashPairs(load, cluster, crashes);
    await load.end();
    expect(await load.problems()).to.deep.equal([]);
    await load.detach();
    await expectEqualMirrors(cluster, volumeMebibytes * mebibyte);
  });

  for (const { what, program } of waysToCut)
    it(`loses no commit when every process is killed at once${what}, and is clean`, async () => {
      const build = await program(place().folder);
      let cluster = await start(build);
      const load = await loaded();
      for (let cut = 0; cut < cuts; cut++) {
        if (cut > 0) await load.begin();
        const { next, problems } = await cutPower(load, cluster, build);
        expect(problems).to.deep.equal([]);
        cluster = next;
      }
      await load.detach();
      await expectEqualMirrors(cluster, volumeMebibytes * mebibyte);
    });

  it('would lose commits then if flushes were answered and not done, which is noticed', async () => {
    const build = await volatileBuild(place().folder, flushAnsweredAtOnce);
    let cluster = await start(build);
    const load = await loaded();
    let noticed: readonly string[] = [];
    for (let cut = 0; cut < cutsUntilNoticed && noticed.length === 0; cut++) {
      if (cut > 0) await load.begin();
      const { next, problems } = await cutPower(load, cluster, build);
      noticed = problems;
      cluster = next;
    }
    expect(noticed).to.not.be.empty;
  });
}

/** Crashes a coordinator together with a disk, again and again, in the end each with each and in both ways. */
async function crashPairs(load: LoadedFileSystem, cluster: RunningCluster, count: number) {
  for (let crash = 0; crash < count; crash++) {
    const round = Math.floor(crash / 4);
    const coordinator = `s${1 + ((crash + round) % 2)}`;
    const disk = `d${1 + ((crash * 3 + Math.floor(round / 2)) % 4)}`;
    await load.more();
    if (crash % 2 === 0) await crashTogetherAndRecover(cluster, [coordinator, disk]);
    else await whileCrashed(cluster, [`switch:${coordinator}`, `disk:${disk}`], () => load.more());
    await load.more();
    await untilInSync(cluster);
  }
}

/** How often disks have made durable what they have, since they were started. */
async function flushesOf(operator: ClusterOperator): Promise<number> {
  let sum = 0;
  for (const { id } of operator.topology.disks) {
    const told = await operator.describe({ kind: 'disk', id });
    sum += Number((told?.facts.counters as { flushes?: number } | undefined)?.flushes ?? 0);
  }
  return sum;
}

/**
 * Fails where commits are answered that disks have not made durable. A commit takes a flush or more, on both mirrors of
 * a set or two; but commits of both databases may share one.
 */
async function expectFlushes(
  load: LoadedFileSystem,
  cluster: RunningCluster,
  topology: TestTopology,
): Promise<void> {
  const operator = await ClusterOperator.connect(cluster, topology);
  try {
    const before = { flushes: await flushesOf(operator), commits: load.acknowledged };
    await load.more();
    const answered = load.acknowledged - before.commits;
    const flushes = (await flushesOf(operator)) - before.flushes;
    expect(flushes, `flushes of ${answered} commits`).to.be.at.least(answered);
  } finally {
    await operator.close();
  }
}
