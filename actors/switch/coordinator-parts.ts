/** What the coordinators and the settling of a switch work with. */
import type { RepairFields } from '../../protocols/events.ts';
import type { DiskId, SwitchId } from '../../protocols/ids.ts';
import type { Incarnation } from '../../protocols/units.ts';
import type { Answers } from './answers.ts';
import type { CachedReads } from './cached-reads.ts';
import type { Forwarding } from './forwarding.ts';
import type { LegCalls } from './leg-calls.ts';
import type { Partition } from './partition.ts';
import type { Refusals } from './refusals.ts';
import type { CommandPorts } from './unfinished-writes.ts';

/** Tells the machines of partitions what happened; they publish the modes that the data path works by. */
export interface PartitionSteering {
  assigned(partition: Partition): void;
  settled(partition: Partition): void;
  troubled(partition: Partition, what: string): void;
  /** Another switch is to take it over. */
  yields(partition: Partition): void;
  /** It was decided anew, and nothing has changed for it. */
  kept(partition: Partition): void;
  released(partition: Partition): void;
}

/** What a switch does with requests that span several parts; for all its volumes. */
export interface SpanningRules {
  /** False: it refuses them. */
  readonly serializes: boolean;
  readonly counters: {
    /** Requests that were carried out part after part: each took as long as all its parts together. */
    serializedSpans: number;
  };
}

export interface CoordinatorParts {
  readonly self: SwitchId;
  readonly incarnation: Incarnation;
  readonly calls: LegCalls;
  readonly forwarding: Forwarding;
  readonly answers: Answers;
  /** Of the volume. */
  readonly refusals: Refusals;
  readonly commands: CommandPorts;
  /** Null where the switch has no read cache. */
  readonly cachedReads: CachedReads | null;
  readonly spanning: SpanningRules;
  readonly steering: PartitionSteering;
  /** Of the volume: those that said, since it was decided about last, that they cannot do what was asked of them. */
  readonly failedDisks: Set<DiskId>;
  /** The most that is copied to mirrors that are being made equal beside consumers' I/O; for each volume. */
  readonly resyncBytesPerSecond: number;
  /** Tells everybody what became of bad blocks. */
  readonly tellRepair: (fields: RepairFields) => void;
  /** Whether special error codes name alternates, or are bare. */
  readonly namesAlternates: boolean;
}

export interface CoordinatorCounters {
  writes: number;
  /** Of shared volumes. */
  reads: number;
  /** I/Os that had to wait for an earlier one. */
  waits: number;
  /** Retries of I/Os that were known. */
  joins: number;
  troubles: number;
  /** Times that blocks which were bad on a mirror were made good again. */
  repairs: number;
}

export function newCoordinatorCounters(): CoordinatorCounters {
  return { writes: 0, reads: 0, waits: 0, joins: 0, troubles: 0, repairs: 0 };
}
