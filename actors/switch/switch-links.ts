/**
 * The links of a switch and the ways over them, as plain tables from the topology. Where a way leads is decided when
 * the tables are made; whether it works shows when it is taken.
 */
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { ActorAddress, DiskId, LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import type { DeadLinks } from './dead-links.ts';
import type { SwitchPorts } from './switch-ports.ts';

/** A link of this switch, and who is at its other end. */
export interface SwitchLink {
  readonly link: LinkId;
  readonly receiver: ActorAddress;
  /** The connection to its fabric. */
  readonly io: Bus;
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

/** Where frames over a link go. */
export interface LinkEnd {
  readonly subject: string;
  readonly io: Bus;
}

export interface SwitchLinksOptions {
  /** At most one to each switch on each fabric. */
  readonly coordinatorRoutes: readonly CoordinatorRoute[];
  /** False: what is left to try is told to nobody, hosts ask the virtualizer. */
  readonly namesAlternates: boolean;
  readonly deadLinks: DeadLinks;
  readonly ports: SwitchPorts;
}

export class SwitchLinks {
  readonly links: readonly SwitchLink[];
  readonly #ends: ReadonlyMap<LinkId, LinkEnd>;
  readonly #routes = new Map<DiskId, (readonly LinkId[])[]>();
  readonly #coordinatorRoutes: readonly CoordinatorRoute[];
  readonly #options: SwitchLinksOptions;
  /** Where hosts say how the whole way goes, there is nothing to learn. */
  readonly #learns: boolean;
  /** By host and target. */
  readonly #preferred = new Map<string, Map<string, readonly LinkId[]>>();
  /** Told of each frame that leaves over a link. */
  onSent: (link: LinkId, bytes: number) => void = () => {};
  /** Told of each frame that met nobody at the other end of a link. */
  onDead: (link: LinkId) => void = () => {};

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
    this.#coordinatorRoutes = options.coordinatorRoutes;
    this.#ends = new Map(
      links.map(({ link, receiver, io }) => [link, { subject: subjects.io(receiver, link), io }]),
    );
    for (const { disk, links: way } of routes) {
      const [first] = way;
      if (first === undefined || !this.#ends.has(first)) continue;
      const known = this.#routes.get(disk);
      if (known === undefined) this.#routes.set(disk, [way]);
      else known.push(way);
    }
  }

  /** Where to publish what goes over `link`; undefined when this switch has no such link. */
  endOf(link: LinkId): LinkEnd | undefined {
    return this.#ends.get(link);
  }

  /** The ways to a disk, best first; empty when there is none. */
  routesTo(disk: DiskId): readonly (readonly LinkId[])[] {
    return this.#routes.get(disk) ?? noRoutes;
  }

  /** The place of the way to a disk that a frame of this switch itself takes first. */
  placeOfBest(disk: DiskId): number {
    const { ports, deadLinks } = this.#options;
    if (ports.isWhole && deadLinks.isEmpty) return 0;
    const ways = this.routesTo(disk);
    const alive = ways.findIndex(
      ([first]) => first !== undefined && !deadLinks.isDead(first) && this.works([first]),
    );
    return Math.max(0, alive >= 0 ? alive : ways.findIndex((way) => this.works(way)));
  }

  /** Whether the connection over which a way begins carries frames, as far as is known. */
  works([first]: readonly LinkId[]): boolean {
    const end = first === undefined ? undefined : this.#ends.get(first);
    return end !== undefined && this.#options.ports.works(end.io);
  }

  /** The way to another switch, for what is to be sent on to it without being told how; undefined: it is not. */
  routeTo(coordinator: SwitchId, request: Request): readonly LinkId[] | undefined {
    const over = this.#fabricOf(request);
    return (
      this.#preferredTo(coordinator, request.host, over) ??
      this.#coordinatorRoutes.find(
        (way) => way.coordinator === coordinator && this.#isOn(way.links, over),
      )?.links
    );
  }

  /** Where switches choose how a frame goes on: takes note of the way that its host says it prefers (DESIGN H8). */
  learn({ flags, route, host }: Request, target: DiskId | SwitchId): void {
    if (!this.#learns || route.length === 0 || (flags & RequestFlag.preferredPath) === 0) return;
    const ways = this.#preferred.get(host) ?? new Map<string, readonly LinkId[]>();
    if (ways.size < preferredMax || ways.has(target)) ways.set(target, route);
    if (this.#preferred.size < preferredMax) this.#preferred.set(host, ways);
  }

  /** The way to a disk that its host prefers, else the best, over what was not found dead just now. */
  bestTo(disk: DiskId, request: Request): readonly LinkId[] | undefined {
    const over = this.#fabricOf(request);
    if (request.attempt > 0) return this.#nextTo(disk, request.attempt, over);
    const preferred = this.#preferredTo(disk, request.host, over);
    if (preferred !== undefined) return preferred;
    const { deadLinks } = this.#options;
    const isEmpty = deadLinks.isEmpty;
    let best: readonly LinkId[] | undefined;
    for (const way of this.routesTo(disk)) {
      const [first] = way;
      if (first === undefined || !this.#isOn(way, over)) continue;
      if (isEmpty || !deadLinks.isDead(first)) return way;
      best ??= way;
    }
    return best;
  }

  /** What comes again was not answered: it takes the next way, for who is silent on the one before tells nobody. */
  #nextTo(disk: DiskId, attempt: number, over: Bus | null): readonly LinkId[] | undefined {
    const { deadLinks } = this.#options;
    const routes = this.routesTo(disk).filter((way) => this.#isOn(way, over));
    const alive = routes.filter(([first]) => first !== undefined && !deadLinks.isDead(first));
    const ways = alive.length === 0 ? routes : alive;
    return ways[turnOf(attempt, ways.length)];
  }

  #preferredTo(target: string, host: string, over: Bus | null): readonly LinkId[] | undefined {
    if (!this.#learns) return undefined;
    const way = this.#preferred.get(host)?.get(target);
    if (way?.[0] === undefined || !this.#isOn(way, over)) return undefined;
    const { deadLinks } = this.#options;
    return !deadLinks.isEmpty && deadLinks.isDead(way[0]) ? undefined : way;
  }

  /** What is answered to an HBA must arrive where that HBA is; what comes back here may take any connection that works. */
  #fabricOf({ replyKind, replyId }: Request): Bus | null {
    return replyKind === 'hba'
      ? this.#options.ports.answering({ kind: replyKind, id: replyId })
      : null;
  }

  #isOn(way: readonly LinkId[], over: Bus | null): boolean {
    return over === null ? this.works(way) : this.#ends.get(way[0] as LinkId)?.io === over;
  }

  /** Nobody listened at the other end of a link. */
  foundDead(link: LinkId): void {
    this.#options.deadLinks.found(link);
    this.onDead(link);
  }

  /** First links of other ways to a disk on the fabric of the one over `failed`; none where it names none. */
  alternatesTo(disk: DiskId, failed: LinkId): readonly LinkId[] {
    if (!this.#options.namesAlternates) return [];
    const io = this.#ends.get(failed)?.io;
    const firsts = this.routesTo(disk).flatMap((way) => way[0] ?? []);
    return [...new Set(firsts)].filter(
      (link) => link !== failed && this.#ends.get(link)?.io === io,
    );
  }
}

/**
 * Whose turn it is among so many ways. Hosts ask for one mirror after the other, with each attempt: every mirror must
 * come to be read over every way, also where there are as many of these as of those.
 */
function turnOf(attempt: number, ways: number): number {
  return ways === 0 ? 0 : (attempt + Math.floor(attempt / ways)) % ways;
}
