import { randomFillSync } from 'node:crypto';
import { renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { writeTestTopology } from '../../tools/test-topology.ts';
import { until } from '../../tools/until.ts';

const refusalTimeoutMs = 30_000;
const mebibyte = 1024 * 1024;

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
    const other = await place().launch({
      topology: await writeTestTopology(place().folder),
    });
    expect(await other.ended()).to.equal(1);
    expect(other.output).to.contain(`belongs to cluster ${place().topology.cluster}`);
  });
});

/** At most three disks of a cluster at a time, because more reasons are counted instead of said. */
interface Change {
  readonly title: string;
  readonly change: (files: DiskFiles) => void;
  readonly says: RegExp;
}

/** The disk files of a place, as operators mishandle them. */
class DiskFiles {
  readonly #place: ClusterPlace;

  constructor(place: ClusterPlace) {
    this.#place = place;
  }

  of(disk: string): string {
    return join(this.#place.dataFolder, 'disks', `${disk}.disk`);
  }

  /** Where a disk of another cluster lies. */
  get foreign(): string {
    return join(this.#place.folder, 'foreign.disk');
  }
}

const notDisks: readonly Change[] = [
  {
    title: 'that holds something else',
    change: (files) => writeFileSync(files.of('d1'), randomFillSync(Buffer.alloc(8 * mebibyte))),
    says: /disk d1.*no Sanctor disk/,
  },
  {
    title: 'that was emptied',
    change: (files) => truncateSync(files.of('d2'), 0),
    says: /disk d2.*d2\.disk is empty/,
  },
  {
    title: 'that holds only zeros',
    change: (files) => {
      truncateSync(files.of('d3'), 0);
      truncateSync(files.of('d3'), 512 * mebibyte);
    },
    says: /disk d3.*blank/,
  },
];

const wrongDisks: readonly Change[] = [
  {
    title: 'that is too small',
    change: (files) => truncateSync(files.of('d4'), 64 * mebibyte),
    says: /disk d4.*truncated/,
  },
  {
    title: 'of another cluster',
    change: (files) => renameSync(files.foreign, files.of('d3')),
    says: /disk d3: the store belongs to cluster test-\w+, not test-\w+; use another data folder/,
  },
];

const otherDisks: readonly Change[] = [
  {
    title: 'that is swapped with another one',
    change: (files) => {
      renameSync(files.of('d1'), files.of('other'));
      renameSync(files.of('d2'), files.of('d1'));
      renameSync(files.of('other'), files.of('d2'));
    },
    says: /disk d1: the store holds disk d2.*swapped/,
  },
  {
    title: 'that was removed, and so was made anew,',
    change: (files) => rmSync(files.of('d4')),
    says: /disk d4 answers as identity.*replaced or emptied/,
  },
];

describe('a disk file', function () {
  this.timeout(realTestTimeoutMs);
  for (const changes of [notDisks, wrongDisks, otherDisks]) {
    describe('beside others that are not right either', () => {
      let place: ClusterPlace;
      let cluster: RunningCluster;
      before(async () => {
        place = await ClusterPlace.open();
        const files = new DiskFiles(place);
        if (changes === wrongDisks) await keepForeignDisk(place, files);
        await (await place.launch()).stopWhenReady();
        for (const { change } of changes) change(files);
        cluster = await place.launch();
      });
      after(() => place?.close());

      for (const { title, says } of changes) {
        it(`${title} is refused with a reason`, async () => {
          await until(() => says.test(cluster.output), String(says), refusalTimeoutMs).catch(
            (error: unknown) => {
              throw new Error(`${String(error)}; it said:\n${cluster.output}`);
            },
          );
        });
      }

      it('the volume does not serve', async () => {
        expect((await cluster.status()).ready).to.equal(false);
        expect(cluster.output).to.not.match(/^ready/m);
      });
    });
  }
});

/** Runs another cluster for a moment, so that there is a disk of its own. */
async function keepForeignDisk(place: ClusterPlace, files: DiskFiles): Promise<void> {
  const other = await place.launch({ topology: await writeTestTopology(place.folder) });
  await other.stopWhenReady();
  renameSync(files.of('d3'), files.foreign);
  rmSync(place.dataFolder, { recursive: true });
}
