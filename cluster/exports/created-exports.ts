/**
 * The exports of created volumes on one host, as they come and go: a volume is attached for as long as it is to be
 * exported, and let go once its consumers are gone. Who the consumers are, and how they are served, is the server's:
 * NBD clients in a cluster, workloads in a simulation.
 */
import type { Host } from '../../actors/host/host.ts';
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { VirtualizerId, VolumeId } from '../../protocols/ids.ts';
import type { Bus, Clock, Log } from '../../protocols/ports.ts';
import { type CreatedExport, ExportFeed } from './export-feed.ts';

export interface ExportServer {
  /** An export is promised. @returns false when that cannot be now; asked again when another one has gone */
  begin(wanted: CreatedExport): boolean;
  /** Its volume is known: consumers may have it. */
  offer(wanted: CreatedExport, volume: OptimizationDriver): void;
  /** No new consumers; `done` once those that it has were answered and are gone. */
  end(wanted: CreatedExport, done: () => void): void;
}

export interface CreatedExportsParts {
  readonly host: Host;
  readonly virtualizers: readonly VirtualizerId[];
  readonly control: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly server: ExportServer;
}

interface Served {
  readonly wanted: CreatedExport;
  isEnding: boolean;
}

export class CreatedExports {
  readonly #parts: CreatedExportsParts;
  readonly #feed: ExportFeed;
  readonly #served = new Map<VolumeId, Served>();
  #wanted: readonly CreatedExport[] = [];
  #isStopped = false;

  constructor(parts: CreatedExportsParts) {
    this.#parts = parts;
    const { actor } = parts.host;
    this.#feed = new ExportFeed({ ...parts, actor }, (wanted) => {
      this.#wanted = wanted;
      this.#reconcile();
    });
  }

  start(): void {
    this.#feed.start();
  }

  /** Nothing comes or goes any more; what is served is left to the host, which lets go of all its volumes. */
  stop(): void {
    this.#isStopped = true;
    this.#feed.stop();
  }

  #reconcile(): void {
    if (this.#isStopped) return;
    const keys = new Set(this.#wanted.map(keyOf));
    for (const [volume, served] of this.#served)
      if (!served.isEnding && !keys.has(keyOf(served.wanted))) this.#end(volume, served);
    for (const wanted of this.#wanted) if (!this.#served.has(wanted.volume)) this.#begin(wanted);
  }

  #begin(wanted: CreatedExport): void {
    const { host, server, log } = this.#parts;
    const { volume, life, attach, readOnly } = wanted;
    if (!host.isAttachable) return;
    if (host.attachments.some(({ volumeId }) => volumeId === volume)) {
      log.error({ volume, host: host.id }, 'a created volume is attached here already');
      return;
    }
    if (!server.begin(wanted)) return;
    this.#served.set(volume, { wanted, isEnding: false });
    host
      .attach({ volume, life, mode: attach, readOnly })
      .whenKnown((driver) => server.offer(wanted, driver));
  }

  #end(volume: VolumeId, served: Served): void {
    const { host, server } = this.#parts;
    served.isEnding = true;
    server.end(served.wanted, () =>
      host.detach(volume, () => {
        this.#served.delete(volume);
        this.#reconcile();
      }),
    );
  }
}

function keyOf(wanted: CreatedExport): string {
  return JSON.stringify(wanted);
}
