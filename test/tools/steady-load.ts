/** A consumer on a simulated SAN that keeps so many I/Os under way, each on a block of its own, and times them. */
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { Status } from '../../protocols/codes.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { SimulatedSan } from './simulated-san.ts';

const pageBytes = 4096;
/** Places lie so far apart that they are in all partitions and on all mirrors. */
const stepBytes = 65 * pageBytes;

export class SteadyLoad {
  readonly statuses = new Set<Status>();
  /** What was read and is not what was written, as sentences. */
  readonly problems: string[] = [];
  writes = 0;
  #latestMs = 0;
  #open = 0;
  #isStopped = false;
  readonly #san: SimulatedSan;
  readonly #driver: OptimizationDriver;
  readonly #readsBack: boolean;

  /** @param readsBack whether each write is followed by a read of the same place */
  constructor(san: SimulatedSan, driver: OptimizationDriver, depth: number, readsBack: boolean) {
    this.#san = san;
    this.#driver = driver;
    this.#readsBack = readsBack;
    for (let place = 0; place < depth; place++) this.#write(place, 1);
  }

  /** How long the slowest I/O took that ended since this was asked last. */
  takeLatestMs(): number {
    const latestMs = this.#latestMs;
    this.#latestMs = 0;
    return latestMs;
  }

  /** Lets what is open end, and begins nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#san.runUntil('the load has ended', () => this.#open === 0);
  }

  #write(place: number, value: number): void {
    const bytes = new Uint8Array(pageBytes).fill(value);
    const ended = this.#begin();
    this.#driver.write(offsetOf(place), [bytes], false, (status) => {
      this.writes++;
      const next = (value % 250) + 1;
      if (!ended(status)) return;
      if (this.#readsBack) this.#read(place, value);
      else this.#write(place, next);
    });
  }

  #read(place: number, value: number): void {
    const ended = this.#begin();
    this.#driver.read(offsetOf(place), pageBytes, (status, pieces) => {
      const found = pieces[0]?.[0];
      if (found !== value) this.problems.push(`read ${found} where ${value} was written`);
      if (ended(status)) this.#write(place, (value % 250) + 1);
    });
  }

  /** @returns what to call when it has ended; that gives whether to go on */
  #begin(): (status: Status) => boolean {
    const { clock } = this.#san.world;
    const begun = clock.now();
    this.#open++;
    return (status) => {
      this.#open--;
      this.statuses.add(status);
      this.#latestMs = Math.max(this.#latestMs, clock.now() - begun);
      return !this.#isStopped;
    };
  }
}

function offsetOf(place: number): VolumeOffset {
  return unitOf<VolumeOffset>(place * stepBytes);
}
