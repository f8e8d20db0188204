/** Which path a physical request takes now: the candidates that DESIGN §6 allows it, judged by the path policy. */
import { Operation } from '../../protocols/codes.ts';
import type { DiskId, SwitchId } from '../../protocols/ids.ts';
import type { CutPart } from '../../protocols/layout/compiled-layout.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import { betterRoute, type PathOrder } from './path-policy.ts';
import { LinkRank, type RouteEntry, type RouteList } from './route-table.ts';
import type { VolumeView } from './volume-view.ts';

/** What narrows down the ways of a read. */
export interface ReadLimits {
  /** The disks that may be read; null: any that is in sync. */
  readonly mirrors: readonly DiskId[] | null;
  /** Ways that begin with this switch are taken for want of others only; '' for none. */
  readonly passedBy: SwitchId | '';
}

const noLimits: ReadLimits = { mirrors: null, passedBy: '' };

/**
 * Writes go to the partition's coordinator (H4); reads to any in-sync mirror (H2, H3), in shared attach by way of
 * the coordinator.
 *
 * @param avoid the route that an earlier attempt took in vain
 * @returns null when control data knows no way at all
 */
export function routeForPart(
  driver: OptimizationDriver,
  operation: Operation,
  part: CutPart,
  order: PathOrder,
  avoid: RouteEntry | null,
  { mirrors, passedBy }: ReadLimits = noLimits,
): RouteEntry | null {
  const { view, routes } = driver;
  if (!mayReadAnyMirror(operation, driver.readsThroughCoordinator))
    return betterRoute(null, routes.partitions[part.partition] ?? [], order, avoid);
  let best: RouteEntry | null = null;
  for (const { extentIndex, disk } of part.legs) {
    if (mirrors !== null && !mirrors.includes(disk)) continue;
    if (view.readableExtents[extentIndex] !== true) continue;
    const list = routes.disks[view.diskOfExtent[extentIndex] ?? -1];
    if (list !== undefined) best = betterRoute(best, past(passedBy, list), order, avoid);
  }
  return best;
}

function past(id: SwitchId | '', list: RouteList): RouteList {
  if (id === '') return list;
  const others = list.filter(({ mapper, rank }) => mapper !== id && rank !== LinkRank.failed);
  return others.length > 0 ? others : list;
}

/** All ways that a part may take, by the ends that it may go to. */
export function routesForPart(
  { view, routes, readsThroughCoordinator }: OptimizationDriver,
  operation: Operation,
  part: CutPart,
): readonly RouteList[] {
  if (!mayReadAnyMirror(operation, readsThroughCoordinator))
    return [routes.partitions[part.partition] ?? []];
  return part.legs
    .filter(({ extentIndex }) => view.readableExtents[extentIndex] === true)
    .map(({ extentIndex }) => routes.disks[view.diskOfExtent[extentIndex] ?? -1] ?? []);
}

/** Those of some disks where a part may be read, as was decided: whoever named them may not have known that. */
export function readableDisks(
  { readableExtents }: VolumeView,
  { legs }: CutPart,
  disks: readonly DiskId[],
): readonly DiskId[] {
  return disks.filter((disk) =>
    legs.some((leg) => leg.disk === disk && readableExtents[leg.extentIndex] === true),
  );
}

function mayReadAnyMirror(operation: Operation, readsThroughCoordinator: boolean): boolean {
  return (
    operation === Operation.allocation || (operation === Operation.read && !readsThroughCoordinator)
  );
}

/** The best way to one disk, by its index in the volume's view. */
export function routeToDisk(
  driver: OptimizationDriver,
  diskIndex: number,
  order: PathOrder,
  avoid: RouteEntry | null,
): RouteEntry | null {
  return betterRoute(null, driver.routes.disks[diskIndex] ?? [], order, avoid);
}
