/** How long a node that ended by itself stays down before it is started again: longer each time, within limits. */

const backOffFirstMs = 100;
const backOffMaxMs = 5_000;
/** A node that ran this long has proven itself: its next back-off begins small again. */
const provenAfterMs = 10_000;

export class RestartBackOff {
  #delayMs = backOffFirstMs;

  /** The delay before the next start of a node that ran for so long. */
  delayMs(ranForMs: number): number {
    this.#delayMs =
      ranForMs > provenAfterMs ? backOffFirstMs : Math.min(this.#delayMs * 2, backOffMaxMs);
    return this.#delayMs;
  }
}
