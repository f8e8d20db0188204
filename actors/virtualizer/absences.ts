/**
 * Disks that a volume could go on without: how long each has been lacking, how often it went lately, and which ones
 * failed though they are there. Pure but for what it remembers; a virtualizer that takes over begins anew, which only
 * makes it more patient.
 */
import type { DiskId } from '../../protocols/ids.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';

interface Failure {
  readonly until: Instant;
  readonly reason: string;
  /** In a row. */
  readonly times: number;
}

interface Absence {
  /** Null while it is there. */
  readonly since: Instant | null;
  /** How long it was lacking before, of late. */
  readonly spentMs: number;
  readonly endedAt: Instant;
}

/** A disk that failed is tried again after this, and after twice as long each time that it fails again. */
const retryMsMin = 5000;
const retryMsMax = 300_000;
/** One that restarts just then refuses as well: the next decision is for what it is then. */
const refusalsMax = 3;
/** Who has been there for so long has left its former absences behind, and its failures where it was in sync. */
const forgivenAfterMs = 60_000;
const flappingMs = 5000;

export class Absences {
  readonly #staleAfterMs: number;
  readonly #absences = new Map<DiskId, Absence>();
  /** By disk: the switches that it answered nothing, and when that was told. */
  readonly #silentTo = new Map<DiskId, Map<string, Instant>>();
  readonly #departedAt = new Map<DiskId, Instant>();
  /** In a row. */
  readonly #refusals = new Map<DiskId, number>();
  readonly #failures = new Map<DiskId, Failure>();

  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs;
  }

  /**
   * These disks are lacking, and no others. Who comes and goes is waited for no longer than who is away once.
   *
   * @param waited those of them that are worth waiting for
   * @returns for how many milliseconds the volume still waits
   */
  note(lacking: readonly DiskId[], waited: readonly DiskId[], at: Instant): number {
    for (const [disk, { since, spentMs }] of this.#absences)
      if (since !== null && !lacking.includes(disk))
        this.#absences.set(disk, { since: null, spentMs: spentMs + at - since, endedAt: at });
    for (const disk of lacking) this.#begin(disk, at);
    const leftOf = (disk: DiskId) => {
      const { since, spentMs = 0 } = this.#absences.get(disk) ?? {};
      return this.#staleAfterMs - spentMs - (at - (since ?? at));
    };
    return Math.max(0, ...waited.map(leftOf));
  }

  /**
   * A mirror on the disk is stale from now on.
   *
   * @returns until when it is not to be used: longer than now when that is not the first time of late
   */
  departed(disk: DiskId, at: Instant): Instant {
    const before = this.#departedAt.get(disk);
    this.#departedAt.set(disk, at);
    const isFlapping = before !== undefined && at - before < forgivenAfterMs;
    return unitOf<Instant>(isFlapping ? at + flappingMs : at);
  }

  /**
   * A disk that is there cannot do what members do. One failure may be told again and again.
   *
   * @param reason for people
   * @param wasInSync a mirror on it was in sync until now. One that is only trying to be has no time that counts for it:
   *   it may be failing again and again after a long while
   * @returns until when it is not to be used
   */
  failed(disk: DiskId, reason: string, wasInSync: boolean, at: Instant): Instant {
    const before = this.#failures.get(disk);
    if (before !== undefined && at < before.until) return before.until;
    const isForgiven = wasInSync && before !== undefined && at - before.until >= forgivenAfterMs;
    const times = before === undefined || isForgiven ? 0 : before.times;
    const until = unitOf<Instant>(at + Math.min(retryMsMin * 2 ** times, retryMsMax));
    this.#failures.set(disk, { until, reason, times: times + 1 });
    return until;
  }

  /** A disk would not do its part of a decision. @returns true when it has done so too often in a row to be waited for */
  refused(disk: DiskId): boolean {
    const times = (this.#refusals.get(disk) ?? 0) + 1;
    this.#refusals.set(disk, times);
    return times >= refusalsMax;
  }

  /** All disks did their part of a decision. */
  confirmed(): void {
    this.#refusals.clear();
  }

  /** It answers a switch nothing. @returns true when it answered another one nothing of late */
  silentTo(disk: DiskId, switchId: string, at: Instant): boolean {
    const told = this.#silentTo.get(disk) ?? new Map<string, Instant>();
    this.#silentTo.set(disk, told.set(switchId, at));
    return [...told].some(([other, since]) => other !== switchId && at - since < forgivenAfterMs);
  }

  /** Why a disk is left alone for a while, for people; '' when there is no reason. */
  reasonOf(disk: DiskId): string {
    const failure = this.#failures.get(disk)?.reason;
    return failure ?? (this.#departedAt.has(disk) ? `disk ${disk} comes and goes` : '');
  }

  /** It is in sync again. */
  healed(disk: DiskId): void {
    this.#failures.delete(disk);
    this.#silentTo.delete(disk);
  }

  #begin(disk: DiskId, at: Instant): void {
    const before = this.#absences.get(disk);
    if (before?.since !== undefined && before.since !== null) return;
    const isForgiven = before === undefined || at - before.endedAt >= forgivenAfterMs;
    const spentMs = isForgiven ? 0 : before.spentMs;
    this.#absences.set(disk, { since: at, spentMs, endedAt: at });
  }
}
