/**
 * The switches with caches that lie on the ways of one volume's reads: what a read tells them (DESIGN I9), and their
 * cleaning when the path changes (DESIGN H9): once the ways that reads of a disk prefer are not the same as before, each
 * cache on the former ones must forget the volume before it is used again. A switch that is cleaned, or cannot be
 * reached to be cleaned, still carries reads: they say that no cache may answer them.
 */
import type { Actor as MachineActor } from 'xstate';
import { type Answer, type Invalidation, verbs } from '../../protocols/commands.ts';
import type { AttachMode } from '../../protocols/control-data.ts';
import type { ExplainedCache } from '../../protocols/explanation.ts';
import { type Request, RequestFlag } from '../../protocols/frames/request.ts';
import type { DiskId, HostId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import type { Clock, Log } from '../../protocols/ports.ts';
import { type IoNumber, unitOf } from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { cacheCleanupMachine } from './cache-cleanup-machine.ts';
import type { DriverCounters } from './driver-counters.ts';
import { type PathOrder, preferredOf } from './path-policy.ts';
import { RegionWrites } from './region-writes.ts';
import type { RouteEntry, RouteList, RouteTable } from './route-table.ts';
import type { VolumeView } from './volume-view.ts';

export interface VolumeCachesParts {
  readonly host: HostId;
  readonly actor: Actor;
  readonly ports: { readonly clock: Clock; readonly log: Log };
  readonly dispatcher: {
    readonly counters: DriverCounters;
    /** The number of the I/O that will be begun next. */
    readonly nextIo: IoNumber;
  };
}

/** What a host presents of a cleaning that is under way. */
export interface CacheCleanupFacts {
  readonly volume: VolumeId;
  readonly switch: SwitchId;
  readonly state: string;
  readonly reason: string;
}

interface SwitchCache {
  readonly switch: SwitchId;
  /** Null while the switch is known to be clean. */
  cleanup: MachineActor<typeof cacheCleanupMachine> | null;
}

/** Shorter than the machine's delay before it asks again. */
const answerTimeoutMs = 500;

/** Those of an attachment; null where there are none. In shared attach reads go through the coordinator, past them. */
export function volumeCachesOf(
  view: VolumeView,
  mode: AttachMode,
  parts: VolumeCachesParts,
): VolumeCaches | null {
  const hasNone = mode === 'shared' || view.data.cachingSwitches.length === 0;
  return hasNone ? null : new VolumeCaches(view, parts);
}

export class VolumeCaches {
  readonly writes: RegionWrites;
  readonly #parts: VolumeCachesParts;
  readonly #volume: VolumeId;
  readonly #caches: ReadonlyMap<SwitchId, SwitchCache>;
  /** By disk, the ways that its reads prefer. */
  #preferred: ReadonlyMap<DiskId, RouteList> = new Map();
  #attachEpoch: Invalidation['attachEpoch'] = unitOf(0);

  constructor(view: VolumeView, parts: VolumeCachesParts) {
    const { volume, regionBytes, cachingSwitches } = view.data;
    this.#parts = parts;
    this.#volume = volume;
    this.writes = new RegionWrites(regionBytes);
    this.#caches = new Map(cachingSwitches.map((id) => [id, { switch: id, cleanup: null }]));
  }

  /** Writes into a read, before it is sent, what the cache on its way must know. */
  stamp(request: Request, route: RouteEntry): void {
    const cache = route.mapper === '' ? undefined : this.#caches.get(route.mapper);
    if (cache === undefined) return;
    const count = this.writes.settledCount(request.offset, request.lengthBytes);
    // What went wrong with the first attempt may be the cache.
    if (count >= 0 && cache.cleanup === null && request.attempt === 0) {
      request.regionWrites = count;
      return;
    }
    request.flags |= RequestFlag.bypassCache;
    this.#parts.dispatcher.counters.cacheBypasses++;
  }

  /** Whether a read of one byte that takes this way may be answered by a cache, and why, for people. */
  explain(offset: number, route: RouteEntry | null): ExplainedCache {
    const id = route?.mapper ?? '';
    const cache = id === '' ? undefined : this.#caches.get(id);
    const count = this.writes.settledCount(offset, 1);
    const may = { switch: id, mayAnswer: false, regionWrites: Math.max(count, 0) };
    if (cache === undefined)
      return { ...may, switch: '', why: `switch ${id || 'on the way'} keeps nothing that it read` };
    if (cache.cleanup !== null) {
      const { reason } = cache.cleanup.getSnapshot().context;
      const why = `the cache of ${id} is not used before it has forgotten the volume: ${reason}`;
      return { ...may, why };
    }
    if (count < 0) return { ...may, why: `a write to its region is under way: ${id} is read past` };
    return {
      ...may,
      mayAnswer: true,
      why: `if ${id} has kept it since the last write to its region`,
    };
  }

  /** Finds out whether reads prefer other ways than before: then the caches on the former ones are to be cleaned. */
  routesChanged(view: VolumeView, routes: RouteTable, order: PathOrder): void {
    this.#attachEpoch = view.attachment?.attachEpoch ?? this.#attachEpoch;
    const before = this.#preferred;
    this.#preferred = new Map(
      view.disks.map((disk, index) => [disk, preferredOf(routes.disks[index] ?? [], order)]),
    );
    for (const [disk, former] of before)
      if (!areSameWays(former, this.#preferred.get(disk) ?? []))
        for (const { mapper } of former) this.#clean(mapper, disk);
  }

  /** Cleanings that are under way. */
  facts(): readonly CacheCleanupFacts[] {
    return [...this.#caches.values()].flatMap(({ switch: id, cleanup }) => {
      if (cleanup === null) return [];
      const { value, context } = cleanup.getSnapshot();
      const { reason } = context;
      return [{ volume: this.#volume, switch: id, state: stateText(value), reason }];
    });
  }

  /** The machine that cleans a switch, to look at it; undefined when none does. */
  machine(id: SwitchId): MachineActor<typeof cacheCleanupMachine> | undefined {
    return this.#caches.get(id)?.cleanup ?? undefined;
  }

  stop(): void {
    for (const cache of this.#caches.values()) {
      cache.cleanup?.stop();
      cache.cleanup = null;
    }
  }

  #clean(id: SwitchId | '', disk: DiskId): void {
    const { actor, ports } = this.#parts;
    const cache = id === '' ? undefined : this.#caches.get(id);
    if (cache === undefined || id === '' || cache.cleanup !== null) return;
    const machine = runMachine({
      machine: cacheCleanupMachine.provide({
        actions: {
          sendInvalidation: () =>
            this.#invalidate(id, (answer) => {
              if (cache.cleanup === machine) machine.send(eventOf(answer));
            }),
          publishClean: () => {
            cache.cleanup = null;
          },
        },
      }),
      name: `cache-cleanup:${this.#volume}/${id}`,
      input: { reason: `reads of ${disk} prefer other ways` },
      actor,
      clock: ports.clock,
      log: ports.log,
      // Nobody decides about this cache any more: it stays unused.
      onFailure: () => {},
    });
    cache.cleanup = machine;
  }

  #invalidate(id: SwitchId, done: (answer: Answer) => void): void {
    const { host, actor, dispatcher } = this.#parts;
    const body: Invalidation = {
      host,
      volume: this.#volume,
      attachEpoch: this.#attachEpoch,
      firstIo: dispatcher.nextIo,
    };
    dispatcher.counters.invalidations++;
    actor.ask({ kind: 'switch', id }, verbs.invalidate, body, answerTimeoutMs, done);
  }
}

/** Route tables are replaced: the same way is known by its links. */
function areSameWays(before: RouteList, now: RouteList): boolean {
  return (
    before.length === now.length &&
    before.every(({ links }, index) => {
      const others = now[index]?.links ?? [];
      return links.length === others.length && links.every((link, at) => link === others[at]);
    })
  );
}

function eventOf(answer: Answer) {
  return answer.ok
    ? ({ type: 'invalidation.confirmed', blocks: Number(answer.blocks ?? 0) } as const)
    : ({ type: 'invalidation.failed', what: answer.message } as const);
}
