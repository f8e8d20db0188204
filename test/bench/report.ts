/** Results as a table for people. */
import Table from 'cli-table3';
import type { FioResult } from '../tools/fio.ts';
import type { BareChainResult, ChainResult } from './bare-chain.ts';
import { type BenchJob, jobs } from './jobs.ts';
import type { BenchRow } from './targets.ts';

const chainName = 'bare chain of NATS messages';
const durableWidth = 24;

/** One row per target; the bare chain is the first when it was measured. */
export function tableOf(chain: BareChainResult | null, rows: readonly BenchRow[]): string {
  const table = new Table({
    head: ['', 'an answered write is', ...jobs.map(({ title, unit }) => `${title}\n${unit}`)],
    colAligns: ['left', 'left', ...jobs.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
    colWidths: [durableWidth, durableWidth],
    wordWrap: true,
  });
  if (chain !== null) {
    table.push([chainName, 'not stored', ...jobs.map((job) => chainCell(chain, job))]);
  }
  for (const { name, durable, results } of rows) {
    table.push([name, durable, ...jobs.map((job) => cell(results[job.name], job))]);
  }
  return table.toString();
}

function cell(result: FioResult | undefined, { unit, fio }: BenchJob): string {
  if (result === undefined) return '';
  if (unit === 'MB/s') return whole(result.bytesPerSecond / 1e6);
  return fio.depth === 1
    ? `${whole(result.iops)}\n${result.latencyMedianMs.toFixed(3)} ms`
    : whole(result.iops);
}

function chainCell(chain: BareChainResult, { name }: BenchJob): string {
  const shown = (result: ChainResult) => whole(result.iosPerSecond);
  const withLatency = (result: ChainResult) =>
    `${shown(result)}\n${result.latencyMsMedian.toFixed(3)} ms`;
  switch (name) {
    case 'readDepth1':
      return withLatency(chain.read.depth1);
    case 'readDepth32':
      return shown(chain.read.depth32);
    case 'writeDepth1':
      return withLatency(chain.write.depth1);
    case 'writeDepth32':
      return shown(chain.write.depth32);
    default:
      return '';
  }
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
