/**
 * The I/Os that belong to a time: all that were under way when it began, and all that were begun before it ended. Pure;
 * who holds the clock, says when.
 */
export class IoWindow {
  readonly #openedMs: number;
  readonly #lanes: readonly LaneCount[];
  #closedMs = Number.POSITIVE_INFINITY;
  #longestMs = 0;
  #longest = '';
  #ios = 0;

  /** @param lanes how many I/Os are under way at most, each in a lane of its own */
  constructor(lanes: number, openedMs: number) {
    this.#openedMs = openedMs;
    this.#lanes = Array.from({ length: lanes }, () => ({ begun: 0, lastEndedMs: 0 }));
  }

  /** From when on I/Os that are begun do not belong to it. */
  close(atMs: number): void {
    this.#closedMs = atMs;
  }

  /** An I/O has ended. @param what it was, for people */
  ended(lane: number, beganMs: number, endedMs: number, what = ''): void {
    const count = this.#lanes[lane];
    if (count === undefined || endedMs < this.#openedMs) return;
    count.lastEndedMs = endedMs;
    if (beganMs >= this.#closedMs) return;
    this.#ios++;
    if (endedMs - beganMs > this.#longestMs) {
      this.#longestMs = endedMs - beganMs;
      this.#longest = what;
    }
    if (beganMs >= this.#openedMs) count.begun++;
  }

  /** True once every lane has ended so many I/Os that were begun in it. */
  hasBeenThrough(ios: number): boolean {
    return this.#lanes.every(({ begun }) => begun >= ios);
  }

  /** True once it is closed and every I/O that belongs to it has ended: a lane goes on with the next only then. */
  isComplete(): boolean {
    return this.#lanes.every(({ lastEndedMs }) => lastEndedMs >= this.#closedMs);
  }

  /** The longest time that one of its I/Os took, from its begin to its end. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Which of them that was; '' for none. */
  get longest(): string {
    return this.#longest;
  }

  get ios(): number {
    return this.#ios;
  }
}

interface LaneCount {
  /** I/Os that were begun in the window and have ended. */
  begun: number;
  lastEndedMs: number;
}
