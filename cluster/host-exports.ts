/**
 * The NBD exports of a host: attaches their volumes and serves each where the topology says, from the moment that the
 * volume is known. A place that cannot be listened at is tried again, for its user may go.
 */
import type { Attachment } from '../actors/host/attachment.ts';
import type { Host } from '../actors/host/host.ts';
import type { OptimizationDriver } from '../actors/host/optimization-driver.ts';
import type { VolumeId } from '../protocols/ids.ts';
import type { Clock, Log, Timer } from '../protocols/ports.ts';
import { type Listen, listenText } from '../protocols/topology/listen.ts';
import type { Export } from '../protocols/topology.ts';
import type { NbdExport } from './nbd/exports.ts';
import { type ListenAt, type ListenResult, NbdServer } from './nbd/server.ts';
import { VolumeShares } from './nbd/volume-shares.ts';

const retryDelayMs = 1000;

/** What `status` shows of an export. */
export interface ExportFacts {
  readonly volume: string;
  readonly name: string;
  /** '' while nobody can connect. */
  readonly uri: string;
  readonly attach: string;
  readonly readOnly: boolean;
  /** Why nobody can connect, for people; '' when clients can. */
  readonly problem: string;
}

/** One place to listen at, with the exports that are served there. */
interface Place {
  readonly listen: Listen;
  readonly exports: readonly Export[];
  readonly offered: NbdExport[];
  readonly server: NbdServer;
  /** Where it listens: known once it does. */
  at: ListenAt | null;
  problem: string;
  retry: Timer | null;
}

export class HostExports {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #places: readonly Place[];
  /** One for all places: a client may come back to its volume at another one (DESIGN I6). */
  readonly #shares = new VolumeShares();

  constructor(host: Host, exports: readonly Export[], clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    const texts = new Set(exports.map(({ listen }) => listenText(listen)));
    this.#places = [...texts].map((text) =>
      this.#place(exports.filter(({ listen }) => listenText(listen) === text)),
    );
    const attachments = attachedVolumes(host, exports);
    for (const place of this.#places) this.#offer(place, attachments);
  }

  facts(): readonly ExportFacts[] {
    return this.#places.flatMap((place) =>
      place.exports.map(({ volume, name, attach, readOnly }) => ({
        volume,
        name,
        uri: place.at === null ? '' : uriOf(place.at, name),
        attach,
        readOnly,
        problem: place.problem,
      })),
    );
  }

  /** Takes no more clients, answers what is under way, and closes. */
  close(done: () => void): void {
    let left = this.#places.length;
    if (left === 0) this.#clock.soon(done);
    for (const place of this.#places) {
      if (place.retry !== null) this.#clock.clearTimeout(place.retry);
      place.server.close(() => {
        if (--left === 0) done();
      });
    }
  }

  #place(exports: readonly Export[]): Place {
    const offered: NbdExport[] = [];
    const server = new NbdServer({
      catalogue: { list: () => offered },
      log: this.#log,
      shares: this.#shares,
    });
    const [first] = exports;
    if (first === undefined) throw new RangeError('a place to listen at has exports');
    const problem = 'its volume is not known yet';
    return { listen: first.listen, exports, offered, server, at: null, problem, retry: null };
  }

  #offer(place: Place, attachments: ReadonlyMap<VolumeId, Attachment>): void {
    for (const wanted of place.exports) {
      attachments.get(wanted.volume)?.whenKnown((driver) => {
        place.offered.push(offerOf(wanted, driver));
        if (place.offered.length === place.exports.length) this.#listen(place);
      });
    }
  }

  #listen(place: Place): void {
    const { listen } = place;
    const at =
      listen.kind === 'unix' ? { path: listen.path } : { host: listen.host, port: listen.port };
    place.server.listen(at, (result) => this.#listened(place, result));
  }

  #listened(place: Place, result: ListenResult): void {
    if (result.outcome === 'listening') {
      place.at = result.at;
      place.problem = '';
      return;
    }
    if (place.problem !== result.reason)
      this.#log.error({ at: listenText(place.listen) }, result.reason);
    place.problem = result.reason;
    place.retry = this.#clock.setTimeout(() => this.#listen(place), retryDelayMs);
  }
}

/** Attaches each volume once, whatever number of exports it has. */
function attachedVolumes(
  host: Host,
  exports: readonly Export[],
): ReadonlyMap<VolumeId, Attachment> {
  const attachments = new Map<VolumeId, Attachment>();
  for (const { volume, attach } of exports) {
    if (attachments.has(volume)) continue;
    const readOnly = exports.every((each) => each.volume !== volume || each.readOnly);
    attachments.set(volume, host.attach({ volume, mode: attach, readOnly }));
  }
  return attachments;
}

function offerOf({ name, volume, readOnly }: Export, driver: OptimizationDriver): NbdExport {
  return {
    name,
    volume: driver,
    readOnly,
    zeroesFast: true,
    description: `Sanctor volume ${volume}`,
  };
}

/** As NBD clients take it: `nbd://127.0.0.1:10809/vol0`, `nbd+unix:///vol0?socket=/run/x`. */
function uriOf(at: ListenAt, name: string): string {
  const exportName = encodeURIComponent(name);
  if ('path' in at) return `nbd+unix:///${exportName}?socket=${at.path}`;
  const host = at.host ?? '127.0.0.1';
  return `nbd://${host.includes(':') ? `[${host}]` : host}:${at.port}/${exportName}`;
}
