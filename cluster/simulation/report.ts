/** What a run or a batch of runs has shown, as text for people. */
import { addCounts, type Counts, type CoverageCounts, sumOf } from './coverage.ts';
import { faultNames } from './faults.ts';
import type { RunReport, Verdict } from './run.ts';

/** A run, and what it cost. */
export interface MeasuredRun {
  readonly report: RunReport;
  readonly virtualSecondsPerCoreSecond: number;
}

/** Answers that a volume with fixed coordinators and all its mirrors meets in what the simulation does to it. */
const expectedCodes = ['ok', 'path', 'staleGeneration', 'fenced', 'notLoaded', 'busy'];

export interface BatchSummary {
  readonly seeds: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly succeededIos: number;
  readonly faultsInFlight: number;
  readonly virtualSecondsPerCoreSecond: number;
  readonly coverage: CoverageCounts;
  /** Faults and codes that never occurred: a batch with any of them proves nothing about them. */
  readonly missing: readonly string[];
}

export function summaryOf(runs: readonly MeasuredRun[]): BatchSummary {
  const verdicts = { passed: 0, wrong: 0, stuck: 0, crashed: 0 };
  const coverage = { codes: {}, transitions: {}, faults: {}, faultsInFlight: {}, frames: {} };
  let succeededIos = 0;
  let virtualSeconds = 0;
  let coreSeconds = 0;
  for (const { report, virtualSecondsPerCoreSecond } of runs) {
    verdicts[report.verdict] += 1;
    succeededIos += report.ios.succeeded;
    virtualSeconds += report.virtualMs / 1000;
    coreSeconds += report.virtualMs / 1000 / virtualSecondsPerCoreSecond;
    for (const name of Object.keys(coverage) as (keyof CoverageCounts)[])
      addCounts(coverage[name], report.coverage[name]);
  }
  return {
    seeds: runs.length,
    verdicts,
    succeededIos,
    faultsInFlight: sumOf(coverage.faultsInFlight),
    virtualSecondsPerCoreSecond: coreSeconds === 0 ? 0 : virtualSeconds / coreSeconds,
    coverage,
    missing: missingOf(coverage),
  };
}

function missingOf({ faultsInFlight, codes }: CoverageCounts): readonly string[] {
  return [
    ...faultNames
      .filter((name) => faultsInFlight[name] === undefined)
      .map((name) => `fault ${name}`),
    ...expectedCodes.filter((name) => codes[name] === undefined).map((name) => `code ${name}`),
  ];
}

/** One line for each run. */
export function runLine({ report, virtualSecondsPerCoreSecond }: MeasuredRun): string {
  const { seed, verdict, ios, coverage, problems } = report;
  const [problem] = problems;
  return (
    `seed ${seed}: ${verdict}, ${ios.succeeded} of ${ios.started} I/Os succeeded, ` +
    `${sumOf(coverage.faultsInFlight)} of ${sumOf(coverage.faults)} faults met I/O under way, ` +
    `${virtualSecondsPerCoreSecond.toFixed(0)} virtual seconds per core-second` +
    (problem === undefined ? '' : `\n  ${problem}`)
  );
}

/** Everything that a run has met. */
export function runText(run: MeasuredRun): string {
  const { report } = run;
  const problems = report.problems.map((problem) => `\nproblem: ${problem}`);
  return (
    [runLine(run).split('\n', 1)[0], ...coverageLines(report.coverage)].join('\n') +
    problems.join('')
  );
}

/** What a batch of runs has met. */
export function batchText(summary: BatchSummary): string {
  const { seeds, verdicts, succeededIos, faultsInFlight, coverage, missing } = summary;
  return [
    `${seeds} seeds: ${countsText(verdicts)}`,
    `${succeededIos} I/Os succeeded, ${faultsInFlight} faults met I/O under way, ` +
      `${summary.virtualSecondsPerCoreSecond.toFixed(0)} virtual seconds per core-second`,
    ...coverageLines(coverage),
    missing.length === 0 ? 'nothing expected is missing' : `never occurred: ${missing.join(', ')}`,
  ].join('\n');
}

function coverageLines(coverage: CoverageCounts): readonly string[] {
  return [
    `faults: ${countsText(coverage.faults)}`,
    `of these with I/O under way: ${countsText(coverage.faultsInFlight)}`,
    `answers: ${countsText(coverage.codes)}`,
    `frames: ${countsText(coverage.frames)}`,
    'transitions:',
    ...namesOf(coverage.transitions).map((name) => `  ${name}: ${coverage.transitions[name]}`),
  ];
}

function countsText(counts: Counts): string {
  return namesOf(counts)
    .map((name) => `${name} ${counts[name]}`)
    .join(', ');
}

function namesOf(counts: Counts): readonly string[] {
  return Object.keys(counts).sort();
}
