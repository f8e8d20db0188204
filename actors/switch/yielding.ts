/**
 * How a coordinator lets go of partitions that another switch is to take over: it takes nothing new, and what is open
 * goes on to its end. Nothing rests on that: who takes over asks for what is unfinished all the same, and disks refuse
 * what comes late. It makes a planned move short.
 */
import type { PartitionSteering } from './coordinator-parts.ts';
import type { Partition } from './partition.ts';

/** @param done called once nothing is open any more; not when the epoch of one of them ends before */
export function yieldPartitions(
  partitions: readonly Partition[],
  steering: PartitionSteering,
  done: () => void,
): void {
  let left = partitions.length;
  if (left === 0) done();
  for (const partition of partitions) steering.yields(partition);
  for (const partition of partitions)
    partition.whenEmpty(() => {
      left--;
      if (left === 0) done();
    });
}
