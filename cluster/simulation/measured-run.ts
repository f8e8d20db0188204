/** Runs a seed and says what it cost. */
import type { MeasuredRun } from './report.ts';
import { Run } from './run.ts';
import { simulatedTopology } from './simulated-cluster.ts';
import type { TraceLine } from './trace.ts';

export interface SeedToRun {
  readonly seed: string | number;
  readonly minutes: number;
  readonly traceLine?: TraceLine | undefined;
}

/** Runs the seed to its end, in this process. */
export function measuredRun({ seed, minutes, traceLine }: SeedToRun): MeasuredRun {
  const topology = simulatedTopology();
  const before = process.cpuUsage();
  const report = new Run({ seed, minutes, topology, traceLine }).run();
  const { user, system } = process.cpuUsage(before);
  const coreMs = (user + system) / 1000;
  return { report, virtualSecondsPerCoreSecond: report.virtualMs / coreMs };
}
