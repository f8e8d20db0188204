/**
 * The NBD exports of a host: attaches their volumes and serves each where it is said, from the moment that the volume
 * is known. Those of the topology are there from the start to the end; those of created volumes come and go.
 */
import type { Attachment } from '../../actors/host/attachment.ts';
import type { Host } from '../../actors/host/host.ts';
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { VirtualizerId, VolumeId } from '../../protocols/ids.ts';
import type { Bus, Clock, Log } from '../../protocols/ports.ts';
import { type Listen, listenText } from '../../protocols/topology/listen.ts';
import type { Export } from '../../protocols/topology.ts';
import { VolumeShares } from '../nbd/volume-shares.ts';
import { CreatedExports, type ExportServer } from './created-exports.ts';
import type { CreatedExport } from './export-feed.ts';
import { type ExportFacts, ExportPlace } from './export-place.ts';

export interface HostExportsParts {
  readonly host: Host;
  /** Of the topology. */
  readonly exports: readonly Export[];
  readonly virtualizers: readonly VirtualizerId[];
  readonly control: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

export class HostExports implements ExportServer {
  readonly #parts: HostExportsParts;
  /** By address. */
  readonly #places = new Map<string, ExportPlace>();
  /** Addresses of places that are being closed. */
  readonly #closing = new Set<string>();
  readonly #created: CreatedExports;
  /** One for all places: a client may come back to its volume at another one (DESIGN I6). */
  readonly #shares = new VolumeShares();

  constructor(parts: HostExportsParts) {
    this.#parts = parts;
    const { host, exports } = parts;
    for (const wanted of exports) this.#placeAt(wanted.listen).want(wanted);
    const attachments = attachedVolumes(host, exports);
    for (const wanted of exports)
      attachments
        .get(wanted.volume)
        ?.whenKnown((driver) => this.#placeAt(wanted.listen).offer(wanted, driver));
    this.#created = new CreatedExports({ ...parts, server: this });
    this.#created.start();
  }

  facts(): readonly ExportFacts[] {
    return [...this.#places.values()].flatMap((place) => place.facts());
  }

  begin(wanted: CreatedExport): boolean {
    const address = listenText(wanted.listen);
    if (this.#closing.has(address)) return false;
    const place = this.#placeAt(wanted.listen);
    if (place.has(wanted.name)) {
      const { volume, name } = wanted;
      this.#parts.log.error({ volume, name, address }, 'the name of an export is taken there');
      return false;
    }
    place.want(wanted);
    return true;
  }

  offer(wanted: CreatedExport, volume: OptimizationDriver): void {
    this.#placeAt(wanted.listen).offer(wanted, volume);
  }

  end(wanted: CreatedExport, done: () => void): void {
    const address = listenText(wanted.listen);
    const place = this.#placeAt(wanted.listen);
    place.withdraw(wanted, () => {
      if (!place.isEmpty || this.#closing.has(address)) {
        done();
        return;
      }
      this.#places.delete(address);
      this.#closing.add(address);
      place.close(() => {
        this.#closing.delete(address);
        done();
      });
    });
  }

  /** Takes no more clients, answers what is under way, and closes. */
  close(done: () => void): void {
    this.#created.stop();
    let left = this.#places.size;
    if (left === 0) this.#parts.clock.soon(done);
    for (const place of this.#places.values())
      place.close(() => {
        if (--left === 0) done();
      });
  }

  /** A place of the topology opens when all that it has there is known, so that nobody gets another default export. */
  #placeAt(listen: Listen): ExportPlace {
    const { exports, clock, log } = this.#parts;
    const address = listenText(listen);
    const known = this.#places.get(address);
    if (known !== undefined) return known;
    const required = exports.filter((each) => listenText(each.listen) === address);
    const place = new ExportPlace({ listen, clock, log, shares: this.#shares }, required);
    this.#places.set(address, place);
    return place;
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
