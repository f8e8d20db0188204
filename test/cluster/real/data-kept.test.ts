import { join } from 'node:path';
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { digestOf, writeRandomImage } from '../../tools/images.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof, proofBytes } from '../../tools/proof-length.ts';
import { ClusterPlace, placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool, runToolWell } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { replaced } from '../../tools/test-topology.ts';
import { crashAndRecover, untilStatus } from './node-crashes.ts';

const mebibyte = 1024 * 1024;
/** As shipped in the long form. */
const volumeMebibytes = isLongProof ? 896 : 96;
const volumeBytes = volumeMebibytes * mebibyte;
const changed = (text: string) => replaced(text, /size: 896MiB/, `size: ${volumeMebibytes}MiB`);
/** A copy that takes longer was held up by something that had not recovered. */
const copyTimeoutMs = isLongProof ? 600_000 : 30_000;

describe('data that was flushed', function () {
  this.timeout(realTestTimeoutMs * 2);
  const place = placePerTest({ changed });
  const lengthBytes = proofBytes(16, 256);
  let nbdcopy: Tool;
  before(async function () {
    nbdcopy = await toolFor(this, 'nbdcopy');
  });

  /** Copies a random image in, flushed at the end; gives its digest. */
  async function copyIn(at: ClusterPlace): Promise<string> {
    const image = join(at.folder, 'image');
    await writeRandomImage(image, lengthBytes);
    await runToolWell(nbdcopy, ['--flush', image, at.uri], copyTimeoutMs);
    return digestOf(image, lengthBytes);
  }

  async function copyOut(at: ClusterPlace): Promise<string> {
    const back = join(at.folder, 'back');
    await runToolWell(nbdcopy, [at.uri, back], copyTimeoutMs);
    return digestOf(back, lengthBytes);
  }

  it('is there after `down` and `up --data` with the same folder', async () => {
    const first = await place().start();
    const written = await copyIn(place());
    expect(await first.sanctor('down')).to.contain('stopped');
    expect(await first.ended()).to.equal(0);
    const second = await place().start();
    expect(await copyOut(place())).to.equal(written);
    await expectEqualMirrors(second, volumeBytes);
  });

  it('is there after SIGKILL of every process at once', async () => {
    const first = await place().start();
    const written = await copyIn(place());
    await first.killEverything();
    const second = await place().start();
    expect(await copyOut(place())).to.equal(written);
    await expectEqualMirrors(second, volumeBytes);
  });

  it('is there, and the mirrors are equal, after SIGKILL of every process in the middle of writes', async function () {
    const fio = await toolFor(this, 'fio');
    const first = await place().start();
    const written = await copyIn(place());
    const behind = ['--rw=randwrite', '--bs=4k', '--iodepth=32', '--time_based', '--runtime=60'];
    const where = [`--offset=${lengthBytes}`, '--size=64M', `--uri=${place().uri}`];
    const writing = runTool(fio, ['--name=job', '--ioengine=nbd', ...behind, ...where]);
    const writesBefore = (await first.status()).counters.consumerIos ?? 0;
    await untilStatus(
      first,
      ({ counters }) => (counters.consumerIos ?? 0) > writesBefore + 100,
      'writes to be under way',
    );
    await first.killEverything();
    expect((await writing).code).to.not.equal(0);
    const second = await place().start();
    expect(await copyOut(place())).to.equal(written);
    await expectEqualMirrors(second, volumeBytes);
  });

  describe('in a cluster whose nodes crash', () => {
    let crashPlace: ClusterPlace;
    let cluster: RunningCluster;
    before(async () => {
      crashPlace = await ClusterPlace.open({ changed });
      cluster = await crashPlace.start();
    });
    after(() => crashPlace?.close());

    for (const [node, what] of [
      ['d1', 'a disk'],
      ['s1', 'a switch'],
      ['h1', 'the host'],
      ['v1', 'the virtualizer'],
    ] as const) {
      it(`is there after ${what} crashed, and the volume serves again by itself`, async () => {
        const written = await copyIn(crashPlace);
        await crashAndRecover(cluster, node);
        expect(await copyOut(crashPlace)).to.equal(written);
        await copyIn(crashPlace);
        await expectEqualMirrors(cluster, volumeBytes);
      });
    }
  });
});
