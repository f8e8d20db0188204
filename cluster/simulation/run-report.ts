/** What came of one run of the simulation. */
import type { ConsumerCounts } from './consumers.ts';
import type { CoverageCounts } from './coverage.ts';
import type { StruckFault } from './fault-schedule.ts';
import type { JudgedSectors } from './history-verdict.ts';

/**
 * - `passed`: nothing to object to.
 * - `wrong`: a checker objects to what consumers saw or to what disks hold.
 * - `stuck`: something did not end, or did not become healthy, in time.
 * - `crashed`: an exception, a machine that died, an error in a log.
 */
export type Verdict = 'passed' | 'wrong' | 'stuck' | 'crashed';

export interface RunReport {
  readonly seed: string | number;
  readonly minutes: number;
  readonly verdict: Verdict;
  /** Why; empty when it passed. */
  readonly problems: readonly string[];
  readonly virtualMs: number;
  readonly hosts: number;
  readonly ios: ConsumerCounts;
  /** None where a run ended before it was judged. */
  readonly judged: JudgedSectors;
  /** In the order in which they struck. */
  readonly faults: readonly StruckFault[];
  readonly coverage: CoverageCounts;
}
