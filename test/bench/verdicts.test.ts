import { expect } from 'chai';
import type { FioResult } from '../tools/fio.ts';
import type { BareChainResult, ChainResult } from './bare-chain.ts';
import { judge } from './verdicts.ts';

function chainResult(iosPerSecond: number, latencyMsMedian: number): ChainResult {
  return { iosPerSecond, latencyMsMedian, latencyMsP99: latencyMsMedian };
}

function fioResult(iops: number, latencyMedianMs: number): FioResult {
  const latencies = { latencyMeanMs: latencyMedianMs, latency99Ms: latencyMedianMs };
  return { iops, bytesPerSecond: iops * 4096, latencyMedianMs, ...latencies, errors: 0 };
}

const chain: BareChainResult = {
  read: { depth1: chainResult(3000, 0.3), depth32: chainResult(20_000, 1.5) },
  write: { depth1: chainResult(2000, 0.5), depth32: chainResult(10_000, 3) },
};

describe('what the benchmarks ask for', () => {
  it('is fulfilled by a volume at its limits', () => {
    const verdicts = judge(chain, {
      readDepth1: fioResult(1300, 0.75),
      readDepth32: fioResult(9000, 3.5),
      writeDepth32: fioResult(2000, 16),
    });
    expect(verdicts.map(({ passed }) => passed)).to.deep.equal([true, true, true]);
    expect(verdicts.every(({ text }) => text.startsWith('PASS'))).to.equal(true);
  });

  it('is missed by a volume just below them, and each line says by what', () => {
    const verdicts = judge(chain, {
      readDepth1: fioResult(1300, 0.76),
      readDepth32: fioResult(8980, 3.5),
      writeDepth32: fioResult(1990, 16),
    });
    expect(verdicts.map(({ passed }) => passed)).to.deep.equal([false, false, false]);
    const [read, write, latency] = verdicts.map(({ text }) => text);
    expect(read).to.match(/^FAIL .*44\.9 % of the bare read chain.*45\.0 % asked/);
    expect(write).to.match(/^FAIL .*10\.0 % of the read chain.*19\.9 % of the bare mirrored-write/);
    expect(latency).to.match(/^FAIL .*2\.53 × the bare read chain, 2\.5 × allowed/);
  });
});
