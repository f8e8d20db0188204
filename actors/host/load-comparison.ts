/**
 * What a switch is measured against (DESIGN H7): for each switch that ways to disks lead through, one of these ways, and
 * another to the same disk that leads past it. Chosen so that what is slow on the first and not on the second is that
 * switch, as far as the wiring lets that be told. Pure.
 */
import type { DriverRoute } from './driver-routes.ts';
import { LinkRank, type RouteTarget } from './route-table.ts';

export interface Comparison {
  /** The switch. */
  readonly id: string;
  readonly through: DriverRoute;
  readonly past: DriverRoute;
}

/** A comparison, and how much speaks against it. */
interface Rated extends Comparison {
  readonly cost: number;
}

/** The best ways of a disk are enough. */
const waysComparedMax = 16;
/** More than all links of two ways. */
const foreignCost = 64;

/** One for each switch that some way to a disk leads past; none against ways that are avoided by now. */
export function comparisonsOf(ways: Iterable<DriverRoute>): readonly Comparison[] {
  const best = new Map<string, Rated>();
  // Where no other switch can be to blame nothing better is to be found.
  for (const toDisk of byDisk(ways).values())
    for (const id of new Set(toDisk.flatMap(({ route }) => switchesOn(route))))
      if ((best.get(id)?.cost ?? foreignCost) >= foreignCost) {
        const found = bestOf(id, toDisk);
        if (found !== null && found.cost < (best.get(id)?.cost ?? Number.POSITIVE_INFINITY))
          best.set(id, found);
      }
  return [...best.values()];
}

/** The ways to each disk that are likely to answer. */
function byDisk(ways: Iterable<DriverRoute>): ReadonlyMap<RouteTarget, readonly DriverRoute[]> {
  const found = new Map<RouteTarget, DriverRoute[]>();
  for (const way of ways) {
    const { target, rank } = way.route;
    if (target.kind !== 'disk' || rank >= LinkRank.suspect) continue;
    const known = found.get(target);
    if (known === undefined) found.set(target, [way]);
    else known.push(way);
  }
  return found;
}

function bestOf(id: string, ways: readonly DriverRoute[]): Rated | null {
  const leadsThrough = ({ route }: DriverRoute) => switchesOn(route).includes(id);
  const throughIt = ways.filter(leadsThrough).slice(0, waysComparedMax);
  const pastIt = ways.filter((way) => !leadsThrough(way)).slice(0, waysComparedMax);
  let best: Rated | null = null;
  for (const through of throughIt)
    for (const past of pastIt) {
      if (!isOpen(past, through)) continue;
      const cost = costOf(id, through, past);
      if (best === null || cost < best.cost) best = { id, through, past, cost };
    }
  return best;
}

/** Whether a way past a switch leads through none that is avoided, but for those that the way through it has, too. */
function isOpen({ route: past }: DriverRoute, { route: through }: DriverRoute): boolean {
  return past.switches.every((each) => !each.isAvoided || through.switches.includes(each));
}

/** Other switches that only the way through it has count most: they could be to blame. */
function costOf(id: string, { route: through }: DriverRoute, { route: past }: DriverRoute): number {
  const onPast = switchesOn(past);
  const foreign = switchesOn(through).filter((each) => each !== id && !onPast.includes(each));
  return foreign.length * foreignCost + through.hops + past.hops;
}

/** Of a way to a disk. */
function switchesOn({ ends }: DriverRoute['route']): readonly string[] {
  return ends.slice(0, -1);
}
