/** Runs a seed and says what it cost. */
import { drawnPolicies } from './drawn-policies.ts';
import type { MeasuredRun } from './report.ts';
import { Run } from './run.ts';
import { simulatedTopology } from './simulated-cluster.ts';
import type { TopologyName } from './topology-names.ts';
import type { TraceLine } from './trace.ts';

/** What a run does, as plain data: the same order gives the same run. */
export interface RunOrder {
  readonly seed: number;
  readonly topology: TopologyName;
  readonly minutes: number;
  /** The numbers of the faults that may strike; undefined: all. */
  readonly onlyFaults?: readonly number[] | undefined;
  /** One fault at a time, and none that is an error for consumers. */
  readonly alone?: boolean | undefined;
}

/** Runs the seed to its end, in this process. */
export function measuredRun(order: RunOrder, traceLine?: TraceLine): MeasuredRun {
  const policies = drawnPolicies(order.seed, order.alone === true);
  const topology = simulatedTopology(order.topology, policies);
  const before = process.cpuUsage();
  const report = new Run({ ...order, topology, traceLine }).run();
  const { user, system } = process.cpuUsage(before);
  const coreMs = (user + system) / 1000;
  return { order, report, virtualSecondsPerCoreSecond: report.virtualMs / coreMs };
}
