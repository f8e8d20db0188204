/** What the dispatcher of a host works with. */
import type { Clock, Log } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import type { Hba } from '../hba/hba.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import type { WayQuery } from './path-failover.ts';
import type { Paths } from './paths.ts';
import type { SlotTable } from './slots.ts';
import type { SuspectReports } from './suspect-reports.ts';

export interface DispatcherParts {
  readonly clock: Clock;
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
  readonly actor: Actor;
  readonly log: Log;
  readonly paths: Paths;
  readonly hbas: readonly Hba[];
  readonly suspects: SuspectReports;
  /** Asks the virtualizer which ways are left. */
  readonly query: WayQuery;
  /** The ways that are preferred may be others. */
  readonly preferenceChanged: () => void;
}
