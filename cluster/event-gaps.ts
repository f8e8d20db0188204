/**
 * Notices events that were told and never came. Each actor numbers its events from 1 on, and its telemetry tells the
 * number of the last one: a gap is what was lost, or told while nobody listened here.
 */
import type { Incarnation } from '../protocols/units.ts';

/** The last event that is known of an actor. */
interface LastEvent {
  readonly incarnation: Incarnation;
  readonly sequence: number;
}

/** More actors than a cluster has: what forged names may cost in memory. */
const actorsMax = 100_000;

export class EventGaps {
  readonly #last = new Map<string, LastEvent>();

  /** An event came; gives how many of its actor's were missed before it. The first one of an actor misses none. */
  came(actor: string, incarnation: Incarnation, sequence: number): number {
    const isFirst = sequence === 1;
    if (isFirst) this.#last.delete(actor);
    return this.#missed(actor, { incarnation, sequence }, sequence - 1);
  }

  /** An actor says which event was its last; gives how many up to and with this one were missed. */
  toldLast(actor: string, incarnation: Incarnation, sequence: number): number {
    return this.#missed(actor, { incarnation, sequence }, sequence);
  }

  /** Remembers `now`; counts the events from the last known one up to and with number `until`. */
  #missed(actor: string, now: LastEvent, until: number): number {
    const last = this.#last.get(actor);
    if (last === undefined) {
      if (this.#last.size < actorsMax) this.#last.set(actor, now);
      return 0;
    }
    // A disk learns its incarnation while it starts; its numbers go on.
    const isSame = last.incarnation === now.incarnation || last.incarnation === 0;
    const goesOn = isSame ? now.sequence > last.sequence : now.sequence === last.sequence + 1;
    if (isSame && !goesOn) return 0;
    this.#last.set(actor, now);
    return until - (goesOn ? last.sequence : 0);
  }
}
