/**
 * Answers hosts that ask which ways are left (DESIGN H6): from the wiring, without what the host knows to have failed,
 * and only ways on which every switch and disk answers now. Keeps which ways hosts prefer (H8), and names those first; and
 * which links have failed for which host, for who coordinates its writes must be in its reach, and which switches it avoids.
 */
import { z } from 'zod';
import { type Answer, refusal, verbs } from '../../protocols/commands.ts';
import type { HostId, LinkId, SwitchId } from '../../protocols/ids.ts';
import {
  failedLinksMax,
  type PathPreference,
  type PathQuery,
  type PathTarget,
  type PreferredPath,
  pathPreferenceSchema,
  pathQuerySchema,
  preferredPathsMax,
  queriedWaysMax,
} from '../../protocols/path-queries.ts';
import type { Actor } from '../actor.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';
import { checkWays, hasAnswered, type Way } from './way-check.ts';

type PathQueriesInput = Pick<
  VirtualizerInput,
  'hosts' | 'diskRoutes' | 'coordinatorRoutes' | 'topology'
>;

export class PathQueries {
  readonly #input: PathQueriesInput;
  readonly #actor: Actor;
  readonly #changed: () => void;
  readonly #preferences = new Map<HostId, PathPreference>();
  /** What hosts said last, for those who decide about volumes. */
  readonly told = {
    failedLinksOf: (host: HostId) => this.failedOf(host),
    preferredOf: (host: HostId) => this.preferredOf(host),
    isAvoidedBy: (host: HostId, id: SwitchId) => this.isAvoidedBy(host, id),
  };

  /**
   * Makes the actor answer, which must not have started yet.
   *
   * @param changed other links than before have failed for a host, or it avoids other switches
   */
  constructor(input: PathQueriesInput, actor: Actor, changed: () => void) {
    this.#input = input;
    this.#actor = actor;
    this.#changed = changed;
    actor.onCommand(verbs.paths, (body, answer) => {
      const parsed = pathQuerySchema.safeParse(body);
      if (parsed.success) this.#answer(parsed.data, answer);
      else answer(refusal('invalid', z.prettifyError(parsed.error)));
    });
    actor.onCommand(verbs.preferPaths, (body, answer) => {
      const parsed = pathPreferenceSchema.safeParse(body);
      if (!parsed.success) answer(refusal('invalid', z.prettifyError(parsed.error)));
      else answer(this.#prefer(parsed.data));
    });
  }

  /** By host, for `status` and for people. */
  facts(): readonly Record<string, unknown>[] {
    return [...this.#preferences.values()].map(({ host, paths, failed, avoided }) => ({
      host,
      paths,
      failed,
      avoided,
    }));
  }

  /** The links over which nothing of a host gets through, as it said last. */
  failedOf(host: HostId): readonly LinkId[] {
    return this.#preferences.get(host)?.failed ?? [];
  }

  /** The ways that a host prefers, as it said last. */
  preferredOf(host: HostId): readonly PreferredPath[] {
    return this.#preferences.get(host)?.paths ?? [];
  }

  /** Whether a host avoids a switch because it is slow, as it said last. */
  isAvoidedBy(host: HostId, id: SwitchId): boolean {
    return this.#preferences.get(host)?.avoided.includes(id) === true;
  }

  #prefer(preference: PathPreference): Answer {
    const { host, hostIncarnation, number } = preference;
    if (!this.#input.hosts.includes(host)) return refusal('unknown', `there is no host ${host}`);
    const known = this.#preferences.get(host);
    const isOlder = known?.hostIncarnation === hostIncarnation && known.number >= number;
    if (isOlder) return { ok: true };
    const before = textOf(known);
    this.#preferences.set(host, preference);
    if (before !== textOf(preference)) this.#changed();
    return { ok: true };
  }

  #answer({ host, targets, failed }: PathQuery, answer: (result: Answer) => void): void {
    const candidates = targets
      .flatMap((target) => this.#waysTo(host, target))
      .filter(({ route }) => route.links.every((link) => !failed.includes(link)))
      .toSorted((a, b) => this.#order(host, a) - this.#order(host, b))
      .slice(0, queriedWaysMax);
    checkWays(this.#actor, candidates, (silent) =>
      answer({
        ok: true,
        routes: candidates.filter((way) => hasAnswered(way, silent)).map(({ route }) => route),
        silent: [...silent].slice(0, failedLinksMax),
      }),
    );
  }

  #waysTo(host: HostId, target: PathTarget): readonly Way[] {
    const { hosts, diskRoutes, coordinatorRoutes, topology } = this.#input;
    if (!hosts.includes(host)) return [];
    if (target.kind === 'disk')
      return topology.disks.some(({ id }) => id === target.id)
        ? diskRoutes(host, target.id).map((route) => ({ route, target }))
        : [];
    return topology.switches.some(({ id }) => id === target.id)
      ? coordinatorRoutes(host, target.id).map((route) => ({ route, target }))
      : [];
  }

  /** Those that the host prefers, in its order, and then the shortest. */
  #order(host: HostId, { route, target }: Way): number {
    const preferred = this.preferredOf(host).filter(
      (path) => path.target.kind === target.kind && path.target.id === target.id,
    );
    const links = route.links.join(' ');
    const place = preferred.findIndex((path) => path.links.join(' ') === links);
    return place >= 0 ? place : preferredPathsMax + route.links.length;
  }
}

/** The part of a preference that decisions may follow from at once. */
function textOf({ failed = [], avoided = [] }: Partial<PathPreference> = {}): string {
  return [...failed, ...avoided].join(' ');
}
