/** Two virtualizers on real processes (DESIGN V7): one decides, and the other one does when that one is gone. */
import { expect } from 'chai';
import { type Tool, toolFor } from '../../tools/fetch-tool.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { runTool } from '../../tools/run-tool.ts';
import type { RunningCluster } from '../../tools/running-cluster.ts';
import { untilAsync } from '../../tools/until.ts';

const takeoverTimeoutMs = 15_000;

describe('a cluster with two virtualizers', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ shipped: 'two-tier', store: 'memory' });
  let qemuIo: Tool;
  let cluster: RunningCluster;
  /** Those in a state. */
  const inState = async (state: string): Promise<readonly string[]> =>
    (await cluster.status()).actors
      .filter((actor) => actor.kind === 'virtualizer' && actor.state === state)
      .map(({ id }) => id);
  const untilOnly = (id: string, state: string) =>
    untilAsync(
      async () => (await inState(state)).join() === id,
      `only ${id} to be ${state}`,
      takeoverTimeoutMs,
    );
  const write = async () =>
    (await runTool(qemuIo, ['-f', 'raw', place().uri, '-c', 'write -P 7 0 2M'])).output;
  beforeEach(async function () {
    qemuIo = await toolFor(this, 'qemu-io');
    cluster = await place().start();
    await untilAsync(
      async () => (await inState('active')).length === 1,
      'one that decides',
      takeoverTimeoutMs,
    );
  });

  for (const how of ['pause', 'crash'])
    it(`goes on when the one that decides ${how === 'pause' ? 'stands still' : 'has crashed'}: a switch that is lost then is replaced`, async () => {
      const [active = ''] = await inState('active');
      const [standby = ''] = await inState('standby');
      await cluster.sanctor('fault', `virtualizer:${active}`, how);
      await untilOnly(standby, 'active');
      await cluster.sanctor('fault', 'switch:s1', 'crash');
      expect(await write()).to.contain('wrote 2097152/2097152');
      await cluster.sanctor('heal', '--all');
      await untilOnly(active, 'standby');
      await cluster.untilReady();
      expect(await inState('active')).to.deep.equal([standby]);
      expect(await write()).to.contain('wrote 2097152/2097152');
    });
});
