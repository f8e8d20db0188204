/**
 * Routes of one volume as the data path reads them: by disk and by partition, each with what is known of its links.
 * Built whole from control data whenever that or the rank of a link changes, and immutable but for the loads that it
 * points to. What makes a link's rank is the path machines' business.
 */
import type { Route } from '../../protocols/control-data.ts';
import type { DiskId, HbaId, LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Hba } from '../hba/hba.ts';
import type { VolumeView } from './volume-view.ts';

/** How good a link is: lower is better. */
export const LinkRank = { usable: 0, suspect: 1, failed: 2 } as const;
export type LinkRank = (typeof LinkRank)[keyof typeof LinkRank];

/** A link as the data path sees it. */
export interface PathLink {
  readonly link: LinkId;
  /** Set by the link's path machine only. */
  rank: LinkRank;
  /** When the rank changed: what was sent before says nothing about it. */
  changedAtMs: number;
  /** When an answer last came to something that went over it. */
  answeredAtMs: number;
  /** I/Os of this host under way that leave by it; counted for links of HBAs. */
  outstanding: number;
}

/**
 * How much of a way the host chooses (DESIGN H2): all of it, or only its first link. Switches then take their best way
 * from there on, which is the shortest.
 */
export type RouteScope = 'whole' | 'firstHop';

/** Frames of this host that left by one HBA for one target, since the process started. */
export interface Traffic {
  readonly hba: HbaId;
  readonly target: RouteTarget;
  frames: number;
}

/** The end of routes: a disk, or a switch as coordinator. */
export interface RouteTarget {
  readonly kind: 'disk' | 'switch';
  readonly id: DiskId | SwitchId;
  outstanding: number;
  answeredAtMs: number;
}

export interface RouteEntry {
  readonly hba: Hba;
  /** Place of the first link among the HBA's. */
  readonly linkIndex: number;
  readonly links: readonly PathLink[];
  readonly first: PathLink;
  /** What its first link leads to, where that is not its end: the switch that turns the volume's address into a disk's. */
  readonly firstSwitch: SwitchId | '';
  /** The links behind the first one. */
  readonly rest: readonly LinkId[];
  /** What of them the frames carry. */
  readonly carried: readonly LinkId[];
  readonly hops: number;
  readonly target: RouteTarget;
  readonly traffic: Traffic;
  readonly rank: LinkRank;
}

export type RouteList = readonly RouteEntry[];

export interface RouteTable {
  /** By index of the disk in the volume's view. */
  readonly disks: readonly RouteList[];
  /** By partition: routes to its coordinator. */
  readonly partitions: readonly RouteList[];
}

const noLinks: readonly LinkId[] = [];

export const emptyRouteTable: RouteTable = { disks: [], partitions: [] };

/** Where route tables find what outlives them. */
export interface RouteParts {
  hba(id: HbaId): Hba | undefined;
  link(id: LinkId): PathLink;
  target(kind: RouteTarget['kind'], id: RouteTarget['id']): RouteTarget;
  traffic(hba: HbaId, target: RouteTarget): Traffic;
}

/** The routes of a view, each list in the order: best rank, fewest hops. */
export function routeTableOf(view: VolumeView, parts: RouteParts, scope: RouteScope): RouteTable {
  const { data } = view;
  const diskRoutes = new Map(data.diskRoutes.map(({ disk, routes }) => [disk, routes]));
  const coordinatorRoutes = new Map(
    data.coordinatorRoutes.map(({ coordinator, routes }) => [coordinator, routes]),
  );
  const coordinatorLists = new Map<string, RouteList>();
  const partitions = data.partitions.toSorted((a, b) => a.partition - b.partition);
  return {
    disks: view.disks.map((disk) =>
      listOf(diskRoutes.get(disk) ?? [], parts.target('disk', disk), parts, scope),
    ),
    partitions: partitions.map(({ coordinator }) => {
      const known = coordinatorLists.get(coordinator);
      if (known !== undefined) return known;
      const target = parts.target('switch', coordinator);
      const list = listOf(coordinatorRoutes.get(coordinator) ?? [], target, parts, scope);
      coordinatorLists.set(coordinator, list);
      return list;
    }),
  };
}

function listOf(
  routes: readonly Route[],
  target: RouteTarget,
  parts: RouteParts,
  scope: RouteScope,
): RouteList {
  const entries = scope === 'whole' ? routes : shortestByFirstLink(routes);
  return entries
    .flatMap((route) => entryOf(route, target, parts, scope))
    .sort((a, b) => a.rank - b.rank || a.hops - b.hops);
}

/** Of the ways that begin alike the one that the switch behind their first link takes. */
function shortestByFirstLink(routes: readonly Route[]): readonly Route[] {
  const shortest = new Map<LinkId | undefined, Route>();
  for (const route of routes.toSorted((a, b) => a.links.length - b.links.length))
    if (!shortest.has(route.links[0])) shortest.set(route.links[0], route);
  return [...shortest.values()];
}

/** A route that leaves by an HBA or link that this host does not have is none. */
function entryOf(
  route: Route,
  target: RouteTarget,
  parts: RouteParts,
  scope: RouteScope,
): readonly RouteEntry[] {
  const hba = parts.hba(route.hba);
  const [firstLink, ...rest] = route.links;
  if (hba === undefined || firstLink === undefined) return [];
  const linkIndex = hba.linkIndex(firstLink);
  if (linkIndex === -1) return [];
  const links = route.links.map((link) => parts.link(link));
  const first = parts.link(firstLink);
  const firstSwitch: SwitchId | '' = route.switches[0] ?? '';
  const worst = links.reduce<LinkRank>((rank, link) => worseOf(rank, link.rank), LinkRank.usable);
  const rank = hba.usable ? worst : LinkRank.failed;
  const carried = scope === 'whole' ? rest : noLinks;
  const traffic = parts.traffic(hba.id, target);
  const hops = links.length;
  const way = { links, first, firstSwitch, rest, carried, hops };
  return [{ hba, linkIndex, ...way, target, traffic, rank }];
}

function worseOf(a: LinkRank, b: LinkRank): LinkRank {
  return a > b ? a : b;
}
