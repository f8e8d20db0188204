/**
 * Which of several routes an I/O takes (DESIGN H2, H3). Pure: reads what the route table and the loads say. A route
 * with a better rank always wins: a link that failed is used only where nothing else is left.
 */
import type { RouteEntry, RouteList } from './route-table.ts';

/**
 * - `hops`: the least outstanding among the shortest.
 * - `leastOutstanding`: the shortest among the least loaded.
 */
export const pathOrders = ['hops', 'leastOutstanding'] as const;
export type PathOrder = (typeof pathOrders)[number];

/**
 * The better one of `best` and the routes of `list`.
 *
 * @param avoid the route that gave no answer: another of the same rank is preferred, to another target if there is one
 */
export function betterRoute(
  best: RouteEntry | null,
  list: RouteList,
  order: PathOrder,
  avoid: RouteEntry | null,
): RouteEntry | null {
  let chosen = best;
  for (const route of list)
    if (chosen === null || isBetter(route, chosen, order, avoid)) chosen = route;
  return chosen;
}

function isBetter(
  route: RouteEntry,
  than: RouteEntry,
  order: PathOrder,
  avoid: RouteEntry | null,
): boolean {
  if (route.rank !== than.rank) return route.rank < than.rank;
  if (avoid !== null) {
    const likeness = likenessOf(route, avoid) - likenessOf(than, avoid);
    if (likeness !== 0) return likeness < 0;
  }
  if (order === 'hops' && route.hops !== than.hops) return route.hops < than.hops;
  const difference = loadDifference(route, than);
  if (difference !== 0) return difference < 0;
  return route.hops < than.hops;
}

/** How much of a way that gave no answer a route shares: 2 all of it, 1 its end, 0 not even that. */
function likenessOf(route: RouteEntry, avoid: RouteEntry): number {
  if (route.target !== avoid.target) return 0;
  // Tables are replaced: the same way is known by its links.
  const same =
    route.links.length === avoid.links.length &&
    route.links.every((link, index) => link === avoid.links[index]);
  return same ? 2 : 1;
}

/** Negative when `route` is less loaded: its target first, then the link that it leaves the host by. */
function loadDifference(route: RouteEntry, than: RouteEntry): number {
  const targets = route.target.outstanding - than.target.outstanding;
  return targets !== 0 ? targets : route.first.outstanding - than.first.outstanding;
}
