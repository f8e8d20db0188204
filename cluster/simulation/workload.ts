/**
 * What consumers of one volume ask for in the simulation: bursts of requests that meet each other, through whichever
 * hosts share the volume, more than half of them on a hot set of blocks. They never stop because of an error; they stop
 * when told to, and then every request must end.
 */
import type { Loss } from '../../actors/host/writes-in-doubt.ts';
import type { AttachedVolume } from '../../protocols/attached-volume.ts';
import { Status } from '../../protocols/codes.ts';
import type { Clock } from '../../protocols/ports.ts';
import { blockBytes, sectorBytes } from '../../protocols/units.ts';
import { GivenUp, type Patience, type RequestKind, waysFoundMs } from './given-up.ts';
import type { SeededRandom } from './random.ts';
import type { RecordedVolume, RequestEnded, SectorRange } from './recorded-volume.ts';

export interface WorkloadOptions {
  /** Between the beginnings of two bursts, on average. */
  readonly burstGapMsMean: number;
  readonly burstRequestsMax: number;
  /** The requests of a burst begin within this. */
  readonly burstMsMax: number;
  /** More requests than this are not open at a time, per host. */
  readonly openMax: number;
  /** What is used of the volume, from its beginning. */
  readonly spanBytes: number;
  readonly hotBlocks: number;
}

export interface WorkloadCounts {
  started: number;
  succeeded: number;
  /** Of those that succeeded: on blocks of the hot set. */
  succeededHot: number;
  failed: number;
}

/** A way to the volume: through one of the hosts that use it. */
export interface Consumer {
  readonly recorded: RecordedVolume;
  /** The volume as it is attached at the moment; null while its host is down. */
  readonly volume: () => AttachedVolume | null;
  /** Whether the volume takes I/O by this way. */
  readonly isOpen: () => boolean;
  /** Why not, as its host says ('' for nothing), and how long its writes have been in doubt for that. */
  readonly refusal: () => Loss;
  /** Whether there really were ways for all of its I/O, for so long until now. */
  readonly hadWays: (forMs: number) => boolean;
}

export interface WorkloadParts {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** At least one. */
  readonly consumers: readonly Consumer[];
  /** Told of each request, just before it is made. */
  readonly onRequest: () => void;
  /** How long what fails must have been tried (DESIGN I12). */
  readonly patience: Patience;
}

const sectorsPerBlock = blockBytes / sectorBytes;
/** Of a hundred requests, and a little more than half: what counts is those that succeed. */
const hotPerHundred = 60;
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
const hugeBlocksMax = 160;

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

interface Request {
  readonly recorded: RecordedVolume;
  readonly volume: AttachedVolume;
  /** In [0, 1000), for the mixture. */
  readonly kind: number;
  readonly place: SectorRange;
  readonly random: SeededRandom;
}

export class Workload {
  readonly counts: WorkloadCounts = { started: 0, succeeded: 0, succeededHot: 0, failed: 0 };
  /** What ended with an error too soon, by the way that it had taken. */
  readonly #givenUp: ReadonlyMap<Consumer, GivenUp>;
  readonly #options: WorkloadOptions;
  readonly #parts: WorkloadParts;
  readonly #hotBlocks: readonly number[];
  readonly #mixture: Mixture;
  readonly #blocks: number;
  #bursts = 0;
  #running = false;

  constructor(options: WorkloadOptions, parts: WorkloadParts) {
    this.#options = options;
    this.#parts = parts;
    this.#givenUp = new Map(
      parts.consumers.map((consumer) => [consumer, new GivenUp(parts.patience)]),
    );
    this.#mixture = drawnMixture(parts.random.fork('mixture'));
    this.#blocks = options.spanBytes / blockBytes;
    const random = parts.random.fork('hot');
    this.#hotBlocks = Array.from({ length: options.hotBlocks }, () => random.integer(this.#blocks));
  }

  start(): void {
    this.#running = true;
    this.#burstLater();
  }

  stop(): void {
    this.#running = false;
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

  /** Each request draws from a stream of its own: whether one can be made leaves the others as they are. */
  #burst(): void {
    const { clock } = this.#parts;
    const { burstRequestsMax, burstMsMax } = this.#options;
    const random = this.#parts.random.fork(`burst/${this.#bursts++}`);
    const isCrowded = random.integer(crowdedBurstsIn) === 0;
    const hotBlocks = isCrowded
      ? Array.from({ length: crowdBlocks }, () => random.pick(this.#hotBlocks))
      : this.#hotBlocks;
    const requests = 1 + random.integer(burstRequestsMax);
    for (let number = 0; number < requests; number++) {
      const own = random.fork(String(number));
      clock.setTimeout(() => this.#act(hotBlocks, own), own.fraction() * burstMsMax);
    }
  }

  #act(hotBlocks: readonly number[], random: SeededRandom): void {
    const { consumers, onRequest } = this.#parts;
    const open = consumers.filter(({ isOpen }) => isOpen());
    const consumer = random.pick(open.length > 0 ? open : consumers);
    const { recorded, volume: attached } = consumer;
    const volume = attached();
    if (!this.#running || volume === null || recorded.open >= this.#options.openMax) return;
    const kind = random.integer(1000);
    const isHot = kind >= this.#mixture.flushEnd && random.integer(100) < hotPerHundred;
    const block = isHot ? random.pick(hotBlocks) : random.integer(this.#blocks);
    this.counts.started++;
    onRequest();
    const place = this.#placeAt(block, random);
    const judge = this.watch(consumer, this.#kindOf(kind));
    this.#request({ recorded, volume, kind, place, random }, (status) => {
      judge(status);
      if (status !== Status.ok) this.counts.failed++;
      else {
        this.counts.succeeded++;
        if (isHot) this.counts.succeededHot++;
      }
    });
  }

  /** Of a request that a consumer begins now: what it returns is to be told how that ends, and judges it. */
  watch(consumer: Consumer, kind: RequestKind): RequestEnded {
    const { clock } = this.#parts;
    const [volume, wasOpen, startedMs] = [consumer.volume(), consumer.isOpen(), clock.now()];
    return (status) => {
      if (status === Status.ok || !wasOpen) return;
      const isServed = consumer.isOpen() && consumer.volume() === volume;
      const { reason, agoMs } = consumer.refusal();
      const { openSinceMs } = consumer.recorded;
      const endedMs = clock.now() - agoMs;
      const hadWays = status === Status.path && consumer.hadWays(waysFoundMs + agoMs);
      const took = { kind, status, startedMs, endedMs };
      const how = { ...took, isServed, hadWays, reason, openSinceMs };
      this.#givenUp.get(consumer)?.ended(how);
    };
  }

  /** What ended with an error too soon, in words. */
  get givenUp(): readonly string[] {
    return [...this.#givenUp.values()].flatMap((givenUp) => {
      givenUp.judge();
      return givenUp.problems;
    });
  }

  #kindOf(kind: number): RequestKind {
    const { flushEnd, trimEnd, allocationEnd, readEnd } = this.#mixture;
    if (kind >= allocationEnd && kind < readEnd) return 'read';
    return kind < flushEnd || (kind >= trimEnd && kind < allocationEnd) ? 'other' : 'write';
  }

  #request({ recorded, volume, kind, place, random }: Request, ended: RequestEnded): void {
    const { flushEnd, zeroEnd, trimEnd, allocationEnd, readEnd } = this.#mixture;
    if (kind < flushEnd) recorded.flush(volume, ended);
    else if (kind < zeroEnd) recorded.zero(volume, 'writeZeroes', place, ended);
    else if (kind < trimEnd) recorded.zero(volume, 'trim', wholeBlockOf(place), ended);
    else if (kind < allocationEnd) recorded.allocation(volume, place, ended);
    else if (kind < readEnd) recorded.read(volume, place, ended);
    else recorded.write(volume, place, random.integer(this.#mixture.fuaIn) === 0, ended);
  }

  /** Mostly the whole block; parts of it, or stretches that span strips and, a few of them, partitions. */
  #placeAt(block: number, random: SeededRandom): SectorRange {
    const shape = random.integer(100);
    if (shape < 20) {
      const skip = random.integer(sectorsPerBlock);
      const sectorCount = 1 + random.integer(sectorsPerBlock - skip);
      return { firstSector: block * sectorsPerBlock + skip, sectorCount };
    }
    const blocksMax = shape < 90 ? 1 : shape < 99 ? longBlocksMax : hugeBlocksMax;
    const wanted = 1 + random.integer(blocksMax);
    const sectorCount = Math.min(wanted, this.#blocks - block) * sectorsPerBlock;
    return { firstSector: block * sectorsPerBlock, sectorCount };
  }
}

function wholeBlockOf({ firstSector }: SectorRange): SectorRange {
  return {
    firstSector: firstSector - (firstSector % sectorsPerBlock),
    sectorCount: sectorsPerBlock,
  };
}
