/**
 * When a store does without synchronous calls. One that took long may have met a cold file or a full cache, or only a
 * busy processor: the next ones go to the thread pool for a short time, and the longer the more of those that are tried
 * afterwards take long, too. So the event loop is blocked for little of its time by a slow file, and a fast one costs
 * no detour.
 */

const shortestPauseMs = 2;
const longestPauseMs = 128;
const growth = 4;
/** Of a call that was fast: one slow call in about thirty keeps the pauses from shrinking. */
const decay = 0.95;

export class SlowCalls {
  readonly #slowMs: number;
  #pauseMs = 0;
  #untilMs: number;

  /** @param slowMs what counts as slow; below 0 there are no synchronous calls at all */
  constructor(slowMs: number) {
    this.#slowMs = slowMs;
    this.#untilMs = slowMs < 0 ? Number.POSITIVE_INFINITY : 0;
  }

  /** Whether a call may be synchronous now. */
  allows(nowMs: number): boolean {
    return nowMs >= this.#untilMs;
  }

  /** Notes how long a synchronous call took. */
  ended(startMs: number, endMs: number): void {
    if (endMs - startMs <= this.#slowMs) {
      this.#pauseMs *= decay;
      return;
    }
    this.#pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, this.#pauseMs * growth));
    this.#untilMs = endMs + this.#pauseMs;
  }
}
