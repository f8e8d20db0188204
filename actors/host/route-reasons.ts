/** Why one route is taken and not another, in words: what the path policy's decision says, put so that people see it. */
import { assertNever } from '../../protocols/codes.ts';
import { stateOf } from './path-facts.ts';
import {
  betterRoute,
  Criterion,
  decisionBetween,
  expectedMs,
  type PathOrder,
} from './path-policy.ts';
import { LinkRank, type RouteEntry, type RouteList } from './route-table.ts';

/** Why a route is the best of its list. */
export function whyChosen(chosen: RouteEntry, list: RouteList, order: PathOrder): string {
  const others = list.filter((route) => route !== chosen);
  const runnerUp = betterRoute(null, others, order, null);
  const isGood = chosen.rank === LinkRank.usable;
  const but = isGood ? '' : ` (${troubleOf(chosen)}; no way is better)`;
  if (runnerUp === null) return `the only way${but}`;
  const better = advantage(chosen, runnerUp, order);
  const isOnlyHba = list.every(({ hba }) => hba === chosen.hba);
  return `${isOnlyHba ? `only ${chosen.hba.id} reaches it; ` : ''}${better}${but}`;
}

/** What speaks for the route that is taken, compared to the next best. */
export function advantage(chosen: RouteEntry, next: RouteEntry, order: PathOrder): string {
  const criterion = criterionBetween(chosen, next, order);
  switch (criterion) {
    case Criterion.none:
      return 'as good as the next best, and kept, so that I/Os travel together';
    case Criterion.rank:
      return `best state: ${stateOf(chosen)}, the next best is ${stateOf(next)}`;
    case Criterion.avoided:
      return 'the next best gave no answer before';
    case Criterion.switchLoad:
      return 'the next best leads through a switch that is slow';
    case Criterion.hops:
      return `fewest hops: ${chosen.hops}, the next best has ${next.hops}`;
    case Criterion.targetLoad:
      return `fewest I/Os under way: ${loadText(targetLoad(chosen), targetLoad(next))}`;
    case Criterion.linkLoad:
      return `fewest I/Os under way: ${loadText(linkLoad(chosen), linkLoad(next))}`;
    case Criterion.hbaLoad:
      return `${chosen.hba.id} has fewer bytes under way than ${next.hba.id}`;
    case Criterion.serviceTime:
      return `soonest answer to expect: ${serviceText(chosen)}, the next best ${serviceText(next)}`;
    default:
      return assertNever(criterion, 'criterion');
  }
}

/** What speaks against a route, compared to the one that is taken. */
export function drawback(route: RouteEntry, chosen: RouteEntry, order: PathOrder): string {
  const criterion = criterionBetween(chosen, route, order);
  switch (criterion) {
    case Criterion.none:
      return 'as good as the chosen one, which comes first';
    case Criterion.rank:
      return `avoided: ${troubleOf(route)}`;
    case Criterion.avoided:
      return 'it gave no answer before';
    case Criterion.switchLoad:
      return 'avoided: it leads through a switch that is slow';
    case Criterion.hops:
      return `longer: ${route.hops} hops`;
    case Criterion.targetLoad:
      return `more I/Os under way: ${loadText(targetLoad(route), targetLoad(chosen))}`;
    case Criterion.linkLoad:
      return `more I/Os under way: ${loadText(linkLoad(route), linkLoad(chosen))}`;
    case Criterion.hbaLoad:
      return `${route.hba.id} has more bytes under way than ${chosen.hba.id}`;
    case Criterion.serviceTime:
      return `later answer to expect: ${serviceText(route)}`;
    default:
      return assertNever(criterion, 'criterion');
  }
}

function criterionBetween(one: RouteEntry, other: RouteEntry, order: PathOrder): Criterion {
  return Math.abs(decisionBetween(one, other, order, null)) as Criterion;
}

/** Which part of a route is in trouble, and what is known of it. */
function troubleOf({ hba, hbaRank, links, rank }: RouteEntry): string {
  if (!hba.usable) return `${hba.id} is not connected`;
  const parts = [
    { name: hba.id, rank: hbaRank },
    ...links.map((each) => ({ name: each.link, ...each })),
  ];
  const names = parts.filter((part) => part.rank === rank).map(({ name }) => name);
  return `${troubleText(rank)} ${names.join(', ')}`;
}

function troubleText(rank: LinkRank): string {
  switch (rank) {
    case LinkRank.usable:
      return 'nothing is wrong with';
    case LinkRank.standby:
      return 'works again, but is in reserve:';
    case LinkRank.suspect:
      return 'suspect, no answer came over';
    case LinkRank.quarantined:
      return 'in quarantine, it failed again and again:';
    case LinkRank.failed:
      return 'nobody listened at the other end of';
    default:
      return assertNever(rank, 'rank');
  }
}

function serviceText(route: RouteEntry): string {
  return `${expectedMs(route).toFixed(1)} ms`;
}

interface Load {
  readonly what: string;
  readonly outstanding: number;
}

function targetLoad({ target }: RouteEntry): Load {
  return { what: target.id, outstanding: target.outstanding };
}

function linkLoad({ first }: RouteEntry): Load {
  return { what: first.link, outstanding: first.outstanding };
}

function loadText(one: Load, other: Load): string {
  return `${one.outstanding} at ${one.what}, ${other.outstanding} at ${other.what}`;
}
