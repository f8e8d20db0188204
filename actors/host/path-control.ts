/**
 * Paths on a host's command network: what it hears of departures and dead links, what it asks and tells the
 * virtualizers, and the operator's `failback`. What follows for I/O is for path machines and failovers to say.
 */
import { z } from 'zod';
import { type Answer, failbackRequestSchema, refusal, verbs } from '../../protocols/commands.ts';
import type { HostId, LinkId, VirtualizerId } from '../../protocols/ids.ts';
import {
  failedLinksMax,
  type PreferredPath,
  queriedTargetsMax,
} from '../../protocols/path-queries.ts';
import type { Bus, Clock } from '../../protocols/ports.ts';
import type { Actor } from '../actor.ts';
import { Departures } from './departures.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { BalancePolicy } from './driver-policy.ts';
import { LoadBalance } from './load-balance.ts';
import type { WayQuery } from './path-failover.ts';
import { PathReports } from './path-reports.ts';
import type { Paths } from './paths.ts';
import { LinkRank, type RouteTarget } from './route-table.ts';

export interface PathControlParts {
  readonly host: HostId;
  readonly virtualizers: readonly VirtualizerId[];
  readonly actor: Actor;
  readonly control: Bus;
  readonly clock: Clock;
  readonly paths: Paths;
  readonly balance: BalancePolicy;
  readonly dispatcher: () => Dispatcher;
}

export class PathControl {
  readonly #parts: PathControlParts;
  readonly #departures: Departures;
  readonly #reports: PathReports;
  readonly #load: LoadBalance;

  constructor(parts: PathControlParts) {
    this.#parts = parts;
    const { actor, control, paths, dispatcher } = parts;
    this.#reports = new PathReports({
      ...parts,
      preferred: () => this.#preferred(),
      failed: () => this.#failed(),
      avoided: () => [...paths.switches].filter((each) => each.isAvoided).map(({ id }) => id),
    });
    this.#departures = new Departures(control, actor.subjects, {
      departed: (actors) => {
        for (const { id } of actors) this.#gone(id);
      },
      linkReported: (id) => {
        const link = paths.known(id);
        if (link !== undefined && link.rank !== LinkRank.failed) dispatcher().probe(link);
      },
      virtualizerBegan: () => this.#reports.forget(),
    });
    this.#load = new LoadBalance({ ...parts, policy: parts.balance });
    actor.onCommand(verbs.failback, (body, answer) => answer(this.#failBack(body)));
  }

  start(): void {
    this.#departures.start();
    this.#load.start();
  }

  stop(): void {
    this.#departures.stop();
    this.#load.stop();
    this.#reports.stop();
  }

  /** What is known of the load of switches. */
  loadFacts(): readonly Record<string, unknown>[] {
    return this.#load.facts();
  }

  /** Which ways are preferred may have changed. */
  changed(): void {
    this.#reports.changed();
  }

  /** The ways to any of the targets that the virtualizer has verified. */
  readonly query: WayQuery = (volume, targets, found, done) => {
    const { paths } = this.#parts;
    const failed = [...new Set([...found, ...paths.failedLinks])].slice(0, failedLinksMax);
    const ends = targets.slice(0, queriedTargetsMax).map(targetOf);
    this.#reports.query({ volume, targets: ends, failed }, (answer) => {
      for (const id of answer?.silent ?? []) this.#gone(id);
      done(answer?.routes ?? null);
    });
  };

  /** Nothing that leads there works. */
  #gone(id: string): void {
    const { paths, dispatcher } = this.#parts;
    for (const link of dispatcher().routes.linksTo(id)) paths.failed(link, false);
  }

  #failBack(body: unknown): Answer {
    const parsed = failbackRequestSchema.safeParse(body);
    if (!parsed.success) return refusal('invalid', z.prettifyError(parsed.error));
    const { link = null } = parsed.data;
    const { paths, host } = this.#parts;
    if (link !== null && paths.known(link) === undefined)
      return refusal('unknown', `host ${host} knows no link ${link}`);
    return { ok: true, links: paths.failBack(link) };
  }

  /** Those that failed, and those of HBAs that are not connected. */
  #failed(): readonly LinkId[] {
    const { paths, dispatcher } = this.#parts;
    const failed = new Set(paths.failedLinks);
    for (const list of dispatcher().routes.lists())
      for (const { hba, first } of list) if (!hba.usable) failed.add(first.link);
    return [...failed];
  }

  /** To each target the best way through each first switch, in the order in which they are preferred. */
  #preferred(): readonly PreferredPath[] {
    const found = new Map<string, PreferredPath>();
    for (const list of this.#parts.dispatcher().routes.lists())
      for (const { target, hba, links, ends } of list) {
        const key = `${target.kind}:${target.id} ${ends[0]}`;
        const path = { hba: hba.id, links: links.map(({ link }) => link) };
        if (!found.has(key)) found.set(key, { target: targetOf(target), ...path });
      }
    return [...found.values()];
  }
}

function targetOf({ kind, id }: RouteTarget): PreferredPath['target'] {
  return { kind, id } as PreferredPath['target'];
}
