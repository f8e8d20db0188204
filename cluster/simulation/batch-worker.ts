/** One process of a batch: runs the seeds that it is told to, one at a time, until its parent lets go of it. */
import { measuredRun } from './measured-run.ts';

/** What the parent asks for. */
export interface SeedOrder {
  readonly seed: number;
  readonly minutes: number;
}

process.on('message', ({ seed, minutes }: SeedOrder) => {
  process.send?.(measuredRun({ seed, minutes }));
});
process.on('disconnect', () => process.exit());
