import { setTimeout as delay } from 'node:timers/promises';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { HistoryLoad } from './history-load.ts';

const mebibyte = 1024 * 1024;
const volumeBytes = 896 * mebibyte;
const loadMs = isLongProof ? 120_000 : 4000;
const dropEveryMs = 500;

describe('what clients see of a volume', function () {
  this.timeout(loadMs * 2 + realTestTimeoutMs);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  before(async () => {
    place = await ClusterPlace.open();
    cluster = await place.start();
  });
  after(() => place?.close());

  it('is one history, while they hang up, come back and ask again', async () => {
    const load = new HistoryLoad({
      uris: [place.uri],
      clientsPerUri: 4,
      depth: 8,
      startBytes: 0,
      lengthBytes: 64 * mebibyte,
    });
    load.start();
    for (let at = 0; at < loadMs; at += dropEveryMs) {
      await delay(dropEveryMs);
      load.drop();
    }
    await load.stop();
    await load.readBack();
    load.expectLinearizable();
    await expectEqualMirrors(cluster, volumeBytes);
  });
});
