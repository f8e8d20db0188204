/** The pauses as a table for people, with what peers publish below it. */
import Table from 'cli-table3';
import type { PauseSummary, Percentiles } from './pauses.ts';
import { peers } from './peers.ts';

const head = [
  'struck',
  'asked',
  'p50',
  'p99',
  'max',
  'while it\nheals: asked',
  'p99',
  'max',
  'injections',
  'met by\nI/O',
];

export function pauseTable(summaries: readonly PauseSummary[]): string {
  const table = new Table({
    head: [...head],
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const summary of summaries) table.push(rowOf(summary));
  return table.toString();
}

function rowOf(summary: PauseSummary): string[] {
  const { title, pauseMsMax, healingMsMax, injections, met, pauseMs, healingPauseMs } = summary;
  const limit = (ms: number | null) => (ms === null ? '' : `${ms} ms`);
  const [asked, askedHealing] = [limit(pauseMsMax), limit(healingMsMax)];
  if (injections === 0) return [title, asked, '', '', '', askedHealing, '', '', 'not in use', ''];
  const shown = (of: keyof Percentiles, from: Percentiles) => `${from[of].toFixed(1)} ms`;
  return [
    title,
    asked,
    shown('p50', pauseMs),
    shown('p99', pauseMs),
    shown('max', pauseMs),
    askedHealing,
    shown('p99', healingPauseMs),
    shown('max', healingPauseMs),
    String(injections),
    String(met),
  ];
}

export function peersText(): string {
  const width = Math.max(...peers.map(({ name }) => name.length));
  const lines = peers.map(({ name, by }) => `  ${name.padEnd(width)}  ${by}`);
  return ['Published defaults of others:', ...lines].join('\n');
}
