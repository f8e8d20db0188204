/**
 * What consumers of one volume ask for in the simulation: bursts of requests that meet each other, half of them on a
 * hot set of blocks. They never stop because of an error; they stop when told to, and then every request must end.
 */
import type { AttachedVolume } from '../../protocols/attached-volume.ts';
import { Status } from '../../protocols/codes.ts';
import type { Clock } from '../../protocols/ports.ts';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import type { SeededRandom } from './random.ts';
import type { RecordedVolume, RequestEnded, SectorRange } from './recorded-volume.ts';

export interface WorkloadOptions {
  /** Between the beginnings of two bursts, on average. */
  readonly burstGapMsMean: number;
  readonly burstRequestsMax: number;
  /** The requests of a burst begin within this. */
  readonly burstMsMax: number;
  /** More requests than this are not open at a time. */
  readonly openMax: number;
  /** What is used of the volume, from its beginning. */
  readonly spanBytes: number;
  readonly hotBlocks: number;
}

export interface WorkloadCounts {
  started: number;
  succeeded: number;
  failed: number;
}

export interface WorkloadParts {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly recorded: RecordedVolume;
  /** The volume as it is attached at the moment; null while its host is down. */
  readonly volume: () => AttachedVolume | null;
  /** Told of each request, just before it is made. */
  readonly onRequest: () => void;
}

const sectorsPerBlock = blockBytes / sectorBytes;
const readAllStepSectors = (64 * 1024) / sectorBytes;
/** Of a thousand requests; the rest are writes. Drawn from these: what one mixture hides another one shows. */
const flushesPerThousand = [0, 10, 40, 80];
const readsPerThousand = [250, 430, 430, 550];
const zeroesPerThousand = 20;
const trimsPerThousand = 20;
const allocationsPerThousand = 15;
/** One write in so many is FUA. */
const fuaIn = [2, 8, 30, 1000];
/** One burst in so many crowds on a few blocks of the hot set. */
const crowdedBurstsIn = 4;
const crowdBlocks = 3;
const longBlocksMax = 32;
const hugeBlocksMax = 320;

/** Which requests are made: each kind ends below its number of a thousand. */
interface Mixture {
  readonly flushEnd: number;
  readonly zeroEnd: number;
  readonly trimEnd: number;
  readonly allocationEnd: number;
  readonly readEnd: number;
  readonly fuaIn: number;
}

function drawnMixture(random: SeededRandom): Mixture {
  const flushEnd = random.pick(flushesPerThousand);
  const zeroEnd = flushEnd + zeroesPerThousand;
  const trimEnd = zeroEnd + trimsPerThousand;
  const allocationEnd = trimEnd + allocationsPerThousand;
  return {
    flushEnd,
    zeroEnd,
    trimEnd,
    allocationEnd,
    readEnd: allocationEnd + random.pick(readsPerThousand),
    fuaIn: random.pick(fuaIn),
  };
}

export class Workload {
  readonly counts: WorkloadCounts = { started: 0, succeeded: 0, failed: 0 };
  readonly #options: WorkloadOptions;
  readonly #parts: WorkloadParts;
  readonly #hotBlocks: readonly number[];
  readonly #mixture: Mixture;
  #running = false;

  constructor(options: WorkloadOptions, parts: WorkloadParts) {
    this.#options = options;
    this.#parts = parts;
    this.#mixture = drawnMixture(parts.random.fork('mixture'));
    const blocks = options.spanBytes / blockBytes;
    this.#hotBlocks = Array.from({ length: options.hotBlocks }, () => parts.random.integer(blocks));
  }

  start(): void {
    this.#running = true;
    this.#burstLater();
  }

  stop(): void {
    this.#running = false;
  }

  /** Flushes once. */
  flushAll(done: (isOk: boolean) => void): void {
    const volume = this.#parts.volume();
    if (volume === null) done(false);
    else this.#parts.recorded.flush(volume, (status) => done(status === Status.ok));
  }

  /** Reads the whole span once; what is seen counts. `done` gets the number of reads that failed. */
  readAll(done: (failed: number) => void): void {
    const sectors = this.#options.spanBytes / sectorBytes;
    let failed = 0;
    const next = (firstSector: number): void => {
      const volume = this.#parts.volume();
      if (firstSector >= sectors || volume === null) {
        done(volume === null ? failed + 1 : failed);
        return;
      }
      const sectorCount = Math.min(readAllStepSectors, sectors - firstSector);
      this.#parts.recorded.read(volume, { firstSector, sectorCount }, (status) => {
        if (status !== Status.ok) failed++;
        next(firstSector + sectorCount);
      });
    };
    next(0);
  }

  #burstLater(): void {
    const { clock, random } = this.#parts;
    clock.setTimeout(
      () => {
        if (!this.#running) return;
        this.#burst();
        this.#burstLater();
      },
      random.fraction() * 2 * this.#options.burstGapMsMean,
    );
  }

  #burst(): void {
    const { clock, random } = this.#parts;
    const { burstRequestsMax, burstMsMax } = this.#options;
    const isCrowded = random.integer(crowdedBurstsIn) === 0;
    const hotBlocks = isCrowded
      ? Array.from({ length: crowdBlocks }, () => random.pick(this.#hotBlocks))
      : this.#hotBlocks;
    const requests = 1 + random.integer(burstRequestsMax);
    for (let number = 0; number < requests; number++)
      clock.setTimeout(() => this.#act(hotBlocks), random.fraction() * burstMsMax);
  }

  #act(hotBlocks: readonly number[]): void {
    const { recorded, onRequest } = this.#parts;
    const volume = this.#parts.volume();
    if (!this.#running || volume === null || recorded.open >= this.#options.openMax) return;
    this.counts.started++;
    onRequest();
    this.#request(volume, hotBlocks, (status) => {
      if (status === Status.ok) this.counts.succeeded++;
      else this.counts.failed++;
    });
  }

  #request(volume: AttachedVolume, hotBlocks: readonly number[], ended: RequestEnded): void {
    const { recorded, random } = this.#parts;
    const place = this.#place(hotBlocks);
    const kind = random.integer(1000);
    const { flushEnd, zeroEnd, trimEnd, allocationEnd, readEnd } = this.#mixture;
    if (kind < flushEnd) recorded.flush(volume, ended);
    else if (kind < zeroEnd) recorded.zero(volume, 'writeZeroes', place, ended);
    else if (kind < trimEnd) recorded.zero(volume, 'trim', wholeBlockOf(place), ended);
    else if (kind < allocationEnd) recorded.allocation(volume, place, ended);
    else if (kind < readEnd) recorded.read(volume, place, ended);
    else recorded.write(volume, place, random.integer(this.#mixture.fuaIn) === 0, ended);
  }

  /** Mostly whole blocks; some parts of one, some that span strips, a few that span partitions. */
  #place(hotBlocks: readonly number[]): SectorRange {
    const { random } = this.#parts;
    const blocks = this.#options.spanBytes / blockBytes;
    const block = random.integer(2) === 0 ? random.pick(hotBlocks) : random.integer(blocks);
    const shape = random.integer(100);
    if (shape < 20) {
      const skip = random.integer(sectorsPerBlock);
      const sectorCount = 1 + random.integer(sectorsPerBlock - skip);
      return { firstSector: block * sectorsPerBlock + skip, sectorCount };
    }
    const blocksMax = shape < 90 ? 1 : shape < 99 ? longBlocksMax : hugeBlocksMax;
    const wanted = 1 + random.integer(blocksMax);
    const sectorCount = Math.min(wanted, blocks - block) * sectorsPerBlock;
    return { firstSector: block * sectorsPerBlock, sectorCount };
  }
}

function wholeBlockOf({ firstSector }: SectorRange): SectorRange {
  return {
    firstSector: firstSector - (firstSector % sectorsPerBlock),
    sectorCount: sectorsPerBlock,
  };
}
