/**
 * A volume as a consumer uses it in the simulation: every request and what came of it goes into the volume's history.
 * Which requests are made, and when, is the workload's.
 */
import type { AttachedVolume, ConsumerDone } from '../../protocols/attached-volume.ts';
import { Status } from '../../protocols/codes.ts';
import type { Clock } from '../../protocols/ports.ts';
import { sectorBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { stampedSectors, valuesOf } from '../history/stamped-sectors.ts';
import type { VolumeHistory, WriteToken } from '../history/volume-history.ts';

export interface SectorRange {
  readonly firstSector: number;
  readonly sectorCount: number;
}

/** What all consumers of a volume count together, so that no two moments and no two written values are the same. */
export interface VolumeCount {
  moment: number;
  value: number;
}

/** Told how a request ended. */
export type RequestEnded = (status: Status) => void;

/** One request that has not ended. */
interface OpenRequest {
  /** null for what changes nothing. */
  write: WriteToken | null;
  readonly startedMs: number;
  readonly ended: RequestEnded;
}

export class RecordedVolume {
  readonly #history: VolumeHistory;
  readonly #clock: Clock;
  readonly #count: VolumeCount;
  readonly #onMedia: (place: SectorRange, beganMs: number) => void;
  readonly #open = new Set<OpenRequest>();
  /** Writes that were under way when the host died, and which it has not served anything since. */
  #lost: WriteToken[] = [];
  /** Writes that succeeded, since the last error, and that no flush has covered. */
  #unflushed: WriteToken[] = [];

  /** @param onMedia told of each read that ended with a media error, and when it had begun */
  constructor(
    history: VolumeHistory,
    clock: Clock,
    count: VolumeCount,
    onMedia: (place: SectorRange, beganMs: number) => void = () => {},
  ) {
    this.#onMedia = onMedia;
    this.#history = history;
    this.#clock = clock;
    this.#count = count;
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#open.size;
  }

  /** When the oldest of them began; Infinity when there is none. */
  get openSinceMs(): number {
    for (const { startedMs } of this.#open) return startedMs;
    return Number.POSITIVE_INFINITY;
  }

  /** Where it is being written. */
  get openWrites(): readonly SectorRange[] {
    return [...this.#open].flatMap(({ write }) => (write === null ? [] : [write]));
  }

  /** The host's process is gone, and all answers with it. What it had sent may still arrive somewhere. */
  hostDied(): void {
    for (const request of [...this.#open]) {
      const { write } = request;
      if (write !== null) {
        this.#history.writeLost(write);
        this.#lost.push(write);
        request.write = null;
      }
      this.#end(request, Status.path);
    }
    this.#unflushed = [];
  }

  /** Nothing is under way any more, nowhere. */
  powerCut(): void {
    this.hostDied();
    this.#lost = [];
  }

  read(volume: AttachedVolume, place: SectorRange, ended: RequestEnded): void {
    const { firstSector, sectorCount } = place;
    const startedAt = this.#now();
    const request = this.#begin(null, ended);
    volume.read(offsetOf(firstSector), sectorCount * sectorBytes, (status, pieces) => {
      if (!this.#open.has(request)) return;
      if (status === Status.ok) {
        const values = valuesOf(Buffer.concat([...pieces]), firstSector);
        this.#history.readSucceeded({ firstSector, values, startedAt, at: this.#now() });
        this.#served(startedAt);
      } else if (status === Status.media) this.#onMedia(place, request.startedMs);
      this.#end(request, status);
    });
  }

  /** Writes a value that nobody has written before. */
  write(volume: AttachedVolume, place: SectorRange, fua: boolean, ended: RequestEnded): void {
    const { firstSector, sectorCount } = place;
    const value = ++this.#count.value;
    const request = this.#begin({ value, ...place }, ended);
    const bytes = stampedSectors(value, firstSector, sectorCount);
    const half = Math.floor(sectorCount / 2) * sectorBytes;
    const pieces = half > 0 ? [bytes.subarray(0, half), bytes.subarray(half)] : [bytes];
    volume.write(offsetOf(firstSector), pieces, fua, this.#writeEnded(request, fua));
  }

  zero(
    volume: AttachedVolume,
    how: 'writeZeroes' | 'trim',
    place: SectorRange,
    ended: RequestEnded,
  ): void {
    const { firstSector, sectorCount } = place;
    const request = this.#begin({ value: 0, firstSector, sectorCount }, ended);
    const done = this.#writeEnded(request, false);
    volume[how](offsetOf(firstSector), sectorCount * sectorBytes, false, done);
  }

  flush(volume: AttachedVolume, ended: RequestEnded): void {
    const startedAt = this.#now();
    const request = this.#begin(null, ended);
    volume.flush((status) => {
      if (!this.#open.has(request)) return;
      if (status === Status.ok) {
        this.#history.flushSucceeded(startedAt, this.#now());
        this.#vouched(startedAt);
        this.#served(startedAt);
      }
      this.#end(request, status);
    });
  }

  /** Asks what is stored: what is said to hold nothing counts as a read of zeros. */
  allocation(volume: AttachedVolume, place: SectorRange, ended: RequestEnded): void {
    const { firstSector, sectorCount } = place;
    const startedAt = this.#now();
    const request = this.#begin(null, ended);
    volume.allocation(offsetOf(firstSector), sectorCount * sectorBytes, (status, stretches) => {
      if (!this.#open.has(request)) return;
      const at = this.#now();
      let sector = firstSector;
      for (const { lengthBytes, allocated } of stretches) {
        const sectors = lengthBytes / sectorBytes;
        const values = Array.from({ length: sectors }, () => 0);
        if (!allocated) this.#history.readSucceeded({ firstSector: sector, values, startedAt, at });
        sector += sectors;
      }
      this.#end(request, status);
    });
  }

  #now(): number {
    return this.#count.moment++;
  }

  #begin(
    write: ({ readonly value: number } & SectorRange) | null,
    ended: RequestEnded,
  ): OpenRequest {
    const token = write && this.#history.beginWrite({ ...write, at: this.#now() });
    const request = { write: token, startedMs: this.#clock.now(), ended };
    this.#open.add(request);
    return request;
  }

  #writeEnded(request: OpenRequest, fua: boolean): ConsumerDone {
    return (status) => {
      if (!this.#open.has(request) || request.write === null) return;
      if (status === Status.ok) {
        this.#history.writeSucceeded(request.write, fua, this.#now());
        this.#served(request.write.startedAt);
        this.#unflushed.push(request.write);
        request.write = null;
      }
      this.#end(request, status);
    };
  }

  /** Everything that is asked for at all is asked for after the host came back: what died with it is fenced. */
  #served(startedAt: number): void {
    for (const write of this.#lost) this.#history.lostIsDead(write, startedAt);
    this.#lost = [];
  }

  /** A flush that began at that moment has succeeded: whoever was told of no error relies on it. */
  #vouched(startedAt: number): void {
    this.#unflushed = this.#unflushed.filter((write) => {
      if (write.endedAt > startedAt) return true;
      write.vouchedAt = startedAt;
      return false;
    });
  }

  #end(request: OpenRequest, status: Status): void {
    if (!this.#open.delete(request)) return;
    if (request.write !== null) this.#history.writeFailed(request.write, this.#now());
    if (status !== Status.ok) this.#unflushed = [];
    request.ended(status);
  }
}

function offsetOf(sector: number): VolumeOffset {
  return unitOf<VolumeOffset>(sector * sectorBytes);
}
