/**
 * What a host knows of the links that its routes are made of: one path machine per link, fed with evidence from the
 * data path, and the ranks that they publish. Evidence costs the data path a few stores; machines get an event only
 * when it may change something.
 */
import type { Actor as MachineActor } from 'xstate';
import type { HbaId, LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import type { Hba } from '../hba/hba.ts';
import { runMachine, stateText } from '../running-machine.ts';
import type { FailbackPolicy } from './driver-policy.ts';
import { pathMachine } from './path-machine.ts';
import {
  LinkRank,
  type Notice,
  type PathLink,
  type RouteEntry,
  type RouteParts,
  type RouteTarget,
  type Service,
  type SwitchState,
  type Traffic,
} from './route-table.ts';

export interface PathsParts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: FailbackPolicy;
  /** Those that are not as fast as others, or faster. */
  readonly linkSpeeds: ReadonlyMap<LinkId, number>;
  readonly hbas: ReadonlyMap<HbaId, Hba>;
  /** Sends something small over the link. */
  readonly probe: (link: PathLink) => void;
  /** A rank changed: route tables are to be built anew. */
  readonly changed: (link: PathLink) => void;
}

/** How much the latest answer counts. */
const serviceWeight = 1 / 8;
/** How much the latest small frame counts: there are few of them. */
const measuredWeight = 0.3;
/** How much counts of an older one, each time that none came. */
const oldServiceKept = 0.9;

export class Paths implements RouteParts {
  readonly #parts: PathsParts;
  readonly #links = new Map<LinkId, PathLink>();
  readonly #machines = new Map<LinkId, MachineActor<typeof pathMachine>>();
  readonly #targets = new Map<string, RouteTarget>();
  readonly #traffic = new Map<string, Traffic>();
  readonly #notices = new Map<string, Notice>();
  readonly #services = new Map<string, Service>();
  readonly #switches = new Map<string, SwitchState>();
  /** Answers of disks since they were looked at last. */
  readonly answers = { count: 0, sumMs: 0 };

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

  notice(first: LinkId, target: RouteTarget): Notice {
    const name = `${first} ${target.kind}:${target.id}`;
    const known = this.#notices.get(name);
    if (known !== undefined) return known;
    const notice = { told: null, frames: 0 };
    this.#notices.set(name, notice);
    return notice;
  }

  service(links: readonly LinkId[], target: RouteTarget): Service {
    const name = `${links.join(' ')} ${target.id}`;
    const known = this.#services.get(name);
    if (known !== undefined) return known;
    const never = Number.NEGATIVE_INFINITY;
    const service = { answerMs: 0, isFresh: false, probedAtMs: never, measuredMs: null };
    this.#services.set(name, service);
    return service;
  }

  switchState(id: string): SwitchState {
    const known = this.#switches.get(id);
    if (known !== undefined) return known;
    const times = { answers: 0, answersMs: 0, answeredAtMs: 0, owesSinceMs: 0 };
    const state = { id: id as SwitchId, isAvoided: false, queueDelayMs: 0, ...times };
    this.#switches.set(id, state);
    return state;
  }

  /** All that were ever spoken of. */
  get switches(): Iterable<SwitchState> {
    return this.#switches.values();
  }

  speed(link: LinkId): number {
    return this.#parts.linkSpeeds.get(link) ?? 1;
  }

  /** What a way took that nothing took since: by and by it is forgotten, so that the way is tried again. */
  forgetOldService(): void {
    for (const service of this.#services.values()) {
      if (!service.isFresh) service.answerMs *= oldServiceKept;
      service.isFresh = false;
    }
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

  /** The links that are known to have failed. */
  get failedLinks(): readonly LinkId[] {
    return [...this.#links.values()]
      .filter(({ rank }) => rank === LinkRank.failed)
      .map(({ link }) => link);
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
    for (const each of route.switches) each.answeredAtMs = nowMs;
    const { service } = route;
    const tookMs = nowMs - sentAtMs;
    service.answerMs += (tookMs - service.answerMs) * serviceWeight;
    service.isFresh = true;
    if (route.target.kind === 'disk') {
      this.answers.count++;
      this.answers.sumMs += tookMs;
      for (const each of route.switches) {
        each.answers++;
        each.answersMs += tookMs;
      }
    }
    for (const link of route.links) {
      link.answeredAtMs = nowMs;
      if (link.rank !== LinkRank.usable) this.#restored(link, sentAtMs);
    }
  }

  /** An answer came to a small frame that was sent only to measure. */
  measured(route: RouteEntry, sentAtMs: number, nowMs: number): void {
    const { service } = route;
    const tookMs = nowMs - sentAtMs;
    const before = service.measuredMs ?? tookMs;
    service.measuredMs = before + (tookMs - before) * measuredWeight;
  }

  /** An answer came that shows the first link to work, but says nothing good of the others. */
  answeredByFirst(route: RouteEntry, sentAtMs: number, nowMs: number): void {
    route.first.answeredAtMs = nowMs;
    route.firstSwitch.answeredAtMs = nowMs;
    if (route.first.rank !== LinkRank.usable) this.#restored(route.first, sentAtMs);
  }

  /** What was sent at `sentAtMs` got no answer in time: doubts the links over which nothing else came since. */
  timedOut(route: RouteEntry, sentAtMs: number): void {
    for (const link of route.links)
      if (link.rank < LinkRank.suspect && link.answeredAtMs < sentAtMs)
        this.#machines.get(link.link)?.send({ type: 'path.timedOut' });
  }

  /** Nobody listens at the end of the link. @param byOwnIo I/O of this host met it */
  failed(link: PathLink, byOwnIo: boolean): void {
    const atMs = this.#parts.clock.now();
    this.#machines.get(link.link)?.send({ type: 'path.failed', atMs, byOwnIo });
  }

  /** Prefers links again that are in reserve or in quarantine; all of them, or one. @returns which those are */
  failBack(only: LinkId | null): readonly LinkId[] {
    const waiting = [...this.#links.values()].filter(
      ({ link, rank }) =>
        (only === null || link === only) &&
        (rank === LinkRank.standby || rank === LinkRank.quarantined),
    );
    for (const { link } of waiting) this.#machines.get(link)?.send({ type: 'failback.requested' });
    return waiting.map(({ link }) => link);
  }

  stop(): void {
    for (const machine of this.#machines.values()) machine.stop();
  }

  #restored(link: PathLink, sentAtMs: number): void {
    const { rank } = link;
    // What works and is kept in reserve needs no more proof of it.
    if (rank === LinkRank.standby || rank === LinkRank.quarantined) return;
    if (sentAtMs >= link.changedAtMs) {
      const atMs = this.#parts.clock.now();
      this.#machines.get(link.link)?.send({ type: 'path.answered', atMs });
    }
  }

  #run(link: PathLink): MachineActor<typeof pathMachine> {
    const { actor, clock, log, policy, probe, changed } = this.#parts;
    const publish = (rank: LinkRank) => {
      if (link.rank === rank) return;
      link.rank = rank;
      link.changedAtMs = clock.now();
      changed(link);
    };
    return runMachine({
      machine: pathMachine.provide({
        actions: {
          publishRank: (_, { rank }) => publish(LinkRank[rank]),
          sendProbe: () => probe(link),
        },
      }),
      name: `path:${link.link}`,
      input: { policy },
      actor,
      clock,
      log,
      onFailure: () => publish(LinkRank.failed),
    });
  }
}
