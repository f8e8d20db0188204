/**
 * A line in which messages wait: each for the delay that is in force when it comes, and never overtaking one that came
 * before it. What is sent, and why it has to wait, is the owner's.
 */
import type { Clock, Timer } from '../../protocols/ports.ts';

export interface DelayedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly replySubject: string;
}

interface Waiting extends DelayedMessage {
  readonly dueMs: number;
}

/** What does not fit is lost, as on a line that is full. */
const waitingBytesMax = 32 * 1024 * 1024;

export class DelayLine {
  readonly #clock: Clock;
  readonly #send: (message: DelayedMessage) => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, send: (message: DelayedMessage) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Takes a message; the caller may use its memory again. */
  push({ subject, data, replySubject }: DelayedMessage, delayMs: number): void {
    if (this.#waitingBytes + data.length > waitingBytesMax) return;
    this.#waitingBytes += data.length;
    const dueMs = Math.max(this.#clock.now() + delayMs, this.#waiting.at(-1)?.dueMs ?? 0);
    this.#waiting.push({ subject, data: data.slice(), replySubject, dueMs });
    this.#arm();
  }

  /** Sends everything now. */
  flush(): void {
    const waiting = this.#waiting;
    this.clear();
    for (const message of waiting) this.#send(message);
  }

  /** Loses everything. */
  clear(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #arm(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#timer !== null) return;
    this.#timer = this.#clock.setTimeout(() => this.#release(), first.dueMs - this.#clock.now());
  }

  #release(): void {
    this.#timer = null;
    const nowMs = this.#clock.now();
    const later = this.#waiting.findIndex(({ dueMs }) => dueMs > nowMs);
    const due = this.#waiting.splice(0, later === -1 ? this.#waiting.length : later);
    for (const message of due) this.#waitingBytes -= message.data.length;
    for (const message of due) this.#send(message);
    this.#arm();
  }
}
