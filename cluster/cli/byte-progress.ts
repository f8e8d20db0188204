/** How far a check of disks is: a line on a terminal that is kept up to date, and nothing elsewhere. */
import type { WriteStream } from 'node:tty';
import { sizeText } from '../../protocols/topology/sizes.ts';
import { mebibyte } from '../../protocols/units.ts';
import { durationText } from './batch-progress.ts';

const refreshMs = 200;
const eraseLine = '\r\x1b[K';

export class ByteProgress {
  readonly #output: Pick<WriteStream, 'write' | 'isTTY'>;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  #shownAtMs: number;

  /** @param nowMs monotonic */
  constructor(
    output: Pick<WriteStream, 'write' | 'isTTY'>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.#shownAtMs = this.#startedMs;
  }

  /** So much has been done, of so much. */
  stepped(doneBytes: number, totalBytes: number): void {
    const nowMs = this.#nowMs();
    if (!this.#output.isTTY || nowMs - this.#shownAtMs < refreshMs) return;
    this.#shownAtMs = nowMs;
    const seconds = (nowMs - this.#startedMs) / 1000;
    const secondsLeft = ((totalBytes - doneBytes) / doneBytes) * seconds;
    const done = sizeText(Math.floor(doneBytes / mebibyte) * mebibyte);
    this.#output.write(
      `${eraseLine}${done} of ${sizeText(totalBytes)}, ${durationText(secondsLeft)} left`,
    );
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.#output.isTTY) this.#output.write(eraseLine);
  }
}
