/**
 * A coordinator that stands still in the middle of writes and goes on when its successor has long taken over: it finds
 * writes of before in its buffers, and sends them to disks (DESIGN I5, I6). Disks are slow when it is stopped, so that
 * they carry out writes whose answers it does not see: these are retried through its successor.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { faultSchema } from '../../../protocols/faults.ts';
import { ClusterOperator } from '../../tools/cluster-operator.ts';
import { expectEqualMirrors } from '../../tools/mirrors.ts';
import { isLongProof } from '../../tools/proof-length.ts';
import { ClusterPlace, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { faultStrike, pauseStrike } from '../../tools/strikes.ts';
import { untilAsync } from '../../tools/until.ts';
import { HistoryLoad } from './history-load.ts';

const mebibyte = 1024 * 1024;
const sharedBytes = 256 * mebibyte;
const pausedMs = 10_000;
/** Of disks, until the coordinator has been stopped: longer than that takes, shorter than anybody's patience. */
const slowMs = 150;
/** Then some of them are writes, and the next ones that come are no fewer. */
const openCallsMin = 16;
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

  interface SwitchCounts {
    /** Frames to disks that are not answered. */
    readonly openCalls: number;
    /** Writes that were sent again, of which the coordinator knew that they had been done or begun. */
    readonly joins: number;
  }

  const countsOf = async (id: string): Promise<SwitchCounts> => {
    const facts = (await operator.describe({ kind: 'switch', id }))?.facts;
    const { openCalls = 0 } = (facts?.counters ?? {}) as Partial<SwitchCounts>;
    const volumes = (facts?.volumes ?? []) as readonly (SwitchCounts & { volume: string })[];
    const joins = volumes.find(({ volume }) => volume === 'vol0')?.joins ?? 0;
    return { openCalls, joins };
  };

  /** Of all switches but one. */
  const joinsBeside = async (victim: string): Promise<number> => {
    const others = operator.topology.switches.filter(({ id }) => id !== victim);
    const counts = await Promise.all(others.map(({ id }) => countsOf(id)));
    return counts.reduce((sum, { joins }) => sum + joins, 0);
  };

  /** Stops a coordinator while disks carry out what it sent them. @returns how it goes on again */
  const pauseAmidWrites = async (victim: string): Promise<() => Promise<void>> => {
    const slow = operator.topology.disks.map(({ id }) =>
      faultStrike(faultSchema.parse({ target: `disk:${id}`, kind: 'slow', delayMs: slowMs })),
    );
    const { strike, heal } = await pauseStrike(operator, victim);
    await Promise.all(slow.map((each) => each.strike(operator)));
    const isWriting = async () => (await countsOf(victim)).openCalls >= openCallsMin;
    await untilAsync(isWriting, 'the coordinator to wait for disks');
    await strike(operator);
    await Promise.all(slow.map((each) => each.heal(operator)));
    return () => heal(operator);
  };

  for (let pause = 1; pause <= pauses; pause++)
    it(`changes nothing any more when it goes on${pauses > 1 ? `, time ${pause}` : ''}`, async () => {
      const part = { startBytes: pause * 16 * mebibyte, lengthBytes: 8 * mebibyte };
      const load = new HistoryLoad({ uris, clientsPerUri: 3, depth: 16, ...part });
      load.start();
      await delay(1000);
      const [victim = ''] = await coordinators();
      const joined = await joinsBeside(victim);
      const goOn = await pauseAmidWrites(victim);
      await delay(pausedMs);
      const successors = await coordinators();
      const retried = (await joinsBeside(victim)) - joined;
      await load.stop();
      expect(successors, 'others have taken over').to.not.include(victim);
      expect(retried, 'writes that were done, and were sent again').to.be.above(0);
      await load.readBack();
      const refused = await fenced();
      await goOn();
      await operator.untilWell();
      expect(await fenced(), 'what it still sent was refused').to.be.above(refused);
      await load.readBack();
      load.expectLinearizable();
      expect(load.recorder.total('error'), 'no client saw an error').to.equal(0);
      await expectEqualMirrors(cluster, sharedBytes);
    });
});
