/**
 * Which of several routes an I/O takes (DESIGN H2, H3). Pure: reads what the route table and the loads say. A route
 * with a better rank always wins: a link that failed is used only where nothing else is left.
 */
import type { RouteEntry, RouteList } from './route-table.ts';

/**
 * - `hops`: the shortest; among equally short ones the first that is not clearly more loaded than another, so that
 *   I/Os keep together: messages that travel together cost less than those that each wake somebody up.
 * - `leastOutstanding`: the shortest among the least loaded.
 * - `serviceTime`: the one whose answer is to be expected soonest: by how long its answers took, what is under way, what
 *   its switches say of their queues, and how fast its links are.
 */
export const pathOrders = ['hops', 'leastOutstanding', 'serviceTime'] as const;
export type PathOrder = (typeof pathOrders)[number];

/** By the order `serviceTime`: a way must be so much sooner to be taken instead of one that comes first. */
export const sooner = 0.8;

/** By the order `hops`: loads that differ by less count as equal. */
export const loadStepIos = 32;

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

/** The routes of a list, in its order, among which nothing but load decides. */
export function preferredOf(list: RouteList, order: PathOrder): RouteList {
  const [first] = list;
  if (first === undefined) return list;
  const best = list.reduce((one, other) => (standing(other, one) < 0 ? other : one), first);
  return list.filter(
    ({ rank, isAvoided, hops }) =>
      rank === best.rank &&
      isAvoided === best.isAvoided &&
      (order !== 'hops' || hops === best.hops),
  );
}

/** Which of two stands higher, whatever the loads are: negative for the first. */
function standing(one: RouteEntry, other: RouteEntry): number {
  const avoided = Number(one.isAvoided) - Number(other.isAvoided);
  return one.rank - other.rank || avoided || one.hops - other.hops;
}

/** What may decide between two routes, in the order in which it is asked. */
export const Criterion = {
  /** None does: whichever comes first is kept. */
  none: 0,
  /** What is known of its links. */
  rank: 1,
  /** How much it shares with the one that gave no answer. */
  avoided: 2,
  /** Leads through a switch that is too slow. */
  switchLoad: 3,
  hops: 4,
  targetLoad: 5,
  linkLoad: 6,
  hbaLoad: 7,
  serviceTime: 8,
} as const;
export type Criterion = (typeof Criterion)[keyof typeof Criterion];

function isBetter(
  route: RouteEntry,
  than: RouteEntry,
  order: PathOrder,
  avoid: RouteEntry | null,
): boolean {
  return decisionBetween(route, than, order, avoid) < 0;
}

/** The criterion that decides between two routes, negative when it speaks for `route`. */
export function decisionBetween(
  route: RouteEntry,
  than: RouteEntry,
  order: PathOrder,
  avoid: RouteEntry | null,
): number {
  if (route.rank !== than.rank) return signed(Criterion.rank, route.rank - than.rank);
  if (avoid !== null) {
    const likeness = likenessOf(route, avoid) - likenessOf(than, avoid);
    if (likeness !== 0) return signed(Criterion.avoided, likeness);
  }
  if (route.isAvoided !== than.isAvoided)
    return signed(Criterion.switchLoad, route.isAvoided ? 1 : -1);
  const hops = signed(Criterion.hops, route.hops - than.hops);
  if (order === 'serviceTime') return serviceDecision(route, than) || hops;
  if (order === 'hops' && hops !== 0) return hops;
  const load = loadDecision(route, than, order === 'hops' ? loadStepIos : 1);
  return load !== 0 ? load : hops;
}

function signed(criterion: Criterion, difference: number): number {
  if (difference === 0) return Criterion.none;
  return difference < 0 ? -criterion : criterion;
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

/** When an answer is to be expected over a route, from now. */
export function expectedMs({ service, switches, first, target, speed }: RouteEntry): number {
  const waiting = 1 + Math.max(first.outstanding, target.outstanding);
  let queueDelayMs = 0;
  for (const each of switches) queueDelayMs = Math.max(queueDelayMs, each.queueDelayMs);
  return ((service.answerMs + queueDelayMs) * waiting) / speed;
}

function serviceDecision(route: RouteEntry, than: RouteEntry): number {
  const one = expectedMs(route);
  const other = expectedMs(than);
  if (one < other * sooner) return -Criterion.serviceTime;
  return other < one * sooner ? Criterion.serviceTime : Criterion.none;
}

/** The target first, then the link that it leaves the host by, and how full the HBA is. */
function loadDecision(route: RouteEntry, than: RouteEntry, stepIos: number): number {
  const targets =
    stepsOf(route.target.outstanding, stepIos) - stepsOf(than.target.outstanding, stepIos);
  if (targets !== 0) return signed(Criterion.targetLoad, targets);
  const links =
    stepsOf(route.first.outstanding, stepIos) - stepsOf(than.first.outstanding, stepIos);
  if (links !== 0) return signed(Criterion.linkLoad, links);
  return signed(Criterion.hbaLoad, fullnessOf(route) - fullnessOf(than));
}

function stepsOf(outstanding: number, stepIos: number): number {
  return Math.floor(outstanding / stepIos);
}

/** In quarters of what may be under way over it. */
function fullnessOf({ hba }: RouteEntry): number {
  return Math.floor((4 * hba.credits.takenBytes) / hba.credits.limitBytes);
}
