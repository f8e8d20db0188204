/** Load imbalance (DESIGN H7) on real processes: a switch that an operator makes slow loses its reads, and gets them back. */
import { expect } from 'chai';
import { idOf, type SwitchId } from '../../../protocols/ids.ts';
import { ClusterOperator } from '../../tools/cluster-operator.ts';
import { toolFor } from '../../tools/fetch-tool.ts';
import { beginFio } from '../../tools/fio.ts';
import { placePerTest, realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { replaced } from '../../tools/test-topology.ts';
import { untilAsync } from '../../tools/until.ts';

const mebibyte = 1024 * 1024;
const moveTimeoutMs = 30_000;
const framesSeen = 300;

const dwellOneSecond = (text: string) =>
  replaced(text, /^ {2}path: hops$/m, '  path: hops\n  imbalance: { dwellSeconds: 1 }');

describe('a switch that is slow', function () {
  this.timeout(realTestTimeoutMs);
  const place = placePerTest({ store: 'memory', changed: dwellOneSecond });

  it('loses the reads that went through it, gets them back when it is healed, and watch tells why', async function () {
    const fio = await toolFor(this, 'fio');
    const cluster = await place().start();
    const operator = await ClusterOperator.connect(cluster, place().topology);
    const job = { uri: place().uri, rw: 'randread', blockBytes: 4096, depth: 2 } as const;
    const load = beginFio(fio, { ...job, sizeBytes: 8 * mebibyte, runtimeSeconds: 100 });
    const framesAt = async (id: string) => {
      const told = await operator.describe({ kind: 'switch', id: idOf<SwitchId>(id) });
      if (told === null) throw new Error(`switch ${id} does not answer`);
      return (told.facts.counters as { receivedFrames: number }).receivedFrames;
    };
    /** How many frames come to each of both while one of them gets a good number. */
    const share = async () => {
      const count = async () => ({ s1: await framesAt('s1'), s2: await framesAt('s2') });
      const before = await count();
      let after = before;
      const grown = () => ({ s1: after.s1 - before.s1, s2: after.s2 - before.s2 });
      const isEnough = async () => {
        after = await count();
        return Math.max(grown().s1, grown().s2) >= framesSeen;
      };
      await untilAsync(isEnough, 'frames to be counted', moveTimeoutMs);
      return grown();
    };
    const avoided = async () => {
      const host = await operator.describe({ kind: 'host', id: 'h1' });
      const facts = host?.facts.load as { switch: string; avoided: boolean }[] | undefined;
      return (facts ?? []).filter((each) => each.avoided).map((each) => each.switch);
    };
    try {
      const before = await share();
      const [slow, other] =
        before.s1 > before.s2 ? (['s1', 's2'] as const) : (['s2', 's1'] as const);
      expect(before[slow]).to.be.above(before[other]);
      await cluster.sanctor('fault', `switch:${slow}`, 'slow', '--ms', '40');
      const isLeft = async () => (await avoided()).includes(slow);
      await untilAsync(isLeft, `${slow} to be avoided`, moveTimeoutMs);
      const during = await share();
      expect(during[slow], 'small frames that measure').to.be.below(during[other] / 3);
      const isJudged = async () =>
        operator.story.some((line) => line.includes('still avoid switch'));
      await untilAsync(isJudged, 'the move to be judged', moveTimeoutMs);
      await cluster.sanctor('heal', `switch:${slow}`);
      const isBack = async () => !(await isLeft());
      await untilAsync(isBack, `${slow} to be used again`, moveTimeoutMs);
      const after = await share();
      expect(after[slow]).to.be.above(after[other]);
      const story = operator.story.filter((line) => line.includes(`switch ${slow}`)).join('\n');
      expect(story).to.match(/balance +paths avoid switch s\d: .* ms, a way past it takes/);
      expect(story).to.match(/balance +paths use switch s\d again: /);
      expect((await load.stop()).errors).to.equal(0);
    } finally {
      if (!load.hasEnded) await load.stop().catch(() => {});
      await operator.close();
    }
  });
});
