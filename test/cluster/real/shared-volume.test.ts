import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { toolFor } from '../../tools/fetch-tool.ts';
import { runFio } from '../../tools/fio.ts';
import { digestOf, writeRandomImage } from '../../tools/images.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runToolWell } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { HistoryLoad } from './history-load.ts';
import { crashAndRecover } from './node-crashes.ts';

const mebibyte = 1024 * 1024;
const sharedBytes = 256 * mebibyte;
const exclusiveBytes = 64 * mebibyte;
const loadSeconds = isLongProof ? 60 : 5;
/** Where everybody works on the shared volume: nbdcopy at its begin, then fio of each host, then the history. */
const copyBytes = (isLongProof ? 24 : 8) * mebibyte;
const fioStartBytes = [32 * mebibyte, 64 * mebibyte];
const fioBytes = (isLongProof ? 32 : 4) * mebibyte;
/** A history begins with zeros, so that each test has a part of its own. */
const historyBytes = (isLongProof ? 32 : 8) * mebibyte;
const historyStartBytes = { quiet: 128 * mebibyte, crashes: 192 * mebibyte };
const exclusiveStartBytes = { quiet: 0, crashes: 32 * mebibyte };
const crashed = ['s1', 'd2', 'h1', 's4', 'v1', 'd3', 's3', 'h2', 'd1', 'v2', 's2'];

describe('a volume that two hosts share', function () {
  this.timeout(loadSeconds * 10_000 + realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let uris: { readonly shared: readonly string[]; readonly exclusive: string };
  before(async () => {
    place = await ClusterPlace.open({ shipped: 'two-tier' });
    cluster = await place.start();
    const { exports } = await cluster.status();
    const urisOf = (volume: string) =>
      exports.filter((each) => each.volume === volume).map(({ uri }) => uri);
    uris = { shared: urisOf('vol0'), exclusive: urisOf('vol1')[0] ?? '' };
    expect(uris.shared).to.have.length(2);
  });
  after(() => place?.close());

  /** The history of the shared volume through both hosts, and that of the other volume beside it. */
  function startHistories(part: keyof typeof historyStartBytes): readonly HistoryLoad[] {
    const { shared, exclusive } = uris;
    const common = { depth: 8, lengthBytes: historyBytes };
    const startBytes = historyStartBytes[part];
    const alone = { uris: [exclusive], clientsPerUri: 1, startBytes: exclusiveStartBytes[part] };
    const loads = [
      new HistoryLoad({ ...common, uris: shared, clientsPerUri: 2, startBytes }),
      new HistoryLoad({ ...common, ...alone }),
    ];
    for (const load of loads) load.start();
    return loads;
  }

  async function expectAllWell(loads: readonly HistoryLoad[]): Promise<void> {
    for (const load of loads) await load.untilTelling();
    for (const load of loads) await load.stop();
    for (const load of loads) await load.readBack();
    for (const load of loads) load.expectLinearizable();
    await expectEqualMirrors(cluster, sharedBytes);
    await expectEqualMirrors(cluster, exclusiveBytes, 'vol1');
  }

  it('is one history through both, while fio and nbdcopy work beside it through both', async function () {
    const fio = await toolFor(this, 'fio');
    const nbdcopy = await toolFor(this, 'nbdcopy');
    const loads = startHistories('quiet');
    const fioJobs = uris.shared.map((uri, host) =>
      runFio(fio, {
        uri,
        rw: 'randrw',
        blockBytes: 4096,
        depth: 8,
        sizeBytes: fioBytes,
        runtimeSeconds: loadSeconds,
        verify: true,
        more: [`--offset=${fioStartBytes[host]}`],
      }),
    );
    const image = join(place.folder, 'image');
    await writeRandomImage(image, copyBytes);
    const [first = '', second = ''] = uris.shared;
    for (const [into, from] of [
      [first, second],
      [second, first],
    ] as const) {
      const back = join(place.folder, 'back');
      await runToolWell(nbdcopy, ['--flush', image, into], loadSeconds * 10_000);
      await runToolWell(nbdcopy, [from, back], loadSeconds * 10_000);
      expect(await digestOf(back, copyBytes)).to.equal(await digestOf(image, copyBytes));
      await writeRandomImage(image, copyBytes);
    }
    for (const { errors } of await Promise.all(fioJobs)) expect(errors).to.equal(0);
    await expectAllWell(loads);
    for (const { recorder } of loads) expect(recorder.total('error')).to.equal(0);
  });

  it('stays one history while processes are killed: errors there may be, but no lies', async () => {
    const loads = startHistories('crashes');
    for (const node of isLongProof ? [...crashed, ...crashed] : crashed.slice(0, 2)) {
      await delay(500);
      await crashAndRecover(cluster, node);
    }
    await expectAllWell(loads);
  });
});
