/** What many injections of one kind come to, and whether that is what is asked. Pure. */
import type { Verdict } from '../verdicts.ts';
import type { InjectionResult } from './injection.ts';
import type { InjectionKind } from './kinds.ts';

/** Fewer are judged by the longest of them: a percentile of a handful says nothing. */
export const percentileInjectionsMin = 200;

export interface PauseSummary {
  readonly title: string;
  readonly pauseMsMax: number | null;
  readonly healingMsMax: number | null;
  readonly metShareMin: number | null;
  readonly injections: number;
  /** Of these, how many some I/O met: a host sent it again, or a switch found nobody at the end of a link. */
  readonly met: number;
  readonly pauseMs: Percentiles;
  readonly healingPauseMs: Percentiles;
  /** The targets of the longest of each. */
  readonly worst: string;
  readonly worstHealing: string;
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

/** What is asked of a kind. */
export type AskedOf = Pick<InjectionKind, 'title' | 'pauseMsMax' | 'healingMsMax' | 'metShareMin'>;

export function summaryOf(
  { title, ...asked }: AskedOf,
  results: readonly InjectionResult[],
): PauseSummary {
  const pauseMs = percentilesOf(results.map((each) => each.pauseMs));
  const healingPauseMs = percentilesOf(results.map((each) => each.healingPauseMs));
  return {
    title: title.replaceAll('\n', ' '),
    pauseMsMax: asked.pauseMsMax,
    healingMsMax: asked.healingMsMax,
    metShareMin: asked.metShareMin,
    injections: results.length,
    met: results.filter(({ reissues, linkDowns }) => reissues + linkDowns > 0).length,
    pauseMs,
    healingPauseMs,
    worst: results.find((each) => each.pauseMs === pauseMs.max)?.what ?? '',
    worstHealing: results.find((each) => each.healingPauseMs === healingPauseMs.max)?.what ?? '',
  };
}

/**
 * Whether the pauses of a kind are as short as is asked, those while it heals too, and whether its injections were met;
 * nothing of what is not asked, nor where nothing of the kind could be done.
 *
 * @param undisturbed the kind that strikes nothing: what the machine's other work costs
 */
export function verdictsOf(
  summary: PauseSummary,
  undisturbed: PauseSummary | undefined,
): readonly Verdict[] {
  const { title, injections, pauseMsMax, healingMsMax, pauseMs, healingPauseMs } = summary;
  if (injections === 0) return [];
  const pause = judged(`${title}:`, pauseMsMax, {
    injections,
    pauseMs,
    worst: summary.worst,
    undisturbedMs: undisturbed === undefined ? null : judgedOf(undisturbed),
  });
  const healing = judged(`${title}, while it heals:`, healingMsMax, {
    injections,
    pauseMs: healingPauseMs,
    worst: summary.worstHealing,
    undisturbedMs:
      undisturbed === undefined
        ? null
        : judgedOf({ ...undisturbed, pauseMs: undisturbed.healingPauseMs }),
  });
  return [pause, healing, metVerdict(summary)].filter((verdict) => verdict !== null);
}

interface Judged extends Pick<PauseSummary, 'injections' | 'pauseMs' | 'worst'> {
  readonly undisturbedMs: number | null;
}

function judged(
  what: string,
  msMax: number | null,
  { injections, pauseMs, worst, undisturbedMs }: Judged,
): Verdict | null {
  if (msMax === null) return null;
  const judgedMs = judgedOf({ injections, pauseMs });
  const passed = judgedMs <= msMax;
  const number = injections >= percentileInjectionsMin ? 'p99' : 'the longest';
  const text = [
    `${what} ${number} of ${injections} is ${judgedMs.toFixed(1)} ms, ${msMax} ms asked`,
    ...(passed ? [] : [`the longest was ${pauseMs.max.toFixed(1)} ms, ${worst}`]),
    ...(undisturbedMs === null ? [] : [`undisturbed: ${undisturbedMs.toFixed(1)} ms`]),
  ].join('; ');
  return verdict(passed, text);
}

/** Pauses of what no I/O met are none. */
function metVerdict({ title, injections, met, metShareMin }: PauseSummary): Verdict | null {
  if (metShareMin === null) return null;
  const asked = `${metShareMin * 100} % asked`;
  return verdict(
    met >= metShareMin * injections,
    `${title}: ${met} of ${injections} met by I/O, ${asked}`,
  );
}

function verdict(passed: boolean, text: string): Verdict {
  return { passed, text: `${passed ? 'ok    ' : 'missed'}  ${text}` };
}

/** The number that is judged: the 99th percentile, or the longest where there are too few for it. */
export function judgedOf({
  injections,
  pauseMs,
}: Pick<PauseSummary, 'injections' | 'pauseMs'>): number {
  return injections >= percentileInjectionsMin ? pauseMs.p99 : pauseMs.max;
}
