/**
 * When faults strike: in bursts, with quiet stretches between them so that I/O gets through, all drawn from the seed.
 * Each fault has a number, and stands on its own: its moment and whatever it draws depend on the seed and its number
 * alone, so that leaving others out leaves it as it was. That is how a failure is reduced to the faults that it needs.
 */
import type { Timer } from '../../protocols/ports.ts';
import { type FaultName, faultKinds, faultNames, onceInOf, weightOf } from './faults.ts';
import type { SeededRandom } from './random.ts';
import type { FaultTargets } from './strike.ts';

/** Within a burst. */
const gapMsMax = 1800;
const burstFaultsMax = 20;
const quietMsMin = 1500;
const quietMsMax = 6000;

/**
 * Most faults are aimed: they strike this soon after a request has begun, so that they meet it under way. When no
 * request comes for a while, as when nothing is served, they strike all the same.
 */
const aimedIn = 8;
const aimedOf = 7;
const aimMsMax = 2;
const aimPatienceMs = 1500;

/** A fault that struck. */
export interface StruckFault {
  /** Among the faults of its schedule, from 1. */
  readonly number: number;
  readonly name: FaultName;
  /** At what, and for how long. */
  readonly what: string;
  /** Since the start of the simulated world. */
  readonly atMs: number;
  /** I/Os of consumers that were open when it struck. */
  readonly openIos: number;
}

/** As a sentence for people. */
export function faultText({ number, name, what, atMs, openIos }: StruckFault): string {
  return `fault ${number} at ${atMs.toFixed(0)} ms, with ${openIos} I/Os open: ${name} ${what}`;
}

export interface FaultScheduleOptions {
  readonly targets: FaultTargets;
  readonly random: SeededRandom;
  /** The numbers of the faults that may strike; undefined: all. */
  readonly onlyFaults?: readonly number[] | undefined;
  readonly struck: (fault: StruckFault) => void;
}

export class FaultSchedule {
  readonly #options: FaultScheduleOptions;
  readonly #only: ReadonlySet<number> | null;
  #faults = 0;
  #leftInBurst = 0;
  #timer: Timer | null = null;
  #isRunning = false;

  constructor(options: FaultScheduleOptions) {
    const { onlyFaults } = options;
    this.#options = options;
    this.#only = onlyFaults === undefined ? null : new Set(onlyFaults);
  }

  start(): void {
    this.#isRunning = true;
    this.#next();
  }

  /** No more faults; those that last go on until `heal`. */
  stop(): void {
    this.#isRunning = false;
    if (this.#timer !== null) this.#options.targets.world.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** The moments are drawn from a stream that nothing else uses. */
  #next(): void {
    const { targets, random } = this.#options;
    const delayMs =
      this.#leftInBurst === 0
        ? random.between(quietMsMin, quietMsMax)
        : random.between(0, gapMsMax);
    if (this.#leftInBurst === 0) this.#leftInBurst = 1 + random.integer(burstFaultsMax);
    this.#leftInBurst -= 1;
    this.#timer = targets.world.clock.setTimeout(() => {
      const number = ++this.#faults;
      if (this.#only?.has(number) !== false) this.#aim(number, random.fork(String(number)));
      this.#next();
    }, delayMs);
  }

  #aim(number: number, random: SeededRandom): void {
    const { targets } = this.#options;
    const { clock } = targets.world;
    const isAimed = random.integer(aimedIn) < aimedOf;
    const delayMs = random.between(0, aimMsMax);
    if (!isAimed) {
      this.#strike(number, random);
      return;
    }
    let isOver = false;
    const strikeIn = (afterMs: number): void => {
      if (isOver) return;
      isOver = true;
      clock.clearTimeout(patience);
      clock.setTimeout(() => this.#strike(number, random), afterMs);
    };
    const patience = clock.setTimeout(() => strikeIn(0), aimPatienceMs);
    targets.onNextRequest(() => strikeIn(delayMs));
  }

  #strike(number: number, random: SeededRandom): void {
    if (!this.#isRunning) return;
    const { targets, struck } = this.#options;
    const name = drawnName(random, targets.world.network.servers.length);
    const openIos = targets.openIos();
    const atMs = targets.world.clock.now();
    const what = faultKinds[name].strike(targets, random);
    if (what !== null) struck({ number, name, what, atMs, openIos });
  }
}

/** Ends what lasts of the faults so far. Crashed nodes come back by themselves. */
export function healEverything({ world, conditions }: FaultTargets): void {
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
  world.heal(null);
  for (const node of world.nodes) {
    node.process?.resume();
    world.release(node);
  }
}

function drawnName(random: SeededRandom, servers: number): FaultName {
  for (const name of faultNames) {
    const onceIn = onceInOf(name);
    if (onceIn !== null && random.fork(name).integer(onceIn) === 0) return name;
  }
  const weightSum = faultNames.reduce((sum, name) => sum + weightOf(name, servers), 0);
  let at = random.integer(weightSum);
  for (const name of faultNames) {
    at -= weightOf(name, servers);
    if (at < 0) return name;
  }
  throw new RangeError('weights of faults do not add up');
}
