/**
 * Faults that strike one at a time: the next one not before what the last one did has been healed, and everything is
 * served. None takes the last way to anything for as long as I/O is tried, so that consumers must see no error at all
 * (DESIGN I12). Often the same thing is struck several times in a row, as by a bad plug.
 */

import type { FaultScheduleOptions } from './fault-schedule.ts';
import type { FaultName } from './faults.ts';
import { type LoneStrike, loneKinds } from './lone-strikes.ts';
import type { SeededRandom } from './random.ts';

/** After everything is served again. */
const gapMsMax = 600;
const lookAgainMs = 50;
/** After a request has begun. */
const aimMsMax = 2;
/** The same again: three times of four, as often as three times in a row. */
const againOf = 4;
const againMax = 3;

export interface LoneFaultOptions extends FaultScheduleOptions {
  /** Whether all volumes are served, and nothing is wrong with what serves them. */
  readonly isWell: () => boolean;
}

export class LoneFaults {
  readonly #options: LoneFaultOptions;
  #faults = 0;
  #again = 0;
  #isRunning = false;
  #last: { readonly name: FaultName; readonly strike: LoneStrike } | null = null;

  constructor(options: LoneFaultOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    this.#nextIn(gapMsMax);
  }

  /** No more faults; what was struck last goes on until it is healed. */
  stop(): void {
    this.#isRunning = false;
  }

  #nextIn(afterMs: number): void {
    const { clock } = this.#options.targets.world;
    clock.setTimeout(() => {
      if (!this.#isRunning) return;
      if (this.#options.isWell()) this.#aim();
      else this.#nextIn(lookAgainMs);
    }, afterMs);
  }

  /** Most strike when something is under way. */
  #aim(): void {
    const { targets, random } = this.#options;
    const own = random.fork(`aim ${this.#faults + 1}`);
    const delayMs = own.between(0, aimMsMax);
    targets.onNextRequest(() => targets.world.clock.setTimeout(() => this.#strike(), delayMs));
  }

  #strike(): void {
    if (!this.#isRunning) return;
    const { targets, struck, random, onlyFaults } = this.#options;
    const number = ++this.#faults;
    const own = random.fork(String(number));
    const { name, strike } = this.#chosen(own);
    const isLeftOut = onlyFaults !== undefined && !onlyFaults.includes(number);
    const openIos = targets.openIos();
    const atMs = targets.world.clock.now();
    const done = isLeftOut ? null : strike(targets, own);
    if (done !== null) struck({ number, name, what: done.what, atMs, openIos });
    this.#nextIn((done?.lastsMs ?? 0) + own.between(0, gapMsMax));
  }

  #chosen(random: SeededRandom): { readonly name: FaultName; readonly strike: LoneStrike } {
    const isAgain = random.integer(againOf) > 0 && this.#again < againMax;
    this.#again = isAgain ? this.#again + 1 : 0;
    if (!isAgain || this.#last === null) {
      const kind = random.pick(loneKinds);
      this.#last = { name: kind.name, strike: kind.choose(this.#options.targets, random) };
    }
    return this.#last;
  }
}
