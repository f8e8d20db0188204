/**
 * Virtual time: nothing passes but by running what is due. Time jumps from one event to the next; events of the same
 * instant run in the order in which they were scheduled; what was asked for `soon` runs before the next event.
 * Actors get it through the Clock port, wrapped per process (`process.ts`); the world drives it.
 */
import type { Clock, Timer } from '../../protocols/ports.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';
import { type EventOwner, EventQueue, ScheduledEvent } from './event-queue.ts';

/** `soon` runs at one instant, without any event between: more than this is an endless loop. */
export const soonRunsMax = 1_000_000;

const wallTimeStartMs = Date.UTC(2024, 0, 1);

/** A timer that somebody set; handed out as the port's opaque `Timer`. */
class TimerEvent extends ScheduledEvent {
  readonly #run: () => void;

  constructor(owner: EventOwner | null, run: () => void) {
    super(owner);
    this.#run = run;
  }

  override fire(): void {
    this.#run();
  }
}

export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #queue = new EventQueue();
  readonly #soonRuns: (() => void)[] = [];
  readonly #soonOwners: (EventOwner | null)[] = [];
  readonly #afterEach: (() => void)[] = [];

  /** @param startMs what `now()` says at first: its zero means nothing, so it should not be zero. */
  constructor(startMs = 1000) {
    this.#nowMs = startMs;
  }

  now(): Instant {
    return unitOf<Instant>(this.#nowMs);
  }

  wallTimeMs(): number {
    return wallTimeStartMs + Math.floor(this.#nowMs);
  }

  setTimeout(run: () => void, delayMs: number): Timer {
    return this.setTimeoutFor(null, run, delayMs);
  }

  clearTimeout(timer: Timer): void {
    if (timer instanceof TimerEvent) this.cancel(timer);
  }

  soon(run: () => void): void {
    this.soonFor(null, run);
  }

  /** `setTimeout` for a process: it runs only while that process does. */
  setTimeoutFor(owner: EventOwner | null, run: () => void, delayMs: number): Timer {
    const event = new TimerEvent(owner, run);
    this.schedule(event, delayMs);
    return event as unknown as Timer;
  }

  /** Timers of a process that will still fire. */
  timersOf(owner: EventOwner): number {
    return this.#queue.count((event) => event instanceof TimerEvent && event.owner === owner);
  }

  /** `soon` for a process. */
  soonFor(owner: EventOwner | null, run: () => void): void {
    this.#soonRuns.push(run);
    this.#soonOwners.push(owner);
  }

  /** Runs after every event and the `soon` work behind it, before time moves: for checks of the simulated parts. */
  afterEach(run: () => void): void {
    this.#afterEach.push(run);
  }

  /** Lets `event` fire after `delayMs`; a delay below zero (or no number) counts as zero. */
  schedule(event: ScheduledEvent, delayMs: number): void {
    this.#queue.put(event, delayMs > 0 ? this.#nowMs + delayMs : this.#nowMs);
  }

  /** As `schedule`, at an instant; one in the past counts as now. */
  scheduleAt(event: ScheduledEvent, dueMs: number): void {
    this.#queue.put(event, Math.max(dueMs, this.#nowMs));
  }

  /** Lets an event that was held back fire as soon as possible, before all that became due after it. */
  scheduleOverdue(event: ScheduledEvent): void {
    this.#queue.put(event, event.dueMs);
  }

  cancel(event: ScheduledEvent): void {
    this.#queue.cancel(event);
  }

  /** True when nothing is going to happen any more. */
  get idle(): boolean {
    return this.#queue.size === 0 && this.#soonRuns.length === 0;
  }

  /** When the next event is due; `null` when there is none. */
  get nextDue(): Instant | null {
    if (this.#soonRuns.length > 0) return this.now();
    const dueMs = this.#queue.nextDueMs;
    return dueMs === null ? null : unitOf<Instant>(Math.max(dueMs, this.#nowMs));
  }

  /**
   * Runs the next event and all that it asked for `soon`. What an event throws comes out of here, and the clock can
   * be run on.
   *
   * @returns false when there was nothing to run.
   */
  runNext(): boolean {
    if (this.#soonRuns.length > 0) {
      this.#settle();
      return true;
    }
    const event = this.#queue.take();
    if (event === null) return false;
    this.#nowMs = Math.max(event.dueMs, this.#nowMs);
    dispatch(event);
    this.#settle();
    return true;
  }

  /** Runs everything that is due up to and including `until`, and ends with `now()` being `until`. */
  runUntil(until: Instant): void {
    for (let due = this.nextDue; due !== null && due <= until; due = this.nextDue) this.runNext();
    if (until > this.#nowMs) this.#nowMs = until;
  }

  /** As `runUntil`, for a length of time from now. */
  runFor(durationMs: number): void {
    this.runUntil(unitOf<Instant>(this.#nowMs + durationMs));
  }

  #settle(): void {
    if (this.#soonRuns.length > 0) this.#runSoon();
    for (const check of this.#afterEach) check();
  }

  #runSoon(): void {
    let count = 0;
    try {
      while (count < this.#soonRuns.length) {
        const run = this.#soonRuns[count];
        const owner = this.#soonOwners[count] ?? null;
        count += 1;
        if (count > soonRunsMax) throw new RangeError('endless work asked for with soon()');
        if (run !== undefined) runOwned(owner, run);
      }
    } finally {
      this.#soonRuns.splice(0, count);
      this.#soonOwners.splice(0, count);
    }
  }
}

function runOwned(owner: EventOwner | null, run: () => void): void {
  if (owner === null || owner.state === 'running') run();
  else if (owner.state === 'paused') owner.hold(new TimerEvent(owner, run));
}

function dispatch(event: ScheduledEvent): void {
  const owner = event.owner;
  if (owner === null || owner.state === 'running') event.fire();
  else if (owner.state === 'paused') {
    owner.hold(event);
    event.held();
  } else event.abandoned();
}
