/**
 * What a host knows of the links that its routes are made of: one path machine per link, fed with evidence from the
 * data path, and the ranks that they publish. Evidence costs the data path a few stores; machines get an event only
 * when it may change something.
 */
import type { Actor as MachineActor } from 'xstate';
import type { HbaId, LinkId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import type { Hba } from '../hba/hba.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { type PathRank, pathMachine } from './path-machine.ts';
import {
  LinkRank,
  type PathLink,
  type RouteEntry,
  type RouteParts,
  type RouteTarget,
  type Traffic,
} from './route-table.ts';

export interface PathsParts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly hbas: ReadonlyMap<HbaId, Hba>;
  /** Sends something small over the link. */
  readonly probe: (link: PathLink) => void;
  /** A rank changed: route tables are to be built anew. */
  readonly changed: (link: PathLink) => void;
}

const rankOf: Readonly<Record<PathRank, LinkRank>> = {
  usable: LinkRank.usable,
  suspect: LinkRank.suspect,
  failed: LinkRank.failed,
};

export class Paths implements RouteParts {
  readonly #parts: PathsParts;
  readonly #links = new Map<LinkId, PathLink>();
  readonly #machines = new Map<LinkId, MachineActor<typeof pathMachine>>();
  readonly #targets = new Map<string, RouteTarget>();
  readonly #traffic = new Map<string, Traffic>();

  constructor(parts: PathsParts) {
    this.#parts = parts;
  }

  hba(id: HbaId): Hba | undefined {
    return this.#parts.hbas.get(id);
  }

  target(kind: RouteTarget['kind'], id: RouteTarget['id']): RouteTarget {
    const name = `${kind}:${id}`;
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const target = { kind, id, outstanding: 0, answeredAtMs: 0 };
    this.#targets.set(name, target);
    return target;
  }

  traffic(hba: HbaId, target: RouteTarget): Traffic {
    const name = `${hba} ${target.kind}:${target.id}`;
    const known = this.#traffic.get(name);
    if (known !== undefined) return known;
    const traffic = { hba, target, frames: 0 };
    this.#traffic.set(name, traffic);
    return traffic;
  }

  /** By HBA and target, all that any route was ever built for. */
  get allTraffic(): Iterable<Traffic> {
    return this.#traffic.values();
  }

  /** The link of that name; its machine starts when it is first spoken of. */
  link(id: LinkId): PathLink {
    const known = this.#links.get(id);
    if (known !== undefined) return known;
    const link: PathLink = {
      link: id,
      rank: LinkRank.usable,
      changedAtMs: 0,
      answeredAtMs: 0,
      outstanding: 0,
    };
    this.#links.set(id, link);
    this.#machines.set(id, this.#run(link));
    return link;
  }

  /** The link of that name, if any route was ever spoken of that contains it. */
  known(id: LinkId): PathLink | undefined {
    return this.#links.get(id);
  }

  /** The machine of a link, to look at it. */
  machine(id: LinkId): MachineActor<typeof pathMachine> | undefined {
    return this.#machines.get(id);
  }

  state(link: PathLink): string {
    const machine = this.#machines.get(link.link);
    return machine === undefined ? 'unknown' : stateText(machine.getSnapshot().value);
  }

  /** An answer came to what was sent at `sentAtMs`, over all links of the route. */
  answered(route: RouteEntry, sentAtMs: number, nowMs: number): void {
    route.target.answeredAtMs = nowMs;
    for (const link of route.links) {
      link.answeredAtMs = nowMs;
      if (link.rank !== LinkRank.usable) this.#restored(link, sentAtMs);
    }
  }

  /** An answer came that shows the first link to work, but says nothing good of the others. */
  answeredByFirst(route: RouteEntry, sentAtMs: number, nowMs: number): void {
    route.first.answeredAtMs = nowMs;
    if (route.first.rank !== LinkRank.usable) this.#restored(route.first, sentAtMs);
  }

  /** What was sent at `sentAtMs` got no answer in time: doubts the links over which nothing else came since. */
  timedOut(route: RouteEntry, sentAtMs: number): void {
    for (const link of route.links)
      if (link.rank === LinkRank.usable && link.answeredAtMs < sentAtMs)
        this.#machines.get(link.link)?.send({ type: 'path.timedOut' });
  }

  /** Nobody listens at the end of the link. */
  failed(link: PathLink): void {
    this.#machines.get(link.link)?.send({ type: 'path.failed' });
  }

  stop(): void {
    for (const machine of this.#machines.values()) machine.stop();
  }

  #restored(link: PathLink, sentAtMs: number): void {
    if (sentAtMs >= link.changedAtMs)
      this.#machines.get(link.link)?.send({ type: 'path.answered' });
  }

  #run(link: PathLink): MachineActor<typeof pathMachine> {
    const { actor, clock, log, probe, changed } = this.#parts;
    const publish = (rank: LinkRank) => {
      if (link.rank === rank) return;
      link.rank = rank;
      link.changedAtMs = clock.now();
      changed(link);
    };
    return runMachine({
      machine: pathMachine.provide({
        actions: {
          publishRank: (_, { rank }) => publish(rankOf[rank]),
          sendProbe: () => probe(link),
        },
      }),
      name: `path:${link.link}`,
      input: undefined,
      actor,
      clock,
      log,
      onFailure: () => publish(LinkRank.failed),
    });
  }
}
