/** What is wrong with a run, as it comes up: the first thing decides what kind of failure it is. */
import type { Verdict } from './run-report.ts';

const problemsKept = 20;

export class RunVerdict {
  /** In words, in the order in which they came up. */
  readonly problems: string[] = [];
  #verdict: Verdict = 'passed';

  get verdict(): Verdict {
    return this.#verdict;
  }

  get hasFailed(): boolean {
    return this.#verdict !== 'passed';
  }

  fail(verdict: Verdict, problem: string): void {
    if (this.#verdict === 'passed') this.#verdict = verdict;
    if (this.problems.length < problemsKept) this.problems.push(problem);
  }

  /** Something was wrong before all that came up. */
  explain(problem: string): void {
    this.#verdict = 'wrong';
    this.problems.unshift(problem);
  }
}
