/**
 * A simulated operating-system process, as far as time is concerned: it runs, it is paused (SIGSTOP: what is due
 * waits, and happens late, when it is resumed) or it has stopped (SIGKILL: its timers, its unfinished work and what
 * is on the way to it never happen). A restarted process is a new object. Each has a clock of its own whose zero
 * differs from the others', for instants of two processes must never be compared.
 */
import type { Clock, Timer } from '../../protocols/ports.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';
import type { VirtualClock } from './clock.ts';
import type { EventOwner, ScheduledEvent } from './event-queue.ts';

export class SimulatedProcess implements EventOwner {
  readonly name: string;
  /** What the actors of this process get. */
  readonly clock: Clock;
  #state: 'running' | 'paused' | 'stopped' = 'running';
  #held: ScheduledEvent[] = [];
  readonly #time: VirtualClock;
  readonly #stopListeners: (() => void)[] = [];

  /** @param clockOffsetMs how far this process's monotonic clock is from the world's. */
  constructor(time: VirtualClock, name: string, clockOffsetMs = 0) {
    this.name = name;
    this.#time = time;
    this.clock = processClock(time, this, clockOffsetMs);
  }

  get state(): 'running' | 'paused' | 'stopped' {
    return this.#state;
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** What came due while paused happens now, in the order in which it was due. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.#time.scheduleOverdue(event);
  }

  /** Kills it at once. */
  stop(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    const held = this.#held;
    this.#held = [];
    for (const event of held) event.abandoned();
    for (const listener of this.#stopListeners) listener();
  }

  /** Called once, when the process is stopped: how the simulated parts close what it had open. */
  onStop(listener: () => void): void {
    this.#stopListeners.push(listener);
  }

  hold(event: ScheduledEvent): void {
    this.#held.push(event);
  }
}

function processClock(time: VirtualClock, owner: EventOwner, offsetMs: number): Clock {
  return {
    now: () => unitOf<Instant>(time.now() + offsetMs),
    wallTimeMs: () => time.wallTimeMs(),
    setTimeout: (run: () => void, delayMs: number): Timer =>
      time.setTimeoutFor(owner, run, delayMs),
    clearTimeout: (timer: Timer): void => time.clearTimeout(timer),
    soon: (run: () => void): void => time.soonFor(owner, run),
  };
}
