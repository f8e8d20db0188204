/**
 * What an operator decides who knows that a mirror that is away will not come back (DESIGN I4): the mirrors on the disks
 * that are named are right from now on, whatever they have missed, and the others of their sets are behind them. What
 * was acknowledged and is on the others alone is lost by that. Pure.
 */
import type { MirrorSetRecord, MirrorState } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import {
  extentsOf,
  type Layout,
  type MirrorSet,
  mirrorSetsOf,
} from '../../protocols/layout/layout.ts';
import { type EventCount, type PartitionEpoch, unitOf } from '../../protocols/units.ts';

/** Whoever is away may know of steps that nobody here does: what is decided now outranks them all. */
export const eventCountLeap = 2 ** 32;

/** One set in which a mirror is taken for right. */
export interface ForcedSet {
  readonly record: MirrorSetRecord;
  readonly mirror: number;
  /** What it was before. */
  readonly from: MirrorState;
  readonly disks: readonly DiskId[];
  /** Of mirrors that were in sync, and are taken for behind. */
  readonly overruled: readonly DiskId[];
}

export type Forced =
  | { readonly outcome: 'forced'; readonly sets: readonly ForcedSet[] }
  /** For people. */
  | { readonly outcome: 'refused'; readonly reason: string };

/** @param disks those that the operator names: of each set that they are part of, they must make up one mirror */
export function forcedSets(
  {
    layout,
    mirrorSets,
  }: { readonly layout: Layout; readonly mirrorSets: readonly MirrorSetRecord[] },
  disks: readonly DiskId[],
  epochMin: PartitionEpoch,
): Forced {
  const sets: ForcedSet[] = [];
  for (const place of mirrorSetsOf(layout)) {
    const record = mirrorSets.find(({ set }) => set === place.set);
    const named = mirrorsOn(place, disks);
    const [mirror, second] = named;
    if (record === undefined || mirror === undefined) continue;
    if (second !== undefined) {
      const both = named.map((each) => disksOf(place, each).join(' and ')).join(', and ');
      return {
        outcome: 'refused',
        reason: `${both} are mirrors of each other: name the one that is right`,
      };
    }
    if (record.mirrors[mirror] === 'detached') {
      const reason = `the mirror on ${disksOf(place, mirror).join(', ')} is to hold the volume no more`;
      return { outcome: 'refused', reason };
    }
    const others = record.mirrors.flatMap((state, index) =>
      index !== mirror && state === 'in-sync' ? disksOf(place, index) : [],
    );
    if (record.mirrors[mirror] === 'in-sync' && others.length === 0) continue;
    sets.push({
      record: forced(record, mirror, epochMin),
      mirror,
      from: record.mirrors[mirror] ?? 'stale',
      disks: disksOf(place, mirror),
      overruled: [...new Set(others)],
    });
  }
  if (sets.length > 0) return { outcome: 'forced', sets };
  const reason = `${disks.join(', ')} ${disks.length === 1 ? 'is' : 'are'} no whole mirror of it that is behind others`;
  return { outcome: 'refused', reason };
}

/** The mirrors of a set all of whose disks are named. */
function mirrorsOn({ node }: MirrorSet, disks: readonly DiskId[]): readonly number[] {
  return node.children.flatMap((child, mirror) =>
    extentsOf(child).every(({ disk }) => disks.includes(disk)) ? [mirror] : [],
  );
}

function disksOf({ node }: MirrorSet, mirror: number): readonly DiskId[] {
  const child = node.children[mirror];
  return child === undefined ? [] : [...new Set(extentsOf(child).map(({ disk }) => disk))];
}

/** Nothing vouches for what was acknowledged before. */
function forced(
  record: MirrorSetRecord,
  chosen: number,
  epochMin: PartitionEpoch,
): MirrorSetRecord {
  const mirrors = record.mirrors.map((state, mirror): MirrorState => {
    if (mirror === chosen) return 'in-sync';
    return state === 'detached' ? state : 'stale';
  });
  return {
    set: record.set,
    eventCount: unitOf<EventCount>(record.eventCount + eventCountLeap),
    mirrors,
    heldSince: epochMin,
    epochsSince: mirrors.map((state, mirror) =>
      state === record.mirrors[mirror] ? (record.epochsSince[mirror] ?? epochMin) : epochMin,
    ),
  };
}

/**
 * What it means, for people. Who is done without may be cut off from the virtualizer alone: then switches and hosts go
 * on with it until they are told.
 */
export function forcedText(sets: readonly ForcedSet[]): string {
  const texts = sets.map(({ record, from, disks, overruled }) => {
    const have = overruled.length === 1 ? 'has' : 'have';
    const besides =
      overruled.length === 0 ? '' : `, and what ${overruled.join(', ')} alone ${have}`;
    return `the mirror on ${disks.join(', ')} of ${record.set}, ${from} until now, is taken for right: what it has missed is lost${besides}`;
  });
  const away = [...new Set(sets.flatMap(({ overruled }) => overruled))].join(', ');
  const meanwhile = `where switches and hosts still reach ${away}, writes may be acknowledged there until others are fenced, and are lost, too`;
  return [...texts, ...(away === '' ? [] : [meanwhile])].join('; ');
}
