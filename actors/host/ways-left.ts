/** Which ways are left for a part whose way failed: as many tries are worth while. For trouble only: it allocates. */
import { Operation } from '../../protocols/codes.ts';
import { PartList } from '../../protocols/layout/compiled-layout.ts';
import { blockBytes } from '../../protocols/units.ts';
import { routesForPart } from './route-choice.ts';
import { LinkRank, type RouteList, type RouteTarget } from './route-table.ts';
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

function routesOf({ request, driver, flushEntries }: Slot): readonly RouteList[] {
  if (driver === null) return [];
  if (request.operation === Operation.flush) {
    const [entry] = flushEntries;
    const index = entry === undefined ? -1 : driver.ledger.entries.indexOf(entry);
    return [driver.routes.disks[index] ?? []];
  }
  const { offset, lengthBytes } = request;
  const cut = new PartList();
  // A range that is not one part any more has no ways as it is.
  if (driver.view.layout.cut(offset, lengthBytes, lengthBytes + blockBytes, cut, 2) !== 1)
    return [];
  return routesForPart(driver, request.operation, cut.part(0));
}
