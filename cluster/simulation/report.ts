/** What a run or a batch of runs has shown, as text for people. */
import { addCounts, type Counts, type CoverageCounts, emptyCoverage, sumOf } from './coverage.ts';
import { missingFrom, untrueExemptions } from './expected-coverage.ts';
import type { JudgedSectors } from './history-verdict.ts';
import type { RunOrder } from './measured-run.ts';
import type { RunReport, Verdict } from './run-report.ts';
import { whyNotCounting } from './seeds-that-count.ts';

/** A run, and what it cost. */
export interface MeasuredRun {
  readonly order: RunOrder;
  readonly report: RunReport;
  readonly virtualSecondsPerCoreSecond: number;
}

export interface BatchSummary {
  readonly runs: number;
  /** Those that count (DESIGN §8). */
  readonly counting: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly succeededIos: number;
  readonly judged: JudgedSectors;
  readonly faultsInFlight: number;
  readonly virtualSecondsPerCoreSecond: number;
  readonly coverage: CoverageCounts;
  /** What never occurred, and ought to: a batch with any of it proves nothing about it. */
  readonly missing: readonly string[];
  /** What occurred, and is said not to. */
  readonly untrueExemptions: readonly string[];
}

export function summaryOf(runs: readonly MeasuredRun[]): BatchSummary {
  const verdicts = { passed: 0, wrong: 0, stuck: 0, crashed: 0 };
  const coverage = emptyCoverage();
  const judged = { sectors: 0, unclear: 0 };
  let succeededIos = 0;
  let virtualSeconds = 0;
  let coreSeconds = 0;
  for (const { report, virtualSecondsPerCoreSecond } of runs) {
    verdicts[report.verdict] += 1;
    succeededIos += report.ios.succeeded;
    judged.sectors += report.judged.sectors;
    judged.unclear += report.judged.unclear;
    virtualSeconds += report.virtualMs / 1000;
    coreSeconds += report.virtualMs / 1000 / virtualSecondsPerCoreSecond;
    for (const name of Object.keys(coverage) as (keyof CoverageCounts)[])
      addCounts(coverage[name], report.coverage[name]);
  }
  return {
    runs: runs.length,
    counting: runs.filter(({ report }) => whyNotCounting(report).length === 0).length,
    verdicts,
    succeededIos,
    judged,
    faultsInFlight: sumOf(coverage.faultsInFlight),
    virtualSecondsPerCoreSecond: coreSeconds === 0 ? 0 : virtualSeconds / coreSeconds,
    coverage,
    missing: missingFrom(coverage),
    untrueExemptions: untrueExemptions(coverage),
  };
}

/** One line for each run. */
export function runLine({ order, report, virtualSecondsPerCoreSecond }: MeasuredRun): string {
  const { verdict, ios, coverage, problems } = report;
  const [problem] = problems;
  const reasons = whyNotCounting(report);
  return (
    `seed ${order.seed} on ${order.topology}: ${verdict}, ${ios.succeeded} of ${ios.started} I/Os succeeded, ` +
    `${sumOf(coverage.faultsInFlight)} of ${sumOf(coverage.faults)} faults met I/O under way, ` +
    `${virtualSecondsPerCoreSecond.toFixed(0)} virtual seconds per core-second, ` +
    (reasons.length === 0 ? 'counts' : `does not count (${reasons.join('; ')})`) +
    (problem === undefined ? '' : `\n  ${problem}`)
  );
}

/** Everything that a run has met. */
export function runText(run: MeasuredRun): string {
  const { report } = run;
  const problems = report.problems.map((problem) => `\nproblem: ${problem}`);
  return (
    [
      runLine(run).split('\n', 1)[0],
      judgedText(report.judged),
      ...coverageLines(report.coverage),
    ].join('\n') + problems.join('')
  );
}

/** What a batch of runs has met. */
export function batchText(summary: BatchSummary): string {
  const { runs, counting, verdicts, succeededIos, faultsInFlight, coverage, missing } = summary;
  return [
    `${runs} runs: ${countsText(verdicts)}; ${counting} of them count`,
    `${succeededIos} I/Os succeeded, ${faultsInFlight} faults met I/O under way, ` +
      `${summary.virtualSecondsPerCoreSecond.toFixed(0)} virtual seconds per core-second`,
    judgedText(summary.judged),
    ...coverageLines(coverage),
    listText('nothing expected is missing', 'never occurred', missing),
    listText('no exemption is untrue', 'occurred, and is exempt', summary.untrueExemptions),
  ].join('\n');
}

function judgedText({ sectors, unclear }: JudgedSectors): string {
  return `${sectors} sectors were judged; nothing can be said of ${unclear} of them`;
}

function coverageLines(coverage: CoverageCounts): readonly string[] {
  return [
    `policies: ${countsText(coverage.policies)}`,
    `faults: ${countsText(coverage.faults)}`,
    `of these with I/O under way: ${countsText(coverage.faultsInFlight)}`,
    `answers: ${countsText(coverage.codes)}`,
    `reads from: ${countsText(coverage.reads)}`,
    `moves for load: ${countsText(coverage.loadMoves)}`,
    `mirrors: ${countsText(coverage.mirrors)}`,
    `frames: ${countsText(coverage.frames)}`,
    'transitions:',
    ...namesOf(coverage.transitions).map((name) => {
      const inFlight = coverage.transitionsInFlight[name] ?? 0;
      return `  ${name}: ${coverage.transitions[name]}, ${inFlight} with I/O under way`;
    }),
  ];
}

function listText(none: string, some: string, what: readonly string[]): string {
  return what.length === 0 ? none : `${some}:${what.map((each) => `\n  ${each}`).join('')}`;
}

function countsText(counts: Counts): string {
  return namesOf(counts)
    .map((name) => `${name} ${counts[name]}`)
    .join(', ');
}

function namesOf(counts: Counts): readonly string[] {
  return Object.keys(counts).sort();
}
