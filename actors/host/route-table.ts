/**
 * Routes of one volume as the data path reads them: by disk and by partition, each with what is known of its links.
 * Built whole from control data whenever that or the rank of a link or HBA changes, and immutable but for the loads that
 * it points to. What makes a link's rank is the path machines' business.
 */
import type { Route } from '../../protocols/control-data.ts';
import type { DiskId, HbaId, LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Hba } from '../hba/hba.ts';
import type { AnswerTime } from './answer-time.ts';
import type { VolumeView } from './volume-view.ts';

/** How good a link or an HBA is: lower is better. */
export const LinkRank = {
  usable: 0,
  /** It failed and works again, but is not preferred yet. */
  standby: 1,
  /** It works, and failed too often of late. Better than one of which nobody knows whether it works. */
  quarantined: 2,
  /** It is silent. */
  suspect: 3,
  failed: 4,
} as const;
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

/** How a way did of late. */
export interface Service {
  /** Of I/O alone, for time-outs: a small frame may be quick where I/O is not. */
  readonly ioTime: AnswerTime;
  /** How long its answers took, smoothed; 0 before the first. */
  answerMs: number;
  /** One came since that was looked at. */
  isFresh: boolean;
  /** When its silence was looked into last. */
  probedAtMs: number;
  /** How long small frames took that only measure, smoothed; null before the first. */
  measuredMs: number | null;
}

/** A switch as the data path sees it. */
export interface SwitchState {
  readonly id: SwitchId;
  /** Too slow, compared to others: ways that do not lead through it are preferred. */
  isAvoided: boolean;
  /** As it told last. */
  queueDelayMs: number;
  /** Answers of disks that came through it since that was looked at, and how long they took together. */
  answers: number;
  answersMs: number;
  /** When an answer last came to something that went through it or to it. */
  answeredAtMs: number;
  /** When the first of what it has not answered since was sent; means something while it is later than that. */
  owesSinceMs: number;
}

/**
 * How much of a way the host chooses (DESIGN H2): all of it, or only its first link. Switches then take their best way
 * from there on: the one that the host said it prefers, else the shortest.
 */
export type RouteScope = 'whole' | 'firstHop';

/** Frames of this host that left by one HBA for one target, since the process started. */
export interface Traffic {
  readonly hba: HbaId;
  readonly target: RouteTarget;
  frames: number;
}

/** What the switch behind a first link was told of the way to a target that its host prefers. */
export interface Notice {
  /** Of that way; null before. */
  told: Service | null;
  /** Frames that took it since, and did not say so. */
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
  /** Whom the links lead to, one by one; the last of them is the target. */
  readonly ends: readonly string[];
  readonly first: PathLink;
  /** What its first link leads to, where that is not its end: the switch that turns the volume's address into a disk's. */
  readonly mapper: SwitchId | '';
  /** The links behind the first one. */
  readonly rest: readonly LinkId[];
  /** What of them the frames carry. */
  readonly carried: readonly LinkId[];
  readonly hops: number;
  readonly target: RouteTarget;
  readonly traffic: Traffic;
  readonly notice: Notice;
  /** The worst of its HBA and links. */
  readonly rank: LinkRank;
  readonly hbaRank: LinkRank;
  /** The best of its list, or of those that begin alike, loads aside: what this host prefers, and says so (DESIGN H8). */
  readonly isPreferred: boolean;
  readonly service: Service;
  /** The switches on it, its end too where that is one. */
  readonly switches: readonly SwitchState[];
  readonly firstSwitch: SwitchState;
  /** A switch on it, other than its end, is avoided. */
  readonly isAvoided: boolean;
  /** Of its slowest link, compared to others. */
  readonly speed: number;
}

export type RouteList = readonly RouteEntry[];

export interface RouteTable {
  /** By index of the disk in the volume's view; none to a disk that is no member, whatever links lead there. */
  readonly disks: readonly RouteList[];
  /** By partition: routes to its coordinator. */
  readonly partitions: readonly RouteList[];
  /** The routes of all these lists, each once; where switches choose ways, also those that they do not take now. */
  readonly every: RouteList;
}

const noLinks: readonly LinkId[] = [];

export const emptyRouteTable: RouteTable = { disks: [], partitions: [], every: [] };

/** Where route tables find what outlives them. */
export interface RouteParts {
  hba(id: HbaId): Hba | undefined;
  /** How good an HBA is, its links aside. */
  hbaRank(id: HbaId): LinkRank;
  link(id: LinkId): PathLink;
  target(kind: RouteTarget['kind'], id: RouteTarget['id']): RouteTarget;
  traffic(hba: HbaId, target: RouteTarget): Traffic;
  notice(first: LinkId, target: RouteTarget): Notice;
  service(links: readonly LinkId[], target: RouteTarget): Service;
  switchState(id: string): SwitchState;
  speed(link: LinkId): number;
}

/** The routes of a view, each list in the order: best rank, not avoided, fewest hops. */
export function routeTableOf(view: VolumeView, parts: RouteParts, scope: RouteScope): RouteTable {
  const { data } = view;
  const diskRoutes = new Map(data.diskRoutes.map(({ disk, routes }) => [disk, routes]));
  const coordinatorRoutes = new Map(
    data.coordinatorRoutes.map(({ coordinator, routes }) => [coordinator, routes]),
  );
  const coordinatorLists = new Map<string, RouteList>();
  const partitions = data.partitions.toSorted((a, b) => a.partition - b.partition);
  const every: RouteEntry[] = [];
  const listTo = (routes: readonly Route[], target: RouteTarget): RouteList => {
    const ways = waysTo(routes, target, parts, scope);
    every.push(...ways);
    return scope === 'whole' ? ways : ways.filter(({ isPreferred }) => isPreferred);
  };
  return {
    disks: view.disks.map((disk, index) => {
      const isMember = (view.instances[index] ?? null) !== null;
      const routes = isMember ? (diskRoutes.get(disk) ?? []) : [];
      return listTo(routes, parts.target('disk', disk));
    }),
    partitions: partitions.map(({ coordinator }) => {
      const known = coordinatorLists.get(coordinator);
      if (known !== undefined) return known;
      const routes = coordinatorRoutes.get(coordinator) ?? [];
      const list = listTo(routes, parts.target('switch', coordinator));
      coordinatorLists.set(coordinator, list);
      return list;
    }),
    every,
  };
}

/**
 * The best one first. Where the host chooses no more than the first link, the best of those that begin alike is preferred:
 * the switch behind that link takes it once it was told, or where it is the shortest.
 */
function waysTo(
  routes: readonly Route[],
  target: RouteTarget,
  parts: RouteParts,
  scope: RouteScope,
): RouteList {
  const ways = routes
    .flatMap((route) => entryOf(route, target, parts, scope))
    .sort(
      (a, b) => a.rank - b.rank || Number(a.isAvoided) - Number(b.isAvoided) || a.hops - b.hops,
    );
  const isBest = ({ first }: RouteEntry, place: number) =>
    place === (scope === 'whole' ? 0 : ways.findIndex((way) => way.first === first));
  return ways.map((way, place) => (isBest(way, place) ? { ...way, isPreferred: true } : way));
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
  const mapper: SwitchId | '' = route.switches[0] ?? '';
  const hbaRank = parts.hbaRank(hba.id);
  const rank = links.reduce<LinkRank>((worst, link) => worseOf(worst, link.rank), hbaRank);
  const carried = scope === 'whole' ? rest : noLinks;
  const traffic = parts.traffic(hba.id, target);
  const notice = parts.notice(firstLink, target);
  const hops = links.length;
  const ends = [...route.switches, target.id];
  const switches = route.switches.map((id) => parts.switchState(id));
  if (target.kind === 'switch') switches.push(parts.switchState(target.id as SwitchId));
  const firstSwitch = parts.switchState(ends[0] ?? '');
  const service = parts.service(route.links, target);
  const isAvoided = route.switches.some((id) => parts.switchState(id).isAvoided);
  const speed = Math.min(...route.links.map((link) => parts.speed(link)));
  const way = { hba, linkIndex, links, ends, first, mapper, rest, carried, hops, target };
  const state = { rank, hbaRank, isPreferred: false, service, switches, firstSwitch, isAvoided };
  return [{ ...way, ...state, traffic, notice, speed }];
}

function worseOf(a: LinkRank, b: LinkRank): LinkRank {
  return a > b ? a : b;
}
