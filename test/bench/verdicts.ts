/**
 * What issue and design ask of the numbers, as ratios of one run on one machine: they hold on a slow machine as on a
 * fast one. Pure; measuring is done elsewhere.
 */
import type { FioResult } from '../tools/fio.ts';
import type { BareChainResult } from './bare-chain.ts';

export interface Verdict {
  readonly passed: boolean;
  readonly text: string;
}

export interface VolumeNumbers {
  readonly readDepth1: FioResult;
  readonly readDepth32: FioResult;
  readonly writeDepth32: FioResult;
}

const readShareMin = 0.45;
const writeShareMin = 0.2;
const latencyFactorMax = 2.5;

/**
 * Judges a volume by the bare chains of the same run. The write's yardstick is the chain of a mirrored write's six
 * messages, and, shown beside it and not judged, the chain of a read's three.
 */
export function judge(chain: BareChainResult, volume: VolumeNumbers): readonly Verdict[] {
  const { readDepth1, readDepth32, writeDepth32 } = volume;
  const ofReadChain = writeDepth32.iops / chain.read.depth32.iosPerSecond;
  return [
    atLeast('4 KiB random read, depth 32', 'the bare read chain (3 messages)', readShareMin, {
      iops: readDepth32.iops,
      chain: chain.read.depth32.iosPerSecond,
    }),
    atLeast(
      `4 KiB random write, depth 32 (${percent(ofReadChain)} of the read chain)`,
      'the bare mirrored-write chain (6 messages)',
      writeShareMin,
      { iops: writeDepth32.iops, chain: chain.write.depth32.iosPerSecond },
    ),
    latency(readDepth1.latencyMedianMs, chain.read.depth1.latencyMsMedian),
  ];
}

function atLeast(
  what: string,
  yardstick: string,
  shareMin: number,
  { iops, chain }: { iops: number; chain: number },
): Verdict {
  const share = iops / chain;
  const text = `${what}: ${percent(share)} of ${yardstick}, ${percent(shareMin)} asked`;
  return verdict(share >= shareMin, `${text} (${whole(iops)} / ${whole(chain)} I/O per s)`);
}

function latency(volumeMs: number, chainMs: number): Verdict {
  const factor = volumeMs / chainMs;
  return verdict(
    factor <= latencyFactorMax,
    `4 KiB random read, depth 1, median latency: ${factor.toFixed(2)} × the bare read chain, ` +
      `${latencyFactorMax} × allowed (${volumeMs.toFixed(3)} / ${chainMs.toFixed(3)} ms)`,
  );
}

function verdict(passed: boolean, text: string): Verdict {
  return { passed, text: `${passed ? 'PASS' : 'FAIL'}  ${text}` };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
