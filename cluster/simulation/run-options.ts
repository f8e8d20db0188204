/** What one run of the simulation is. */
import type { Topology } from '../../protocols/topology.ts';
import type { TraceLine } from './trace.ts';

export interface RunOptions {
  readonly seed: string | number;
  /** How long consumers and faults last, in virtual time. */
  readonly minutes: number;
  readonly topology: Topology;
  /** The numbers of the faults that may strike; undefined: all. */
  readonly onlyFaults?: readonly number[] | undefined;
  /** One fault at a time, and none that is an error for consumers. */
  readonly alone?: boolean | undefined;
  readonly traceLine?: TraceLine | undefined;
}
