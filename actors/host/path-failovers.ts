/**
 * The failovers of a host, one for each link, HBA, switch or disk that failed or was silent under I/O, as long as what it
 * hit has not ended. Finds the one that a part belongs to; what becomes of it is the failover's.
 */
import { type FailoverParts, PathFailover } from './path-failover.ts';
import type { PathFailure } from './path-failures.ts';
import type { Slot } from './slots.ts';

export class PathFailovers {
  readonly #parts: FailoverParts;
  readonly #live = new Map<string, PathFailover>();

  constructor(parts: FailoverParts) {
    this.#parts = parts;
  }

  get live(): Iterable<PathFailover> {
    return this.#live.values();
  }

  /** The way of a part failed: it takes another one, at once where that is known to work. */
  redirect(slot: Slot, failure: PathFailure): void {
    const failover = slot.failover ?? this.#live.get(failure.subject) ?? this.#begin(failure);
    failover.hit(slot, failure);
  }

  /** A part got no answer in time, and is sent again as it is: one story tells of all that one silence hits. */
  overdue(slot: Slot, silence: PathFailure): void {
    if (slot.failover !== null) return;
    const failover = this.#live.get(silence.subject) ?? this.#begin(silence);
    failover.overdue(slot);
  }

  /** A link or HBA came back, or there is newer control data. */
  waysChanged(): void {
    for (const failover of [...this.#live.values()]) failover.waysChanged();
  }

  stop(): void {
    for (const failover of this.#live.values()) failover.stop();
    this.#live.clear();
  }

  #begin(failure: PathFailure): PathFailover {
    this.#parts.counters.failovers++;
    const failover: PathFailover = new PathFailover(this.#parts, failure, () => {
      if (this.#live.get(failure.subject) === failover) this.#live.delete(failure.subject);
    });
    this.#live.set(failure.subject, failover);
    return failover;
  }
}
