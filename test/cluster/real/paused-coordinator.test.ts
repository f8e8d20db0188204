/**
 * A coordinator that stands still in the middle of writes and goes on when its successor has long taken over: it finds
 * writes of before in its buffers, and sends them to disks (DESIGN I5, I6).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { ClusterOperator } from '../../tools/cluster-operator.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { pauseStrike } from '../../tools/strikes.ts';
import { HistoryLoad } from './history-load.ts';

const mebibyte = 1024 * 1024;
const sharedBytes = 256 * mebibyte;
const pausedMs = 10_000;
const pauses = isLongProof ? 6 : 1;

describe('a coordinator that was paused for ten seconds in the middle of writes', function () {
  this.timeout(realTestTimeoutMs * pauses);
  let place: ClusterPlace;
  let cluster: RunningCluster;
  let operator: ClusterOperator;
  let uris: readonly string[];
  before(async () => {
    place = await ClusterPlace.open({ shipped: 'two-tier' });
    cluster = await place.start();
    operator = await ClusterOperator.connect(cluster, place.topology);
    const { exports } = await operator.status();
    uris = exports.filter(({ volume }) => volume === 'vol0').map(({ uri }) => uri);
  });
  after(async () => {
    await operator?.close();
    await place?.close();
  });

  const coordinators = async (): Promise<readonly string[]> => {
    const { coordinators: all } = await operator.status();
    return all.filter(({ volume }) => volume === 'vol0').map((each) => String(each.switch));
  };

  /** How many frames disks have refused for their epochs. */
  const fenced = async (): Promise<number> => {
    let sum = 0;
    for (const { id } of operator.topology.disks) {
      const told = await operator.describe({ kind: 'disk', id });
      sum += Number((told?.facts.counters as { fenced?: number } | undefined)?.fenced ?? 0);
    }
    return sum;
  };

  for (let pause = 1; pause <= pauses; pause++)
    it(`changes nothing any more when it goes on${pauses > 1 ? `, time ${pause}` : ''}`, async () => {
      const part = { startBytes: pause * 16 * mebibyte, lengthBytes: 8 * mebibyte };
      const load = new HistoryLoad({ uris, clientsPerUri: 3, depth: 16, ...part });
      load.start();
      await delay(1000);
      const [victim = ''] = await coordinators();
      const { strike, heal } = await pauseStrike(operator, victim);
      await strike(operator);
      await delay(pausedMs);
      expect(await coordinators(), 'others have taken over').to.not.include(victim);
      await load.stop();
      await load.readBack();
      const refused = await fenced();
      await heal(operator);
      await operator.untilWell();
      expect(await fenced(), 'what it still sent was refused').to.be.above(refused);
      await load.readBack();
      load.expectLinearizable();
      expect(load.recorder.total('error'), 'no client saw an error').to.equal(0);
      await expectEqualMirrors(cluster, sharedBytes);
    });
});
