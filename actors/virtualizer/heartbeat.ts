/**
 * How late the heartbeats of one actor use to be: a smoothed mean and a smoothed deviation, as TCP keeps them of its round
 * trips. Pure. What makes them late does not matter: a busy process, a busy machine, or an observer that is busy itself;
 * whoever waits for this actor had better wait as much longer.
 */
import type { Instant } from '../../protocols/units.ts';
import { telemetryIntervalMs } from '../actor.ts';

const meanWeight = 1 / 8;
const deviationWeight = 1 / 4;

export class Heartbeat {
  #beatAt: Instant | null = null;
  #meanMs = 0;
  #deviationMs = 0;

  beat(at: Instant): void {
    const lateMs = this.#beatAt === null ? 0 : at - this.#beatAt - telemetryIntervalMs;
    this.#beatAt = at;
    const errorMs = Math.max(0, lateMs) - this.#meanMs;
    this.#meanMs += errorMs * meanWeight;
    this.#deviationMs += (Math.abs(errorMs) - this.#deviationMs) * deviationWeight;
  }

  /** The time until the next beat says nothing: it could not be heard, or was not there. */
  interrupt(): void {
    this.#beatAt = null;
  }

  /** Later than this only now and then. @param deviations how many of them are still usual */
  usuallyLateMs(deviations: number): number {
    return this.#meanMs + deviations * this.#deviationMs;
  }
}
