/**
 * When faults strike: in bursts, with quiet stretches between them so that I/O gets through, all drawn from the seed.
 */
import type { Timer } from '../../protocols/ports.ts';
import { type FaultName, type FaultTargets, faultKinds, faultNames } from './faults.ts';
import type { SeededRandom } from './random.ts';

/** Within a burst. */
const gapMsMax = 1800;
const burstFaultsMax = 20;
const quietMsMin = 1500;
const quietMsMax = 6000;

/** Most faults are aimed: they strike this soon after a request has begun, so that they meet it under way. */
const aimedIn = 8;
const aimedOf = 7;
const aimMsMax = 2;

const weightSum = faultNames.reduce((sum, name) => sum + faultKinds[name].weight, 0);

/** Told of every fault, and how many I/Os of consumers were open when it struck. */
export type Struck = (name: FaultName, what: string, openIos: number) => void;

export class FaultSchedule {
  readonly #targets: FaultTargets;
  readonly #random: SeededRandom;
  readonly #struck: Struck;
  #leftInBurst = 0;
  #timer: Timer | null = null;
  #isAiming = false;

  constructor(targets: FaultTargets, random: SeededRandom, struck: Struck) {
    this.#targets = targets;
    this.#random = random;
    this.#struck = struck;
  }

  start(): void {
    this.#next(this.#random.between(quietMsMin, quietMsMax));
  }

  /** No more faults; those that last go on until `heal`. */
  stop(): void {
    if (this.#timer !== null) this.#targets.world.clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#isAiming = false;
  }

  /** Ends what lasts of the faults so far. Crashed nodes come back by themselves. */
  heal(): void {
    const { world, conditions } = this.#targets;
    conditions.clear();
    world.network.healAll();
    for (const server of world.network.servers) {
      server.start();
      for (const bus of server.connections) {
        bus.release();
        bus.mend();
      }
    }
    world.database.start();
    world.database.resume();
    for (const node of world.nodes) node.process?.resume();
  }

  #next(delayMs: number): void {
    this.#timer = this.#targets.world.clock.setTimeout(() => this.#aim(), delayMs);
  }

  #aim(): void {
    const isAimed = this.#random.integer(aimedIn) < aimedOf;
    if (!isAimed) {
      this.#strike();
      return;
    }
    const delayMs = this.#random.between(0, aimMsMax);
    this.#timer = null;
    this.#isAiming = true;
    this.#targets.onNextRequest(() => {
      if (!this.#isAiming) return;
      this.#isAiming = false;
      this.#timer = this.#targets.world.clock.setTimeout(() => this.#strike(), delayMs);
    });
  }

  #strike(): void {
    const random = this.#random;
    const name = this.#draw();
    const openIos = this.#targets.openIos();
    const what = faultKinds[name].strike(this.#targets, random);
    if (what !== null) this.#struck(name, what, openIos);
    if (this.#leftInBurst === 0) {
      this.#leftInBurst = 1 + random.integer(burstFaultsMax);
      this.#next(random.between(quietMsMin, quietMsMax));
      return;
    }
    this.#leftInBurst -= 1;
    this.#next(random.between(0, gapMsMax));
  }

  #draw(): FaultName {
    let at = this.#random.integer(weightSum);
    for (const name of faultNames) {
      at -= faultKinds[name].weight;
      if (at < 0) return name;
    }
    throw new RangeError('weights of faults do not add up');
  }
}
