/** Which ways are left for a part whose way failed: as many tries are worth while. For trouble only: it allocates. */
import { Operation } from '../../protocols/codes.ts';
import type { Route } from '../../protocols/control-data.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import { blockBytes } from '../../protocols/units.ts';
import { readableDisks, routesForPart } from './route-choice.ts';
import { LinkRank, type RouteEntry, type RouteList, type RouteTarget } from './route-table.ts';
import type { Slot } from './slots.ts';

export interface WaysLeft {
  /** All that there are now, whatever is known of them. */
  readonly known: number;
  /** Those that are not known to have failed. */
  readonly working: number;
}

export function waysLeft(slot: Slot): WaysLeft {
  const routes = routesOf(slot).flat();
  const working = routes.filter(({ rank }) => rank !== LinkRank.failed).length;
  return { known: routes.length, working };
}

/** Where what a slot asks for may go to: any of them will do. */
export function targetsOf(slot: Slot): readonly RouteTarget[] {
  return routesOf(slot).flatMap(([route]) => (route === undefined ? [] : [route.target]));
}

/**
 * The first of some ways, in their order, that a slot may take now: not one that is known to have failed, nor the one
 * that it took last. Null: none of them.
 */
export function firstWayOf(slot: Slot, ways: readonly Route[]): RouteEntry | null {
  const { mirrors, route: last } = slot;
  const open = routesOf(slot)
    .flat()
    .filter(
      ({ rank, target }) =>
        rank !== LinkRank.failed &&
        (target.kind !== 'disk' || mirrors === null || mirrors.some((disk) => disk === target.id)),
    );
  for (const way of ways) {
    const found = open.find((route) => isSame(route, way));
    if (found !== undefined && (last === null || !isSame(last, way))) return found;
  }
  return null;
}

/** Where the host chooses no more than the first link, that is all of the way that is its own. */
function isSame({ hba, links, rest, carried }: RouteEntry, way: Route): boolean {
  if (hba.id !== way.hba) return false;
  if (carried.length < rest.length) return links[0]?.link === way.links[0];
  return links.length === way.links.length && links.every(({ link }, at) => link === way.links[at]);
}

/** Those of some disks that a slot's read may go to now: not a mirror that is stale or resyncing, whoever names it. */
export function readableFrom(slot: Slot, disks: readonly DiskId[]): readonly DiskId[] {
  const { driver } = slot;
  const part = partOf(slot);
  // A range that is not one part any more ends when it is sent.
  return driver === null || part === null ? disks : readableDisks(driver.view, part, disks);
}

function routesOf(slot: Slot): readonly RouteList[] {
  const { request, driver, flushEntries } = slot;
  if (driver === null) return [];
  if (request.operation === Operation.flush) {
    const [entry] = flushEntries;
    const index = entry === undefined ? -1 : driver.ledger.entries.indexOf(entry);
    return [driver.routes.disks[index] ?? []];
  }
  const part = partOf(slot);
  return part === null ? [] : routesForPart(driver, request.operation, part);
}

/** Null for a range that is not one part any more: it has no ways as it is. */
function partOf({ request, driver }: Slot): CutPart | null {
  if (driver === null) return null;
  const { offset, lengthBytes } = request;
  const cut = new PartList();
  const count = driver.view.layout.cut(offset, lengthBytes, lengthBytes + blockBytes, cut, 2);
  return count === 1 ? cut.part(0) : null;
}
