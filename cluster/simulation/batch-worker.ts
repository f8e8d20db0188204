/** One process of a batch: does the runs that it is told to, one at a time, until its parent lets go of it. */
import { measuredRun, type RunOrder } from './measured-run.ts';

process.on('message', (order: RunOrder) => {
  process.send?.(measuredRun(order));
});
process.on('disconnect', () => process.exit());
