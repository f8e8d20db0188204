import { randomFillSync } from 'node:crypto';
import { renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { writeTestTopology } from '../../tools/test-topology.ts';
import { until } from '../../tools/until.ts';

const refusalTimeoutMs = 30_000;

describe('a data folder', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();

  it('is used by one cluster at a time: a second one never starts', async () => {
    const first = await place().start();
    const second = await place().launch();
    expect(await second.ended()).to.equal(1);
    expect(second.output).to.contain(place().dataFolder).and.to.contain('in use');
    expect((await first.status()).ready).to.equal(true);
  });

  it('starts at most one of two clusters that begin at the same moment', async () => {
    const both = await Promise.all([place().launch(), place().launch()]);
    await until(() => both.some(({ hasEnded }) => hasEnded), 'one to be refused', refusalTimeoutMs);
    const left = both.filter(({ hasEnded }) => !hasEnded);
    expect(left).to.have.length(1);
    await left[0]?.untilReady();
  });

  it('is refused to a cluster of another name', async () => {
    await (await place().start()).stop();
    const other = await place().launch(await writeTestTopology(place().folder));
    expect(await other.ended()).to.equal(1);
    expect(other.output).to.contain(`belongs to cluster ${place().topology.cluster}`);
  });
});

describe('a disk file', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest();
  const file = (at: ClusterPlace, disk: string) => join(at.dataFolder, 'disks', `${disk}.disk`);

  const refused: readonly {
    readonly title: string;
    readonly change: (at: ClusterPlace) => void;
    readonly says: RegExp;
  }[] = [
    {
      title: 'that holds something else is refused',
      change: (at) => writeFileSync(file(at, 'd1'), randomFillSync(Buffer.alloc(8 * 1024 * 1024))),
      says: /d1.*no Sanctor disk/,
    },
    {
      title: 'of another cluster is refused',
      change: (at) => renameSync(join(at.folder, 'foreign.disk'), file(at, 'd1')),
      says: /d1.*(belongs to cluster|identity)/,
    },
    {
      title: 'that was emptied is refused',
      change: (at) => truncateSync(file(at, 'd1'), 0),
      says: /d1.*empty/,
    },
    {
      title: 'that holds only zeros is refused',
      change: (at) => {
        truncateSync(file(at, 'd1'), 0);
        truncateSync(file(at, 'd1'), 512 * 1024 * 1024);
      },
      says: /d1.*blank/,
    },
    {
      title: 'that is too small is refused',
      change: (at) => truncateSync(file(at, 'd1'), 64 * 1024 * 1024),
      says: /d1.*truncated/,
    },
    {
      title: 'that is swapped with another one is refused',
      change: (at) => {
        renameSync(file(at, 'd1'), file(at, 'other'));
        renameSync(file(at, 'd2'), file(at, 'd1'));
        renameSync(file(at, 'other'), file(at, 'd2'));
      },
      says: /d1.*swapped/,
    },
    {
      title: 'that was removed is not taken for an empty mirror',
      change: (at) => rmSync(file(at, 'd1')),
      says: /d1.*identity/,
    },
  ];
  for (const { title, change, says } of refused) {
    it(`${title}, with a reason, and the volume does not serve`, async () => {
      if (title.includes('another cluster')) await keepForeignDisk(place());
      await (await place().start()).stop();
      change(place());
      const cluster = await place().launch();
      await until(
        () => says.test(cluster.output),
        `${says} in what up says`,
        refusalTimeoutMs,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; it said:\n${cluster.output}`);
      });
      expect(cluster.output).to.not.match(/^ready/m);
      expect((await cluster.status()).ready).to.equal(false);
    });
  }

  /** Runs another cluster for a moment, so that there is a disk of its own. */
  async function keepForeignDisk(at: ClusterPlace): Promise<void> {
    const other = await (await at.launch(await writeTestTopology(at.folder))).stopWhenReady();
    expect(other).to.equal(0);
    renameSync(file(at, 'd1'), join(at.folder, 'foreign.disk'));
    rmSync(at.dataFolder, { recursive: true });
  }
});
