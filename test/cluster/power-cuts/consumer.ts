/**
 * A consumer of one volume through one host: some requests at a time, at places that overlap, of whole blocks and of
 * parts of them. Marks what it asks for and what it is told.
 */
import type { OptimizationDriver } from '../../../actors/host/optimization-driver.ts';
import { stampedSectors } from '../../../cluster/history/stamped-sectors.ts';
import type { SeededRandom } from '../../../cluster/simulation/random.ts';
import { Status } from '../../../protocols/codes.ts';
import type { Clock } from '../../../protocols/ports.ts';
import {
  kibibyte,
  mebibyte,
  roundDown,
  roundUp,
  sectorBytes,
  unitOf,
  type VolumeOffset,
} from '../../../protocols/units.ts';
import { type ConsumerMark, sectorsPerBlock } from './expected-sectors.ts';

/** Where volumes are used: a few blocks each, at a border between strips, between partitions, and in the midst. */
export const places = [0, 64 * kibibyte - 8 * kibibyte, mebibyte - 8 * kibibyte, 1500 * kibibyte];
export const placeBytes = 16 * kibibyte;
const placeSectors = placeBytes / sectorBytes;
const openMax = 4;
const sectorsMax = 20;
/** What passes between the end of a request and the next one. */
const restMsMax = 4;

/** What all consumers of a volume count together. */
export interface VolumeCount {
  value: number;
}

export interface ConsumerParts {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly driver: () => OptimizationDriver;
  readonly count: VolumeCount;
  readonly mark: (mark: ConsumerMark) => void;
}

export class Consumer {
  readonly #parts: ConsumerParts;
  #left = 0;
  #open = 0;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  get isDone(): boolean {
    return this.#left === 0 && this.#open === 0;
  }

  begin(operations: number): void {
    this.#left = operations;
    for (let open = 0; open < openMax; open++) this.#next();
  }

  #next(): void {
    if (this.#left === 0) return;
    this.#left -= 1;
    this.#open += 1;
    const kind = this.#parts.random.integer(10);
    if (kind < 2) this.#flush();
    else if (kind === 2) this.#zero('writeZeroes');
    else if (kind === 3) this.#zero('trim');
    else this.#write();
  }

  #write(): void {
    const { count, driver, random } = this.#parts;
    const place = this.#place();
    const value = ++count.value;
    const bytes = stampedSectors(value, place.firstSector, place.sectorCount);
    const fua = random.integer(4) === 0;
    const ended = this.#begunWrite({ value, ...place }, fua);
    driver().write(offsetOf(place.firstSector), [bytes], fua, ended);
  }

  #zero(how: 'writeZeroes' | 'trim'): void {
    const { driver, random } = this.#parts;
    const { firstSector, sectorCount } = this.#place();
    const fua = random.integer(4) === 0;
    // A trim concerns whole blocks only.
    const start = how === 'trim' ? roundUp(firstSector, sectorsPerBlock) : firstSector;
    const asked = firstSector + sectorCount;
    const end = how === 'trim' ? roundDown(asked, sectorsPerBlock) : asked;
    const range = { firstSector: start, sectorCount: Math.max(0, end - start) };
    const ended = this.#begunWrite({ value: 0, ...range }, fua);
    driver()[how](offsetOf(firstSector), sectorCount * sectorBytes, fua, ended);
  }

  #flush(): void {
    const flush = {};
    this.#parts.mark({ kind: 'flush-begun', flush });
    this.#parts.driver().flush((status) => {
      this.#parts.mark({ kind: 'flush-ended', flush });
      this.#ended(status);
    });
  }

  /** @returns what is to be called at its end */
  #begunWrite(
    write: { readonly value: number; readonly firstSector: number; readonly sectorCount: number },
    isDurable: boolean,
  ): (status: Status) => void {
    this.#parts.mark({ kind: 'write-begun', write });
    return (status) => {
      this.#parts.mark({ kind: 'write-ended', write, isDurable });
      this.#ended(status);
    };
  }

  #ended(status: Status): void {
    if (status !== Status.ok) throw new Error(`a request ended with ${status} and nothing failed`);
    this.#open -= 1;
    const { clock, random } = this.#parts;
    clock.setTimeout(() => this.#next(), random.between(0, restMsMax));
  }

  #place(): { readonly firstSector: number; readonly sectorCount: number } {
    const { random } = this.#parts;
    const start = random.pick(places) / sectorBytes;
    const isWhole = random.integer(2) === 0;
    const at = random.integer(placeSectors);
    const firstSector = start + (isWhole ? roundDown(at, sectorsPerBlock) : at);
    const most = Math.min(sectorsMax, start + placeSectors - firstSector);
    const length = 1 + random.integer(most);
    const sectorCount = isWhole ? Math.min(most, roundUp(length, sectorsPerBlock)) : length;
    return { firstSector, sectorCount };
  }
}

function offsetOf(sector: number): VolumeOffset {
  return unitOf<VolumeOffset>(sector * sectorBytes);
}
