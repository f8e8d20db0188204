/** What decisions make of mirror sets, one after the other: their event counts, and since when nothing was lost. */
import type { MirrorSetRecord, MirrorState } from '../../../protocols/control-data.ts';
import { type EventCount, type PartitionEpoch, unitOf } from '../../../protocols/units.ts';

type Decided = Omit<MirrorSetRecord, 'set'>;

export class DecidedSets {
  /** By set; those that no decision has spoken of are not among them. */
  records: Readonly<Record<string, Decided>> = {};

  /**
   * The next decision has mirrors in these states, by set.
   *
   * @param lost the sets none of whose mirrors in sync went on as it was
   */
  take(
    mirrors: Readonly<Record<string, readonly MirrorState[]>>,
    { epoch, lost = [] }: { readonly epoch: number; readonly lost?: readonly string[] },
  ): void {
    for (const [set, states] of Object.entries(mirrors)) {
      const before = this.records[set] ?? began(states);
      this.records = { ...this.records, [set]: after(before, states) };
    }
    const heldSince = unitOf<PartitionEpoch>(epoch);
    for (const set of lost) {
      const record = this.records[set];
      if (record === undefined) throw new RangeError(`nothing was decided of ${set} yet`);
      this.records = { ...this.records, [set]: { ...record, heldSince } };
    }
  }
}

function began(states: readonly MirrorState[]): Decided {
  return {
    eventCount: unitOf<EventCount>(3),
    mirrors: states.map(() => 'in-sync'),
    heldSince: unitOf<PartitionEpoch>(0),
    epochsSince: states.map(() => unitOf<PartitionEpoch>(0)),
  };
}

function after(before: Decided, states: readonly MirrorState[]): Decided {
  const isSame = states.join() === before.mirrors.join();
  const eventCount = unitOf<EventCount>(before.eventCount + (isSame ? 0 : 1));
  return { ...before, eventCount, mirrors: [...states] };
}
