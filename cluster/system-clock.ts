/**
 * The Clock port on this machine's time. A timer never runs before its delay has passed by `now()` (leases rely on
 * it), which Node's own timers do not promise; it may run up to about 2 ms late on an idle machine.
 */
import type { Clock, Timer } from '../protocols/ports.ts';
import { type Instant, unitOf } from '../protocols/units.ts';

/** The longest delay that Node's timers take; longer ones are armed again. */
const armDelayMsMax = 2 ** 31 - 1;
/** Node counts whole milliseconds from a truncated start, so that it can be early by up to one. */
const nodeEarlyMsMax = 1;

class SystemTimer {
  readonly #run: () => void;
  readonly #dueMs: number;
  #handle: NodeJS.Timeout;

  constructor(run: () => void, delayMs: number) {
    this.#run = run;
    // Not by Math.max, which would make a delay that is no number a timer that never fires.
    const now = performance.now();
    this.#dueMs = delayMs > 0 ? now + delayMs : now;
    this.#handle = this.#arm();
  }

  clear(): void {
    clearTimeout(this.#handle);
  }

  #arm(): NodeJS.Timeout {
    const restMs = Math.ceil(this.#dueMs - performance.now()) + nodeEarlyMsMax;
    return setTimeout(() => this.#fire(), Math.min(restMs, armDelayMsMax));
  }

  #fire(): void {
    if (performance.now() < this.#dueMs) this.#handle = this.#arm();
    else this.#run();
  }
}

class SystemClock implements Clock {
  #soonRuns: (() => void)[] = [];

  now(): Instant {
    return unitOf<Instant>(performance.now());
  }

  wallTimeMs(): number {
    return Date.now();
  }

  setTimeout(run: () => void, delayMs: number): Timer {
    return new SystemTimer(run, delayMs) as unknown as Timer;
  }

  clearTimeout(timer: Timer): void {
    if (timer instanceof SystemTimer) timer.clear();
  }

  soon(run: () => void): void {
    this.#soonRuns.push(run);
    if (this.#soonRuns.length === 1) queueMicrotask(this.#runAll);
  }

  /** One microtask for all; what is asked for meanwhile runs in the next. An exception does not lose the rest. */
  readonly #runAll = (): void => {
    const runs = this.#soonRuns;
    this.#soonRuns = [];
    let count = 0;
    try {
      for (const run of runs) {
        count += 1;
        run();
      }
    } finally {
      if (count < runs.length) {
        if (this.#soonRuns.length === 0) queueMicrotask(this.#runAll);
        this.#soonRuns = [...runs.slice(count), ...this.#soonRuns];
      }
    }
  };
}

/** The clock of a process of the cluster. */
export function createSystemClock(): Clock {
  return new SystemClock();
}
