/**
 * Writes whose result a host does not know any more (DESIGN I12): what was sent of them may still take effect. The
 * consumer is not told of an error before it cannot, for others may be served meanwhile, and what they read must not
 * change back: decisions end the doubt, and where there are none, a time does.
 */
import type { Status } from '../../protocols/codes.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { DriverPolicy } from './driver-policy.ts';

/** What began the doubt, and how long ago. */
export interface Loss {
  readonly reason: string;
  readonly agoMs: number;
}

interface DoubtParts {
  readonly clock: Clock;
  /** No doubt lasts longer than another deadline. */
  readonly policy: Pick<DriverPolicy, 'deadlineMs'>;
}

export class WritesInDoubt {
  readonly #parts: DoubtParts;
  readonly #finish: (io: ConsumerIo) => void;
  #writes: ConsumerIo[] = [];
  #loss: { readonly reason: string; readonly atMs: number } | null = null;
  #timer: Timer | null = null;

  constructor(parts: DoubtParts, finish: (io: ConsumerIo) => void) {
    this.#parts = parts;
    this.#finish = finish;
  }

  get count(): number {
    return this.#writes.length;
  }

  /** Null where there is no doubt; until the last write has ended. */
  get loss(): Loss | null {
    if (this.#loss === null) return null;
    const { reason, atMs } = this.#loss;
    return { reason, agoMs: this.#parts.clock.now() - atMs };
  }

  /** Nothing of `ios` is under way by this host any more: ends them with an error, writes that were sent not yet. */
  lose(ios: Iterable<ConsumerIo>, status: Status, reason: string): void {
    const ending: ConsumerIo[] = [];
    for (const io of ios) {
      io.fail(status);
      if (io.isWrite && io.partsMade > 0) this.#writes.push(io);
      else ending.push(io);
    }
    if (this.#writes.length > 0) this.#begin(reason);
    for (const io of ending) this.#finish(io);
  }

  /** What was sent before cannot take effect any more. */
  end(): void {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
    for (const write of this.#writes.splice(0)) this.#finish(write);
    this.#loss = null;
  }

  #begin(reason: string): void {
    const { clock, policy } = this.#parts;
    this.#loss ??= { reason, atMs: clock.now() };
    this.#timer ??= clock.setTimeout(() => this.end(), policy.deadlineMs);
  }
}
