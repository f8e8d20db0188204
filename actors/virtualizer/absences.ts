/**
 * Disks that a volume could go on without: how long each has been lacking, and which ones failed though they are there.
 * Pure but for what it remembers; a virtualizer that takes over begins anew, which only makes it more patient.
 */
import type { DiskId } from '../../protocols/ids.ts';
import { type Instant, unitOf } from '../../protocols/units.ts';

interface Failure {
  readonly until: Instant;
  readonly reason: string;
  /** In a row. */
  readonly times: number;
}

/** A disk that failed is tried again after this, and after twice as long each time that it fails again. */
const retryMsMin = 5000;
const retryMsMax = 300_000;
/** One that restarts just then refuses as well: the next decision is for what it is then. */
const refusalsMax = 3;

export class Absences {
  readonly #staleAfterMs: number;
  readonly #lackingSince = new Map<DiskId, Instant>();
  /** In a row. */
  readonly #refusals = new Map<DiskId, number>();
  readonly #failures = new Map<DiskId, Failure>();

  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs;
  }

  /**
   * These disks are lacking, and no others.
   *
   * @param waited those of them that are worth waiting for
   * @returns for how many milliseconds the volume still waits
   */
  note(lacking: readonly DiskId[], waited: readonly DiskId[], at: Instant): number {
    for (const disk of [...this.#lackingSince.keys()])
      if (!lacking.includes(disk)) this.#lackingSince.delete(disk);
    for (const disk of lacking) if (!this.#lackingSince.has(disk)) this.#lackingSince.set(disk, at);
    const endOf = (disk: DiskId) => (this.#lackingSince.get(disk) ?? at) + this.#staleAfterMs;
    return Math.max(0, ...waited.map((disk) => endOf(disk) - at));
  }

  /**
   * A disk that is there cannot do what members do. One failure may be told again and again.
   *
   * @param reason for people
   * @returns until when it is not to be used
   */
  failed(disk: DiskId, reason: string, at: Instant): Instant {
    const before = this.#failures.get(disk);
    if (before !== undefined && at < before.until) return before.until;
    const times = before?.times ?? 0;
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

  /** How a disk failed last, for people; '' when it did not since it was in sync. */
  reasonOf(disk: DiskId): string {
    return this.#failures.get(disk)?.reason ?? '';
  }

  /** It is in sync again. */
  healed(disk: DiskId): void {
    this.#failures.delete(disk);
  }
}
