import { expect } from 'chai';
import { realTestTimeoutMs } from '../../tools/real-clusters.ts';
import { failoverDefaults, measureFailover } from './failover-bench.ts';

describe('the failover benchmark', function () {
  this.timeout(realTestTimeoutMs);

  it('strikes a real cluster under load, finds each pause, and a consumer that saw no error', async () => {
    const only = ['link', 'hba', 'killed'] as const;
    const said: string[] = [];
    const scale = { ...failoverDefaults, injections: 1, warmUpIos: 10, only };
    const report = await measureFailover(scale, (line) => said.push(line));
    expect(report.summaries.map(({ injections }) => injections)).to.deep.equal([1, 1, 1]);
    expect(report.summaries[2]?.met, 'the coordinator was killed under I/O').to.equal(1);
    for (const name of only) {
      const [result] = report.results[name] ?? [];
      expect(result?.pauseMs, name).to.be.above(0);
      expect(result?.ios, name).to.be.at.least(32 * 20);
    }
    expect(said, 'two kinds, then the one that starts a process').to.have.length(7);
  });
});
