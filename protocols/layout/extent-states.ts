/**
 * What the states of mirrors mean for the extents that they are made of (DESIGN I3, I8). Pure. An extent is read only
 * when every mirror that it belongs to is in sync; it is written also while one of them is made good again; and it is
 * left alone when one of them is stale or detached.
 */
import type { MirrorSetRecord, MirrorState } from '../control-data.ts';
import type { DiskId, ExtentId } from '../ids.ts';
import { extentsOf, type Layout } from './layout.ts';

export type ExtentState = 'in-sync' | 'resyncing' | 'absent';

/** The state of each extent. A mirror that no record speaks of counts as stale. */
export function extentStatesOf(
  layout: Layout,
  mirrorSets: readonly MirrorSetRecord[],
): ReadonlyMap<ExtentId, ExtentState> {
  const found = new Map<ExtentId, ExtentState>();
  const statesOf = new Map(mirrorSets.map(({ set, mirrors }) => [set, mirrors]));
  const visit = (node: Layout, state: ExtentState): void => {
    if (node.kind === 'extent') {
      found.set(node.extent, state);
      return;
    }
    const states = node.kind === 'mirror' ? (statesOf.get(node.set) ?? []) : null;
    for (const [index, child] of node.children.entries())
      visit(child, states === null ? state : within(state, states[index] ?? 'stale'));
  };
  visit(layout, 'in-sync');
  return found;
}

/** The disks that the volume is written to, each once, in the order of its layout. */
export function memberDisksOf(
  layout: Layout,
  mirrorSets: readonly MirrorSetRecord[],
): readonly DiskId[] {
  const states = extentStatesOf(layout, mirrorSets);
  const written = extentsOf(layout).filter(({ extent }) => states.get(extent) !== 'absent');
  return [...new Set(written.map(({ disk }) => disk))];
}

/** The disks that have something which is in sync, each once, in the order of the layout. */
export function inSyncDisksOf(
  layout: Layout,
  mirrorSets: readonly MirrorSetRecord[],
): readonly DiskId[] {
  const states = extentStatesOf(layout, mirrorSets);
  const inSync = extentsOf(layout).filter(({ extent }) => states.get(extent) === 'in-sync');
  return [...new Set(inSync.map(({ disk }) => disk))];
}

/** Of something that lies in a mirror, itself in a mirror of that state or better. */
function within(outer: ExtentState, mirror: MirrorState): ExtentState {
  if (outer === 'absent' || mirror === 'stale' || mirror === 'detached') return 'absent';
  return outer === 'in-sync' && mirror === 'in-sync' ? 'in-sync' : 'resyncing';
}
