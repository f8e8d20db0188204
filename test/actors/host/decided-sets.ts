/** What decisions make of mirror sets, one after the other: their event counts, and since when mirrors are what they are. */
import type { MirrorSetRecord, MirrorState } from '../../../protocols/control-data.ts';
import { type EventCount, type PartitionEpoch, unitOf } from '../../../protocols/units.ts';

type Decided = Omit<MirrorSetRecord, 'set'>;

export class DecidedSets {
  /** By set; those that no decision has spoken of are not among them. */
  records: Readonly<Record<string, Decided>> = {};

  /** The next decision has mirrors in these states, by set. */
  take(mirrors: Readonly<Record<string, readonly MirrorState[]>> = {}): void {
    for (const [set, states] of Object.entries(mirrors))
      this.records = { ...this.records, [set]: after(this.records[set] ?? began(states), states) };
  }
}

function began(states: readonly MirrorState[]): Decided {
  return {
    eventCount: unitOf<EventCount>(3),
    mirrors: states.map(() => 'in-sync'),
    statesSince: states.map(() => unitOf<EventCount>(1)),
    epochsSince: states.map(() => unitOf<PartitionEpoch>(0)),
  };
}

function after(before: Decided, states: readonly MirrorState[]): Decided {
  const isSame = states.join() === before.mirrors.join();
  const eventCount = unitOf<EventCount>(before.eventCount + (isSame ? 0 : 1));
  const statesSince = states.map((state, mirror) =>
    state === before.mirrors[mirror] ? (before.statesSince[mirror] ?? eventCount) : eventCount,
  );
  return { eventCount, mirrors: [...states], statesSince, epochsSince: before.epochsSince };
}
