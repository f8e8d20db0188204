/** What came of many power cuts. */
import type { LogEntry } from '../../tools/write-log.ts';

export interface CutReport {
  readonly recordings: number;
  /** Of the logs. */
  readonly entries: number;
  /** Prefixes of logs behind which the power failed. */
  readonly points: number;
  /** Power cuts: what was not flushed may be there or not in several ways. */
  readonly cuts: number;
  readonly failed: readonly FailedCut[];
}

export interface FailedCut {
  /** `main.ts` takes it, to do the same again. */
  readonly name: string;
  readonly problems: readonly string[];
}

/** Whether the power fails behind a prefix, by its length and its number among those that are worth looking at. */
export type PointChoice = (entries: number, index: number) => boolean;

/** Each `every`th, beginning with number `first`, from 0. */
export function eachOf(every: number, first = 0): PointChoice {
  return (_, index) => index % every === first;
}

/**
 * How long the prefixes of a log are at whose ends the power fails: of those that end with an entry behind which
 * another image may be found, or another one must be.
 */
export function pointsOf<Mark>(
  entries: readonly LogEntry<Mark>[],
  choice: PointChoice,
): readonly number[] {
  return entries
    .map((entry, index) => ({ entry, count: index + 1 }))
    .filter(({ entry: { kind } }) => kind !== 'written' && kind !== 'flush')
    .map(({ count }) => count)
    .filter(choice);
}

export function joined(reports: readonly CutReport[]): CutReport {
  const total = (of: (report: CutReport) => number) =>
    reports.reduce((sum, report) => sum + of(report), 0);
  return {
    recordings: total(({ recordings }) => recordings),
    entries: total(({ entries }) => entries),
    points: total(({ points }) => points),
    cuts: total(({ cuts }) => cuts),
    failed: reports.flatMap(({ failed }) => failed),
  };
}

/** For people: one line. */
export function cutsText({ recordings, entries, points, cuts, failed }: CutReport): string {
  return `${recordings} recordings with ${entries} entries; ${cuts} power cuts behind ${points} of them, ${failed.length} of them wrong`;
}
