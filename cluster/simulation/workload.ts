/**
 * Consumers of one volume in the simulation: a few clients, each with one request at a time, half of them on a hot set
 * of blocks so that requests meet. What they do and see goes into the volume's history. They never stop because of
 * an error; they stop when told to, and then every request must end.
 */
import type { AttachedVolume, ConsumerDone } from '../../protocols/attached-volume.ts';
import { Status } from '../../protocols/codes.ts';
import type { Clock } from '../../protocols/ports.ts';
import { blockBytes, sectorBytes, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import { stampedSectors, valuesOf } from '../history/stamped-sectors.ts';
import type { VolumeHistory, WriteToken } from '../history/volume-history.ts';
import type { SeededRandom } from './random.ts';

export interface WorkloadOptions {
  readonly clients: number;
  /** Between the end of a client's request and its next one, on average. */
  readonly thinkMsMean: number;
  /** What the clients use of the volume, from its beginning. */
  readonly spanBytes: number;
  readonly hotBlocks: number;
}

export interface WorkloadCounts {
  started: number;
  succeeded: number;
  failed: number;
}

interface SectorRange {
  readonly firstSector: number;
  readonly sectorCount: number;
}

/** One request of a client. */
interface OpenRequest {
  /** null for what changes nothing. */
  write: WriteToken | null;
  readonly ended: (status: Status) => void;
}

const sectorsPerBlock = blockBytes / sectorBytes;
const readAllStepBytes = 64 * 1024;
/** Of a thousand requests. The rest are writes. */
const perThousand = { flush: 40, writeZeroes: 20, trim: 20, read: 430 };

export class Workload {
  readonly counts: WorkloadCounts = { started: 0, succeeded: 0, failed: 0 };
  readonly #options: WorkloadOptions;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #history: VolumeHistory;
  readonly #volume: () => AttachedVolume | null;
  readonly #hotBlocks: readonly number[];
  readonly #open = new Set<OpenRequest>();
  #nextValue = 1;
  #moment = 0;
  #running = false;

  /** @param volume the volume as it is attached at the moment; null while its host is down. */
  constructor(
    options: WorkloadOptions,
    world: {
      readonly clock: Clock;
      readonly random: SeededRandom;
      readonly history: VolumeHistory;
    },
    volume: () => AttachedVolume | null,
  ) {
    this.#options = options;
    this.#clock = world.clock;
    this.#random = world.random;
    this.#history = world.history;
    this.#volume = volume;
    const blocks = options.spanBytes / blockBytes;
    this.#hotBlocks = Array.from({ length: options.hotBlocks }, () => this.#random.integer(blocks));
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#open.size;
  }

  start(): void {
    this.#running = true;
    for (let client = 0; client < this.#options.clients; client++) this.#think();
  }

  stop(): void {
    this.#running = false;
  }

  /** The host's process is gone, and all answers with it: for its clients that is an error. */
  hostDied(): void {
    for (const request of [...this.#open]) this.#end(request, Status.path);
  }

  /** Reads the whole span once; what is seen counts. `done` gets the number of reads that failed. */
  readAll(done: (failed: number) => void): void {
    const sectors = this.#options.spanBytes / sectorBytes;
    const stepSectors = readAllStepBytes / sectorBytes;
    let failed = 0;
    const next = (firstSector: number): void => {
      const volume = this.#volume();
      if (firstSector >= sectors || volume === null) {
        done(volume === null ? failed + 1 : failed);
        return;
      }
      const sectorCount = Math.min(stepSectors, sectors - firstSector);
      this.#read(volume, { firstSector, sectorCount }, (status) => {
        if (status !== Status.ok) failed++;
        next(firstSector + sectorCount);
      });
    };
    next(0);
  }

  #think(): void {
    const delayMs = this.#random.fraction() * 2 * this.#options.thinkMsMean;
    this.#clock.setTimeout(() => this.#act(), delayMs);
  }

  #act(): void {
    if (!this.#running) return;
    const volume = this.#volume();
    if (volume === null) {
      this.#think();
      return;
    }
    this.counts.started++;
    this.#request(volume, (status) => {
      if (status === Status.ok) this.counts.succeeded++;
      else this.counts.failed++;
      this.#think();
    });
  }

  #request(volume: AttachedVolume, ended: (status: Status) => void): void {
    const place = this.#place();
    let kind = this.#random.integer(1000);
    for (const [name, share] of Object.entries(perThousand)) {
      if (kind < share) {
        this.#requestOf(name as keyof typeof perThousand, volume, place, ended);
        return;
      }
      kind -= share;
    }
    this.#write(volume, place, ended);
  }

  #requestOf(
    kind: keyof typeof perThousand,
    volume: AttachedVolume,
    place: SectorRange,
    ended: (status: Status) => void,
  ): void {
    if (kind === 'read') this.#read(volume, place, ended);
    else if (kind === 'flush') this.#flush(volume, ended);
    else this.#zero(volume, kind, place, ended);
  }

  /** Mostly whole blocks; some parts of one, some that span strips. */
  #place(): SectorRange {
    const random = this.#random;
    const blocks = this.#options.spanBytes / blockBytes;
    const block = random.integer(2) === 0 ? random.pick(this.#hotBlocks) : random.integer(blocks);
    const shape = random.integer(10);
    if (shape < 2) {
      const skip = random.integer(sectorsPerBlock);
      const sectorCount = 1 + random.integer(sectorsPerBlock - skip);
      return { firstSector: block * sectorsPerBlock + skip, sectorCount };
    }
    const wanted = shape < 9 ? 1 : 1 + random.integer(32);
    const sectorCount = Math.min(wanted, blocks - block) * sectorsPerBlock;
    return { firstSector: block * sectorsPerBlock, sectorCount };
  }

  #read(volume: AttachedVolume, place: SectorRange, ended: (status: Status) => void): void {
    const { firstSector, sectorCount } = place;
    const startedAt = this.#moment++;
    const request = this.#begin(null, ended);
    volume.read(offsetOf(firstSector), sectorCount * sectorBytes, (status, pieces) => {
      if (!this.#open.has(request)) return;
      if (status === Status.ok) {
        const values = valuesOf(Buffer.concat([...pieces]), firstSector);
        this.#history.readSucceeded({ firstSector, values, startedAt, at: this.#moment++ });
      }
      this.#end(request, status);
    });
  }

  #write(volume: AttachedVolume, place: SectorRange, ended: (status: Status) => void): void {
    const { firstSector, sectorCount } = place;
    const value = this.#nextValue++;
    const request = this.#begin({ value, ...place }, ended);
    const bytes = stampedSectors(value, firstSector, sectorCount);
    const half = Math.floor(sectorCount / 2) * sectorBytes;
    const pieces = half > 0 ? [bytes.subarray(0, half), bytes.subarray(half)] : [bytes];
    const fua = this.#random.integer(8) === 0;
    volume.write(offsetOf(firstSector), pieces, fua, this.#writeEnded(request, fua));
  }

  #zero(
    volume: AttachedVolume,
    how: 'writeZeroes' | 'trim',
    place: SectorRange,
    ended: (status: Status) => void,
  ): void {
    const { firstSector, sectorCount } = how === 'trim' ? wholeBlockOf(place) : place;
    const request = this.#begin({ value: 0, firstSector, sectorCount }, ended);
    const done = this.#writeEnded(request, false);
    volume[how](offsetOf(firstSector), sectorCount * sectorBytes, false, done);
  }

  #flush(volume: AttachedVolume, ended: (status: Status) => void): void {
    const startedAt = this.#moment++;
    const request = this.#begin(null, ended);
    volume.flush((status) => {
      if (!this.#open.has(request)) return;
      if (status === Status.ok) this.#history.flushSucceeded(startedAt, this.#moment++);
      this.#end(request, status);
    });
  }

  #begin(
    write: ({ readonly value: number } & SectorRange) | null,
    ended: (status: Status) => void,
  ): OpenRequest {
    const token = write && this.#history.beginWrite({ ...write, at: this.#moment++ });
    const request = { write: token, ended };
    this.#open.add(request);
    return request;
  }

  #writeEnded(request: OpenRequest, fua: boolean): ConsumerDone {
    return (status) => {
      if (!this.#open.has(request) || request.write === null) return;
      if (status === Status.ok) {
        this.#history.writeSucceeded(request.write, fua, this.#moment++);
        request.write = null;
      }
      this.#end(request, status);
    };
  }

  #end(request: OpenRequest, status: Status): void {
    if (!this.#open.delete(request)) return;
    if (request.write !== null) this.#history.writeFailed(request.write, this.#moment++);
    request.ended(status);
  }
}

function wholeBlockOf({ firstSector }: SectorRange): SectorRange {
  return {
    firstSector: firstSector - (firstSector % sectorsPerBlock),
    sectorCount: sectorsPerBlock,
  };
}

function offsetOf(sector: number): VolumeOffset {
  return unitOf<VolumeOffset>(sector * sectorBytes);
}
