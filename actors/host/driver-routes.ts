/** The routes of all volumes of a host together: which links lead where, and by which route a link is probed. */
import { pathHopsMax } from '../../protocols/paths.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { PathLink, RouteEntry, RouteList } from './route-table.ts';

/** A route, and a volume that it belongs to. */
export interface DriverRoute {
  readonly driver: OptimizationDriver;
  readonly route: RouteEntry;
}

export class DriverRoutes {
  readonly #drivers: Iterable<OptimizationDriver>;

  constructor(drivers: Iterable<OptimizationDriver>) {
    this.#drivers = drivers;
  }

  /** The ways to each end of every volume, the best first. */
  *lists(): Iterable<RouteList> {
    for (const { routes } of this.#drivers) {
      yield* routes.disks;
      yield* routes.partitions;
    }
  }

  /** Every route once for each volume that has it; where switches choose ways, also those that they do not take now. */
  *all(): Iterable<DriverRoute> {
    for (const driver of this.#drivers)
      for (const route of driver.routes.every) yield { driver, route };
  }

  /** The links of any route that lead to a switch or disk. */
  linksTo(id: string): readonly PathLink[] {
    const found = new Set<PathLink>();
    for (const { route } of this.all()) {
      const link = route.links[route.ends.indexOf(id)];
      if (link !== undefined) found.add(link);
    }
    return [...found];
  }

  /** The route that ends as soon behind the link as any does, by a way that works up to there; null: there is none. */
  bestOver(link: PathLink): DriverRoute | null {
    let best: DriverRoute | null = null;
    for (const each of this.all()) {
      const { route } = each;
      if (!route.links.includes(link) || !route.hba.usable) continue;
      if (best === null || probeCost(route, link) < probeCost(best.route, link)) best = each;
    }
    return best;
  }

  /** For each switch that the HBAs are linked to: the shortest way that leads there or through it. */
  byFirstSwitch(): ReadonlyMap<string, DriverRoute> {
    const ways = new Map<string, DriverRoute>();
    for (const each of this.all()) {
      const { route } = each;
      const [first = ''] = route.ends;
      const known = ways.get(first)?.route;
      const isBetter =
        known === undefined ||
        route.rank < known.rank ||
        (route.rank === known.rank && route.hops < known.hops);
      if (route.hba.usable && isBetter) ways.set(first, each);
    }
    return ways;
  }
}

/** Links before it that do not work count most: what they swallow says nothing about the link. */
function probeCost(route: RouteEntry, link: PathLink): number {
  const place = route.links.indexOf(link);
  const before = route.links.slice(0, place).reduce<number>((sum, { rank }) => sum + rank, 0);
  return before * pathHopsMax + route.links.length - 1 - place;
}
