/**
 * One place where a host's NBD server listens, with the exports that are served there. Exports come and go without
 * touching the others or their clients. A place that cannot be listened at is tried again, for its user may go.
 */
import type { AttachedVolume } from '../../protocols/attached-volume.ts';
import type { Clock, Log, Timer } from '../../protocols/ports.ts';
import { type Listen, listenText } from '../../protocols/topology/listen.ts';
import type { Export } from '../../protocols/topology.ts';
import type { NbdExport } from '../nbd/exports.ts';
import { type ListenAt, type ListenResult, NbdServer, nbdUri } from '../nbd/server.ts';
import type { VolumeShares } from '../nbd/volume-shares.ts';

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

export interface PlaceParts {
  readonly listen: Listen;
  readonly clock: Clock;
  readonly log: Log;
  readonly shares: VolumeShares;
}

export class ExportPlace {
  readonly #parts: PlaceParts;
  readonly #server: NbdServer;
  #wanted: readonly Export[] = [];
  /** Those of `#wanted` whose volume is known, in the same order: clients that name none get the first. */
  #offered: readonly NbdExport[] = [];
  /** Nobody can connect before these are offered; others join when they come. */
  readonly #required: readonly Export[];
  #state: 'waiting' | 'opening' | 'listening' | 'closed' = 'waiting';
  #at: ListenAt | null = null;
  #problem = '';
  #retry: Timer | null = null;

  /** @param required nobody can connect before these are offered */
  constructor(parts: PlaceParts, required: readonly Export[]) {
    this.#parts = parts;
    this.#required = required;
    this.#server = new NbdServer({
      catalogue: { list: () => this.#offered },
      log: parts.log,
      shares: parts.shares,
    });
  }

  get isEmpty(): boolean {
    return this.#wanted.length === 0;
  }

  /** True when an export of this name is served here, or going to be. */
  has(name: string): boolean {
    return this.#wanted.some((each) => each.name === name);
  }

  /** Promises an export; clients get it once `offer` was called. */
  want(wanted: Export): void {
    this.#wanted = [...this.#wanted, wanted];
  }

  /** The volume of an export is known: clients may have it. */
  offer(wanted: Export, volume: AttachedVolume): void {
    if (!this.#wanted.includes(wanted)) return;
    const offers = new Map(this.#offered.map((offer) => [offer.name, offer]));
    offers.set(wanted.name, offerOf(wanted, volume));
    this.#offered = this.#wanted.flatMap(({ name }) => offers.get(name) ?? []);
    const isComplete = this.#required.every(({ name }) => offers.has(name));
    if (this.#state === 'waiting' && isComplete) this.#listen();
  }

  /** No new clients for an export; those it has are disconnected once they have been answered. */
  withdraw(wanted: Export, done: () => void): void {
    this.#wanted = this.#wanted.filter((each) => each !== wanted);
    this.#offered = this.#offered.filter(({ name }) => name !== wanted.name);
    this.#server.disconnect(wanted.name, done);
  }

  /** Takes no more clients, answers what is under way, and closes. */
  close(done: () => void): void {
    if (this.#retry !== null) this.#parts.clock.clearTimeout(this.#retry);
    this.#retry = null;
    this.#state = 'closed';
    this.#server.close(done);
  }

  facts(): readonly ExportFacts[] {
    return this.#wanted.map(({ volume, name, attach, readOnly }) => {
      const isOffered = this.#offered.some((offer) => offer.name === name);
      const isOpen = isOffered && this.#at !== null;
      return {
        volume,
        name,
        uri: isOpen && this.#at !== null ? nbdUri(this.#at, name) : '',
        attach,
        readOnly,
        problem: isOpen ? '' : this.#problem || 'its volume is not known yet',
      };
    });
  }

  #listen(): void {
    const { listen } = this.#parts;
    this.#state = 'opening';
    const at =
      listen.kind === 'unix' ? { path: listen.path } : { host: listen.host, port: listen.port };
    this.#server.listen(at, (result) => this.#listened(result));
  }

  #listened(result: ListenResult): void {
    if (this.#state === 'closed') return;
    if (result.outcome === 'listening') {
      this.#state = 'listening';
      this.#at = result.at;
      this.#problem = '';
      return;
    }
    const { clock, log, listen } = this.#parts;
    if (this.#problem !== result.reason) log.error({ at: listenText(listen) }, result.reason);
    this.#problem = result.reason;
    this.#retry = clock.setTimeout(() => this.#listen(), retryDelayMs);
  }
}

function offerOf({ name, volume, readOnly }: Export, attached: AttachedVolume): NbdExport {
  return {
    name,
    volume: attached,
    readOnly,
    zeroesFast: true,
    description: `Sanctor volume ${volume}`,
  };
}
