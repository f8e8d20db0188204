/**
 * How the mirrors of a volume become stale, are made good again and are in sync again (DESIGN I3, I4, I8): from what was
 * decided last and the disks that can be used now. Pure. The last mirror that holds everything is never given up: where
 * there is none left with all of its disks, the volume waits for it.
 */
import { assertNever } from '../../protocols/codes.ts';
import type { MirrorSetRecord, MirrorState } from '../../protocols/control-data.ts';
import type { DiskId, MirrorSetId } from '../../protocols/ids.ts';
import {
  extentsOf,
  type Layout,
  type MirrorSet,
  mirrorSetsOf,
} from '../../protocols/layout/layout.ts';
import { type EventCount, type PartitionEpoch, unitOf } from '../../protocols/units.ts';

/** What can be used of a volume's disks. */
export interface UsableDisks {
  readonly has: (disk: DiskId) => boolean;
  /** Whether the last decision that is known counts it among the members. */
  readonly wasMember: (disk: DiskId) => boolean;
  /**
   * Of a disk that can be used: whether it is the same process of the same disk that was a member. Another one may have
   * lost what it had not made durable (DESIGN I11).
   */
  readonly wentOn: (disk: DiskId) => boolean;
  /** Of a disk that can be used: whether a stale mirror on it is to be made good again. */
  readonly returns: (disk: DiskId) => boolean;
  /** Of a disk that can be used: whether what was resyncing on it is equal, copied and flushed. */
  readonly isEqual: (disk: DiskId) => boolean;
}

/** One mirror that becomes another state. */
export interface MirrorChange {
  readonly set: MirrorSetId;
  readonly mirror: number;
  readonly disks: readonly DiskId[];
  readonly from: MirrorState;
  readonly to: MirrorState;
  readonly eventCount: EventCount;
}

/** What the next decision is made from, and with. */
export interface Deciding {
  readonly disks: UsableDisks;
  /** No partition of it has a lower epoch; all before have had. */
  readonly epochMin: PartitionEpoch;
}

interface Placed {
  readonly layout: Layout;
  readonly mirrorSets: readonly MirrorSetRecord[];
}

/** True when every byte of the volume can be read in a mirror that is in sync, on disks that can be used. */
export function isWhole({ layout, mirrorSets }: Placed, has: UsableDisks['has']): boolean {
  return isReadable(layout, new Sets(mirrorSets), has);
}

/**
 * The states that the mirrors have in the next decision. A set's event count goes up with each change in it, or within
 * one of its mirrors; a state that stays has begun when it did. What is in sync is made equal with what went on, and so
 * has what that had; nothing else vouches for what no flush has covered. A set within a mirror that was not in sync has
 * been copied to: it has what the set around it has, since that has it. The volume must be whole.
 */
export function nextMirrorSets(
  { layout, mirrorSets }: Placed,
  { disks, epochMin }: Deciding,
): readonly MirrorSetRecord[] {
  const before = new Sets(mirrorSets);
  const next = new Map<MirrorSetId, readonly MirrorState[]>();
  const changed = new Set<MirrorSetId>();
  const heldSince = new Map<MirrorSetId, PartitionEpoch>();
  const records = new Map(mirrorSets.map((record) => [record.set, record]));
  const heldSinceOf = (place: MirrorSet, after: readonly MirrorState[]): PartitionEpoch => {
    const around = place.within.at(-1);
    if (around !== undefined && !wasInSync(place, before))
      return heldSince.get(around.set) ?? epochMin;
    const own = records.get(place.set)?.heldSince ?? epochMin;
    return isHeld(place, { before, after }, disks) ? own : epochMin;
  };
  for (const place of mirrorSetsOf(layout)) {
    const isInSync = place.within.every(({ set, mirror }) => next.get(set)?.[mirror] === 'in-sync');
    const states = before.of(place.set);
    const after = statesAfter(place, isInSync, { before, disks });
    next.set(place.set, after);
    heldSince.set(place.set, heldSinceOf(place, after));
    if (after.every((state, mirror) => state === states[mirror])) continue;
    for (const set of [place.set, ...place.within.map((step) => step.set)]) changed.add(set);
  }
  return mirrorSets.map((record) => {
    const { set, mirrors, epochsSince } = record;
    const after = [...(next.get(set) ?? mirrors)];
    const eventCount = unitOf<EventCount>(record.eventCount + (changed.has(set) ? 1 : 0));
    return {
      set,
      eventCount,
      mirrors: after,
      heldSince: heldSince.get(set) ?? epochMin,
      epochsSince: after.map((state, mirror) =>
        state === mirrors[mirror] ? (epochsSince[mirror] ?? epochMin) : epochMin,
      ),
    };
  });
}

/** What differs between two decisions, for people. */
export function changesBetween(
  last: Placed,
  next: readonly MirrorSetRecord[],
): readonly MirrorChange[] {
  const before = new Sets(last.mirrorSets);
  return mirrorSetsOf(last.layout).flatMap(({ set, node }) => {
    const record = next.find((each) => each.set === set);
    const states = before.of(set);
    return node.children.flatMap((child, mirror): readonly MirrorChange[] => {
      const [from, to] = [states[mirror] ?? 'stale', record?.mirrors[mirror] ?? 'stale'];
      if (record === undefined || from === to) return [];
      const disks = [...new Set(extentsOf(child).map(({ disk }) => disk))];
      return [{ set, mirror, disks, from, to, eventCount: record.eventCount }];
    });
  });
}

/** True when a mirror of the volume is written and not read yet. */
export function isResyncing({ mirrorSets }: Pick<Placed, 'mirrorSets'>): boolean {
  return mirrorSets.some(({ mirrors }) => mirrors.includes('resyncing'));
}

/**
 * Who was in sync last, whatever the config database has forgotten: for each set, what is told under the highest event
 * count, by the record or by disks.
 */
export function newestSets(
  recorded: readonly MirrorSetRecord[],
  told: readonly MirrorSetRecord[],
): readonly MirrorSetRecord[] {
  return recorded.map((record) =>
    told.reduce(
      (newest, each) =>
        each.set === newest.set && each.eventCount > newest.eventCount ? each : newest,
      record,
    ),
  );
}

/** What was told differently under one event count, for people; '' for nothing. Only an operator can say what is right then. */
export function conflictIn(
  newest: readonly MirrorSetRecord[],
  told: readonly MirrorSetRecord[],
): string {
  for (const { set, eventCount, mirrors } of newest) {
    const other = told.find(
      (each) =>
        each.set === set &&
        each.eventCount === eventCount &&
        each.mirrors.join() !== mirrors.join(),
    );
    if (other !== undefined)
      return (
        `of ${set} was told both ${mirrors.join(', ')} and ${other.mirrors.join(', ')} under event count ${eventCount}: ` +
        'which of its mirrors has all that was written an operator must say'
      );
  }
  return '';
}

/** The states of sets as they were decided. */
class Sets {
  readonly #states: ReadonlyMap<MirrorSetId, readonly MirrorState[]>;

  constructor(records: readonly MirrorSetRecord[]) {
    this.#states = new Map(records.map(({ set, mirrors }) => [set, mirrors]));
  }

  of(set: MirrorSetId): readonly MirrorState[] {
    return this.#states.get(set) ?? [];
  }
}

function isReadable(node: Layout, sets: Sets, has: UsableDisks['has']): boolean {
  if (node.kind === 'extent') return has(node.disk);
  if (node.kind !== 'mirror') return node.children.every((child) => isReadable(child, sets, has));
  const states = sets.of(node.set);
  return node.children.some(
    (child, mirror) => states[mirror] === 'in-sync' && isReadable(child, sets, has),
  );
}

/** True when a mirror can hold everything: it may have lost mirrors within it, but of each of their sets not all. */
function isThere(node: Layout, sets: Sets, has: UsableDisks['has']): boolean {
  if (node.kind === 'extent') return has(node.disk);
  if (node.kind !== 'mirror') return node.children.every((child) => isThere(child, sets, has));
  const states = sets.of(node.set);
  return node.children.some(
    (child, mirror) => states[mirror] !== 'detached' && isThere(child, sets, has),
  );
}

/** True when all mirrors that the set lies in were in sync. */
function wasInSync({ within }: MirrorSet, before: Sets): boolean {
  return within.every(({ set, mirror }) => before.of(set)[mirror] === 'in-sync');
}

/**
 * True when one of a set's mirrors in sync goes on, as the processes that it was, or one that is called in sync only now,
 * for it has become equal: it has what was ever acknowledged. Who is no member by the last decision may have been one by others that
 * were forgotten, and have restarted since.
 */
function isHeld(
  { set, node }: MirrorSet,
  { before, after }: { readonly before: Sets; readonly after: readonly MirrorState[] },
  { has, wentOn }: UsableDisks,
): boolean {
  const states = before.of(set);
  const isSame = (disk: DiskId) => has(disk) && wentOn(disk);
  return node.children.some((child, mirror) => {
    const isPromoted = states[mirror] === 'resyncing' && after[mirror] === 'in-sync';
    return (isPromoted || states[mirror] === 'in-sync') && isReadable(child, before, isSame);
  });
}

/** @param isInSync the mirrors that the set lies in, if any, all are */
function statesAfter(
  { set, node }: MirrorSet,
  isInSync: boolean,
  { before, disks }: { readonly before: Sets; readonly disks: UsableDisks },
): readonly MirrorState[] {
  const states = before.of(set);
  const { has, wasMember, wentOn, returns, isEqual } = disks;
  const isSteady = (disk: DiskId) => has(disk) && (wentOn(disk) || !wasMember(disk));
  const isHeldElsewhere = (mirror: number) =>
    node.children.some(
      (other, index) =>
        index !== mirror && states[index] === 'in-sync' && isReadable(other, before, isSteady),
    );
  return node.children.map((child, mirror): MirrorState => {
    const state = states[mirror] ?? 'stale';
    const own = extentsOf(child).filter(({ disk }) => has(disk));
    const isPresent = isThere(child, before, has);
    switch (state) {
      case 'in-sync':
        // In a mirror that is not in sync itself all are made good again together, or are gone together.
        if (!(isInSync ? isReadable(child, before, has) : isPresent)) return 'stale';
        return isInSync && !isReadable(child, before, isSteady) && isHeldElsewhere(mirror)
          ? 'resyncing'
          : state;
      case 'resyncing':
        if (!isPresent) return 'stale';
        return own.every(({ disk }) => isEqual(disk)) ? 'in-sync' : state;
      case 'stale':
        return isPresent && own.every(({ disk }) => returns(disk)) ? 'resyncing' : state;
      case 'detached':
        return state;
      default:
        return assertNever(state, 'mirror state');
    }
  });
}
