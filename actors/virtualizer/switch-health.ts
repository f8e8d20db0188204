/**
 * Which switches may have back what they are meant to coordinate: those that are there, and have been so for the dwell
 * time, and did not fail often lately. So a switch that comes and goes moves nobody's writes back and forth. Knows
 * nothing of clocks: it is told who is there, and when. What was before the virtualizer's term is not known to it.
 */
import type { SwitchId } from '../../protocols/ids.ts';
import type { FailoverPolicy } from '../../protocols/topology/policies.ts';
import { type Incarnation, type Instant, unitOf } from '../../protocols/units.ts';

interface Health {
  /** Null while it is not there. */
  readonly incarnation: Incarnation | null;
  /** Since when it has been as it is now. */
  readonly since: Instant;
  /** When it went, or was replaced by another process of its own; the last ones. */
  readonly failedAt: readonly Instant[];
  readonly quarantinedUntil: Instant;
}

const never = unitOf<Instant>(Number.NEGATIVE_INFINITY);

export class SwitchHealth {
  readonly #policy: FailoverPolicy;
  readonly #healths = new Map<SwitchId, Health>();

  constructor(policy: FailoverPolicy) {
    this.#policy = policy;
  }

  /** Takes note of which process of a switch is there now; null: none. */
  note(id: SwitchId, incarnation: Incarnation | null, at: Instant): void {
    const known = this.#healths.get(id);
    if (known === undefined) {
      if (incarnation !== null)
        this.#healths.set(id, { incarnation, since: at, failedAt: [], quarantinedUntil: never });
    } else if (known.incarnation !== incarnation)
      this.#healths.set(id, {
        ...(known.incarnation === null ? known : this.#failed(known, at)),
        incarnation,
        since: at,
      });
  }

  /** True when it may have back what it is meant to coordinate, without an operator asking for it. */
  isSteady(id: SwitchId, at: Instant): boolean {
    return this.#policy.failback !== 'manual' && at >= this.#steadyFrom(id);
  }

  /** When the next switch becomes steady, after `at`; null when none does by itself. */
  nextSteadyAt(at: Instant): Instant | null {
    if (this.#policy.failback === 'manual') return null;
    let next: Instant | null = null;
    for (const id of this.#healths.keys()) {
      const from = this.#steadyFrom(id);
      if (from > at && from < (next ?? Number.POSITIVE_INFINITY)) next = from;
    }
    return next !== null && Number.isFinite(next) ? next : null;
  }

  #steadyFrom(id: SwitchId): Instant {
    const health = this.#healths.get(id);
    if (health === undefined || health.incarnation === null)
      return unitOf<Instant>(Number.POSITIVE_INFINITY);
    const dwelled = health.since + this.#policy.dwellSeconds * 1000;
    return unitOf<Instant>(Math.max(dwelled, health.quarantinedUntil));
  }

  #failed(known: Health, at: Instant): Health {
    const { failures, withinSeconds, forSeconds } = this.#policy.quarantine;
    const failedAt = [...known.failedAt, at]
      .filter((before) => at - before <= withinSeconds * 1000)
      .slice(-failures);
    const isFlapping = failedAt.length >= failures;
    const quarantinedUntil = isFlapping
      ? unitOf<Instant>(at + forSeconds * 1000)
      : known.quarantinedUntil;
    return { ...known, failedAt, quarantinedUntil };
  }
}
