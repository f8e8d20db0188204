import { join } from 'node:path';
import { expect } from 'chai';
import { toolFor } from '../../tools/fetch-tool.ts';
import { type FioJob, runFio } from '../../tools/fio.ts';
import { digestOf, writeRandomImage } from '../../tools/images.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof, proofBytes } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runToolWell } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';

const volumeBytes = 896 * 1024 * 1024;
const longTimeoutMs = 900_000;

describe('a volume and its clients', function () {
  this.timeout(isLongProof ? longTimeoutMs : realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  before(async () => {
    place = await ClusterPlace.open();
    cluster = await place.start();
  });
  after(() => place?.close());

  it('nbdinfo shows its size, what it can do, and its name', async function () {
    const nbdinfo = await toolFor(this, 'nbdinfo');
    const shown = JSON.parse(await runToolWell(nbdinfo, ['--json', place.uri]));
    expect(shown.protocol).to.equal('newstyle-fixed');
    const [only] = shown.exports;
    expect(only).to.include({
      'export-name': 'vol0',
      'export-size': volumeBytes,
      is_read_only: false,
      can_flush: true,
      can_fua: true,
      can_trim: true,
      can_zero: true,
      can_cache: true,
    });
    expect(only.contexts).to.include('base:allocation');
    const list = await runToolWell(nbdinfo, ['--list', `nbd://127.0.0.1:${place.topology.port}`]);
    expect(list).to.contain('vol0');
  });

  it('nbdcopy brings a random image in and out, byte for byte', async function () {
    const nbdcopy = await toolFor(this, 'nbdcopy');
    const lengthBytes = proofBytes(24, 256);
    const [image, back] = [join(place.folder, 'image'), join(place.folder, 'back')];
    await writeRandomImage(image, lengthBytes);
    await runToolWell(nbdcopy, ['--flush', image, place.uri], longTimeoutMs);
    await runToolWell(nbdcopy, [place.uri, back], longTimeoutMs);
    expect(await digestOf(back, lengthBytes)).to.equal(await digestOf(image, lengthBytes));
    await expectEqualMirrors(cluster, volumeBytes);
  });

  it('qemu-img converts an image into it, and finds both equal', async function () {
    const qemuImg = await toolFor(this, 'qemu-img');
    const lengthBytes = proofBytes(24, 256);
    const image = join(place.folder, 'image');
    await writeRandomImage(image, lengthBytes);
    const raw = ['-f', 'raw'];
    await runToolWell(
      qemuImg,
      ['convert', '-n', ...raw, '-O', 'raw', image, place.uri],
      longTimeoutMs,
    );
    const words = ['compare', ...raw, '-F', 'raw', image, place.uri];
    const compared = await runToolWell(qemuImg, words, longTimeoutMs);
    expect(compared).to.contain('Images are identical');
    await expectEqualMirrors(cluster, volumeBytes);
  });

  const verified: readonly { title: string; rw: FioJob['rw']; blockBytes: number }[] = [
    { title: '4 KiB at random', rw: 'randwrite', blockBytes: 4096 },
    { title: '4 KiB in sequence', rw: 'write', blockBytes: 4096 },
    { title: '128 KiB at random', rw: 'randwrite', blockBytes: 128 * 1024 },
    { title: '128 KiB in sequence', rw: 'write', blockBytes: 128 * 1024 },
  ];
  for (const { title, rw, blockBytes } of verified) {
    it(`fio reads back what it wrote, ${title}, 32 at a time`, async function () {
      const fio = await toolFor(this, 'fio');
      const sizeBytes = proofBytes(blockBytes === 4096 ? 8 : 24, 256);
      const job = { uri: place.uri, rw, blockBytes, depth: 32, sizeBytes, verify: true };
      expect((await runFio(fio, job)).errors).to.equal(0);
      await expectEqualMirrors(cluster, volumeBytes);
    });
  }

  it('requests that no layout likes, unaligned and over every boundary, are split and joined', async function () {
    const fio = await toolFor(this, 'fio');
    const { counters: before } = await cluster.status();
    const job = {
      uri: place.uri,
      rw: 'randwrite',
      blockBytes: 4096,
      depth: 16,
      sizeBytes: proofBytes(16, 64),
      verify: true,
      more: ['--bsrange=512-512k', '--blockalign=512'],
    } as const;
    expect((await runFio(fio, job)).errors).to.equal(0);
    const { counters: after } = await cluster.status();
    expect((after.splits ?? 0) - (before.splits ?? 0)).to.be.above(0);
    await expectEqualMirrors(cluster, volumeBytes);
  });
});
