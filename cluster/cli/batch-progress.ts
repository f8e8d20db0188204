/** How far a batch is: a line that is kept up to date on a terminal, and plain lines now and then elsewhere. */
import type { WriteStream } from 'node:tty';

/** Between two plain lines. */
const plainMs = 30_000;
const eraseLine = '\r\x1b[K';

export class BatchProgress {
  readonly #total: number;
  readonly #output: Pick<WriteStream, 'write' | 'isTTY'>;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  #done = 0;
  #failures = 0;
  #plainAtMs: number;

  /** @param nowMs monotonic */
  constructor(
    total: number,
    output: Pick<WriteStream, 'write' | 'isTTY'>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#total = total;
    this.#output = output;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.#plainAtMs = this.#startedMs + plainMs;
  }

  /** One more run has ended. */
  ended(passed: boolean): void {
    this.#done += 1;
    if (!passed) this.#failures += 1;
    if (this.#output.isTTY) this.#output.write(`${eraseLine}${this.text}`);
    else if (this.#nowMs() >= this.#plainAtMs) {
      this.#plainAtMs = this.#nowMs() + plainMs;
      this.#output.write(`${this.text}\n`);
    }
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.#output.isTTY) this.#output.write(eraseLine);
  }

  /** `12 of 200 runs, 0 failed, 0.8 per second, 4 min left` */
  get text(): string {
    const seconds = Math.max(this.#nowMs() - this.#startedMs, 1) / 1000;
    const perSecond = this.#done / seconds;
    const secondsLeft = (this.#total - this.#done) / perSecond;
    return (
      `${this.#done} of ${this.#total} runs, ${this.#failures} failed, ` +
      `${perSecond.toFixed(2)} per second, ${durationText(secondsLeft)} left`
    );
  }
}

/** A time that is left, for people. */
export function durationText(seconds: number): string {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
