/**
 * The links of a switch and the ways over them, as plain tables from the topology. Where a way leads is decided when
 * the tables are made; whether it works shows when it is taken.
 */
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { ActorAddress, DiskId, LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import type { DeadLinks } from './dead-links.ts';

/** A link of this switch, and who is at its other end. */
export interface SwitchLink {
  readonly link: LinkId;
  readonly receiver: ActorAddress;
}

/** A way from this switch to a disk: the links in order. */
export interface DiskRoute {
  readonly disk: DiskId;
  readonly links: readonly LinkId[];
}

/** A way from this switch to another one that coordinates: through virtualizing switches only. */
export interface CoordinatorRoute {
  readonly coordinator: SwitchId;
  readonly links: readonly LinkId[];
}

/** The most hosts, and targets of each, whose preferences are kept. */
const preferredMax = 1024;
const noRoutes: readonly (readonly LinkId[])[] = [];

export interface SwitchLinksOptions {
  readonly coordinatorRoutes: readonly CoordinatorRoute[];
  /** False: what is left to try is told to nobody, hosts ask the virtualizer. */
  readonly namesAlternates: boolean;
  readonly deadLinks: DeadLinks;
}

export class SwitchLinks {
  readonly links: readonly SwitchLink[];
  readonly #subjects: ReadonlyMap<LinkId, string>;
  readonly #routes = new Map<DiskId, (readonly LinkId[])[]>();
  readonly #coordinatorRoutes: ReadonlyMap<SwitchId, readonly LinkId[]>;
  readonly #options: SwitchLinksOptions;
  /** Where hosts say how the whole way goes, there is nothing to learn. */
  readonly #learns: boolean;
  /** By host and target. */
  readonly #preferred = new Map<string, Map<string, readonly LinkId[]>>();
  /** Told of each frame that leaves over a link. */
  onSent: (link: LinkId, bytes: number) => void = () => {};

  /** @param routes best first; only those that begin with one of `links` are used. */
  constructor(
    links: readonly SwitchLink[],
    routes: readonly DiskRoute[],
    subjects: Pick<Subjects, 'io'>,
    options: SwitchLinksOptions,
  ) {
    this.links = links;
    this.#options = options;
    this.#learns = options.coordinatorRoutes.length > 0;
    this.#coordinatorRoutes = new Map(
      options.coordinatorRoutes.map(({ coordinator, links: way }) => [coordinator, way]),
    );
    this.#subjects = new Map(
      links.map(({ link, receiver }) => [link, subjects.io(receiver, link)]),
    );
    for (const { disk, links: way } of routes) {
      const [first] = way;
      if (first === undefined || !this.#subjects.has(first)) continue;
      const known = this.#routes.get(disk);
      if (known === undefined) this.#routes.set(disk, [way]);
      else known.push(way);
    }
  }

  /** Where to publish what goes over `link`; undefined when this switch has no such link. */
  subjectOf(link: LinkId): string | undefined {
    return this.#subjects.get(link);
  }

  /** The ways to a disk, best first; empty when there is none. */
  routesTo(disk: DiskId): readonly (readonly LinkId[])[] {
    return this.#routes.get(disk) ?? noRoutes;
  }

  /** The way to another switch, for what is to be sent on to it without being told how; undefined: it is not. */
  routeTo(coordinator: SwitchId, host: string): readonly LinkId[] | undefined {
    return this.#preferredTo(coordinator, host) ?? this.#coordinatorRoutes.get(coordinator);
  }

  /** Where switches choose how a frame goes on: takes note of the way that its host says it prefers (DESIGN H8). */
  learn({ flags, route, host }: Request, target: DiskId | SwitchId): void {
    if (!this.#learns || route.length === 0 || (flags & RequestFlag.preferredPath) === 0) return;
    const ways = this.#preferred.get(host) ?? new Map<string, readonly LinkId[]>();
    if (ways.size < preferredMax) ways.set(target, route);
    if (this.#preferred.size < preferredMax) this.#preferred.set(host, ways);
  }

  /** The way to a disk that its host prefers, else the best, over what was not found dead just now. */
  bestTo(disk: DiskId, { host, attempt }: Request): readonly LinkId[] | undefined {
    if (attempt > 0) return this.#nextTo(disk, attempt);
    const preferred = this.#preferredTo(disk, host);
    if (preferred !== undefined) return preferred;
    const routes = this.routesTo(disk);
    const { deadLinks } = this.#options;
    if (deadLinks.isEmpty) return routes[0];
    return routes.find(([first]) => first !== undefined && !deadLinks.isDead(first)) ?? routes[0];
  }

  /** What comes again was not answered: it takes the next way, for who is silent on the one before tells nobody. */
  #nextTo(disk: DiskId, attempt: number): readonly LinkId[] | undefined {
    const { deadLinks } = this.#options;
    const routes = this.routesTo(disk);
    const alive = routes.filter(([first]) => first !== undefined && !deadLinks.isDead(first));
    const ways = alive.length === 0 ? routes : alive;
    return ways[turnOf(attempt, ways.length)];
  }

  #preferredTo(target: string, host: string): readonly LinkId[] | undefined {
    if (!this.#learns) return undefined;
    const way = this.#preferred.get(host)?.get(target);
    const { deadLinks } = this.#options;
    const isDead = way?.[0] !== undefined && !deadLinks.isEmpty && deadLinks.isDead(way[0]);
    return isDead ? undefined : way;
  }

  /** Nobody listened at the other end of a link. */
  foundDead(link: LinkId): void {
    this.#options.deadLinks.found(link);
  }

  /** First links of other ways to a disk than the one over `failed`; none where it names none. */
  alternatesTo(disk: DiskId, failed: LinkId): readonly LinkId[] {
    if (!this.#options.namesAlternates) return [];
    const firsts = this.routesTo(disk).flatMap((way) => way[0] ?? []);
    return [...new Set(firsts)].filter((link) => link !== failed);
  }
}

/**
 * Whose turn it is among so many ways. Hosts ask for one mirror after the other, with each attempt: every mirror must
 * come to be read over every way, also where there are as many of these as of those.
 */
function turnOf(attempt: number, ways: number): number {
  return ways === 0 ? 0 : (attempt + Math.floor(attempt / ways)) % ways;
}
