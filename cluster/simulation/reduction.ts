/**
 * From a run that failed to the fewest faults that still show it (delta debugging: Zeller and Hildebrandt, "Simplifying
 * and isolating failure-inducing input", 2002), and to the shortest load. Every fault stands on its own
 * (`fault-schedule`), so that leaving some out leaves the others as they were; what the cluster makes of them may still
 * differ, which is why only runs that fail in the same way count.
 */
import { faultText } from './fault-schedule.ts';
import type { RunOrder } from './measured-run.ts';
import type { RunReport } from './run-report.ts';

/** More runs are not spent on one failure. */
export const reductionRunsMax = 100;

export type DoRun = (order: RunOrder) => RunReport;

export interface Reduction {
  /** Shows the failure; its faults are what is left. */
  readonly order: RunOrder;
  readonly report: RunReport;
  /** How many runs it took. */
  readonly runs: number;
}

export interface ReductionOptions {
  readonly runsMax: number;
  /** Told of each smaller failure. */
  readonly onProgress: (faults: number, minutes: number, runs: number) => void;
}

/** How often the load is halved. */
const shorteningRunsMax = 5;
/** What a fault may take to do its harm, when the load is cut behind it. */
const aftermathMinutes = 0.1;
/** The load begins once everything serves: about this long after the start of the world. */
const startMinutes = 0.05;

/**
 * Reduces a run that failed.
 *
 * @param report what `order` came to; its verdict is the one that must remain
 */
export function reduceFailure(
  order: RunOrder,
  report: RunReport,
  doRun: DoRun,
  options: ReductionOptions,
): Reduction {
  const reducing = new Reducing(order, report, doRun, options);
  reducing.shorten();
  reducing.leaveOut();
  reducing.shorten();
  return reducing.result;
}

class Reducing {
  readonly #doRun: DoRun;
  readonly #options: ReductionOptions;
  #order: RunOrder;
  #report: RunReport;
  #runs = 0;

  constructor(order: RunOrder, report: RunReport, doRun: DoRun, options: ReductionOptions) {
    this.#order = { ...order, onlyFaults: report.faults.map(({ number }) => number) };
    this.#report = report;
    this.#doRun = doRun;
    this.#options = options;
  }

  get result(): Reduction {
    return { order: this.#order, report: this.#report, runs: this.#runs };
  }

  /** Cuts what comes after the last fault, and then half by half whatever is not needed. */
  shorten(): void {
    const lastMs = this.#report.faults.at(-1)?.atMs ?? 0;
    this.#tryMinutes(lastMs / 60_000 - startMinutes + aftermathMinutes);
    let tooShort = 0;
    for (let tries = 0; tries < shorteningRunsMax; tries++) {
      const middle = (tooShort + this.#order.minutes) / 2;
      if (!this.#tryMinutes(middle)) tooShort = middle;
    }
  }

  /** Leaves out faults, piece by piece: large pieces first, then smaller ones; single faults until all are needed. */
  leaveOut(): void {
    let pieceLength = Math.ceil(this.#faults.length / 2);
    while (this.#faults.length > 0 && this.#hasRuns) {
      const isSmaller = this.#leaveOutPieces(pieceLength);
      if (pieceLength === 1 && !isSmaller) return;
      pieceLength = Math.ceil(pieceLength / 2);
    }
  }

  /** @returns whether any could be left out */
  #leaveOutPieces(pieceLength: number): boolean {
    let isSmaller = false;
    let at = 0;
    while (at < this.#faults.length) {
      const rest = [...this.#faults.slice(0, at), ...this.#faults.slice(at + pieceLength)];
      if (this.#try({ ...this.#order, onlyFaults: rest })) isSmaller = true;
      else at += pieceLength;
    }
    return isSmaller;
  }

  #tryMinutes(minutes: number): boolean {
    const rounded = Math.ceil(minutes * 1000) / 1000;
    return (
      rounded > 0 &&
      rounded < this.#order.minutes &&
      this.#try({ ...this.#order, minutes: rounded })
    );
  }

  /** @returns whether the order shows the failure too; then it is the one that is reduced further */
  #try(order: RunOrder): boolean {
    if (!this.#hasRuns) return false;
    this.#runs += 1;
    const report = this.#doRun(order);
    if (report.verdict !== this.#report.verdict) return false;
    // Faults that were not met any more are not needed.
    const onlyFaults = report.faults.map(({ number }) => number);
    this.#order = { ...order, onlyFaults };
    this.#report = report;
    this.#options.onProgress(onlyFaults.length, order.minutes, this.#runs);
    return true;
  }

  get #faults(): readonly number[] {
    return this.#order.onlyFaults ?? [];
  }

  get #hasRuns(): boolean {
    return this.#runs < this.#options.runsMax;
  }
}

/** The failure as people read it, with the command that shows it again. */
export function reductionText({ order, report, runs }: Reduction): string {
  const { faults, problems, verdict } = report;
  return [
    `reduced in ${runs} runs to ${faults.length} faults in ${order.minutes} virtual minutes: ${verdict}`,
    ...problems.slice(0, 1).map((problem) => `  ${problem}`),
    ...faults.map((fault) => `  ${faultText(fault)}`),
    `again: ${replayCommand(order)}`,
  ].join('\n');
}

/** The command line that does the same run. */
export function replayCommand({ seed, topology, minutes, onlyFaults, alone }: RunOrder): string {
  const numbers = onlyFaults?.length === 0 ? 'none' : onlyFaults?.join(',');
  const faults = numbers === undefined ? '' : ` --only-faults ${numbers}`;
  const mode = alone === true ? ' --alone' : '';
  return `sanctor sim --seed ${seed} --topology ${topology} --minutes ${minutes}${mode}${faults}`;
}
