/** What many injections of one kind come to, and whether that is what is asked. Pure. */
import type { Verdict } from '../verdicts.ts';
import type { InjectionResult } from './injection.ts';
import type { InjectionKind } from './kinds.ts';

/** Fewer are judged by the longest of them: a percentile of a handful says nothing. */
export const percentileInjectionsMin = 200;

export interface PauseSummary {
  readonly title: string;
  readonly pauseMsMax: number | null;
  readonly injections: number;
  /** Of these, how many some I/O met: a host sent it again, or a switch found nobody at the end of a link. */
  readonly met: number;
  readonly pauseMs: Percentiles;
  readonly healingPauseMs: Percentiles;
  /** The target of the longest pause. */
  readonly worst: string;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The smallest of the values that at least `percent` of them do not exceed (nearest rank). 0 for no values. */
export function percentileOf(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? 0;
}

function percentilesOf(values: readonly number[]): Percentiles {
  const [p50, p99, max] = [50, 99, 100].map((percent) => percentileOf(values, percent));
  return { p50: p50 ?? 0, p99: p99 ?? 0, max: max ?? 0 };
}

export function summaryOf(
  { title, pauseMsMax }: Pick<InjectionKind, 'title' | 'pauseMsMax'>,
  results: readonly InjectionResult[],
): PauseSummary {
  const pauseMs = percentilesOf(results.map((each) => each.pauseMs));
  return {
    title: title.replaceAll('\n', ' '),
    pauseMsMax,
    injections: results.length,
    met: results.filter(({ reissues, linkDowns }) => reissues + linkDowns > 0).length,
    pauseMs,
    healingPauseMs: percentilesOf(results.map((each) => each.healingPauseMs)),
    worst: results.find((each) => each.pauseMs === pauseMs.max)?.what ?? '',
  };
}

/**
 * Whether the pauses are as short as is asked; null where nothing is asked, or nothing of the kind could be done.
 *
 * @param undisturbedMs what the same number comes to when nothing is struck: what the machine's other work costs
 */
export function verdictOf(summary: PauseSummary, undisturbedMs: number | null): Verdict | null {
  const { title, pauseMsMax, injections, pauseMs, worst } = summary;
  if (pauseMsMax === null || injections === 0) return null;
  const isEnough = injections >= percentileInjectionsMin;
  const judgedMs = judgedOf(summary);
  const passed = judgedMs <= pauseMsMax;
  const what = isEnough ? 'p99' : 'the longest';
  const text = [
    `${title}: ${what} of ${injections} is ${judgedMs.toFixed(1)} ms, ${pauseMsMax} ms asked`,
    ...(passed ? [] : [`the longest was ${pauseMs.max.toFixed(1)} ms, ${worst}`]),
    ...(undisturbedMs === null ? [] : [`undisturbed: ${undisturbedMs.toFixed(1)} ms`]),
  ].join('; ');
  return { passed, text: `${passed ? 'ok    ' : 'missed'}  ${text}` };
}

/** The number that is judged: the 99th percentile, or the longest where there are too few for it. */
export function judgedOf({ injections, pauseMs }: PauseSummary): number {
  return injections >= percentileInjectionsMin ? pauseMs.p99 : pauseMs.max;
}

export function verdictsOf(
  summaries: readonly PauseSummary[],
  undisturbed: PauseSummary | undefined,
): readonly Verdict[] {
  const undisturbedMs = undisturbed === undefined ? null : judgedOf(undisturbed);
  return summaries
    .map((summary) => verdictOf(summary, undisturbedMs))
    .filter((verdict) => verdict !== null);
}
