/**
 * Counts the read errors of mirrors, as hosts tell of them: which have too many in a time. Remembers lately told ones
 * only, and as many as are needed.
 */
import type { DiskId, VolumeId } from '../../protocols/ids.ts';
import type { Instant } from '../../protocols/units.ts';

export interface ReadErrorPolicy {
  /** More than these are too many. */
  readonly readErrorsMax: number;
  readonly readErrorsWithinMs: number;
}

export class ReadErrors {
  readonly #policy: ReadErrorPolicy;
  /** By volume and disk: when the latest errors were told of. */
  readonly #told = new Map<string, readonly Instant[]>();

  constructor(policy: ReadErrorPolicy) {
    this.#policy = policy;
  }

  note(volume: VolumeId, disk: DiskId, at: Instant): void {
    const told = [...this.#latest(volume, disk, at), at].slice(-this.#policy.readErrorsMax - 1);
    this.#told.set(keyOf(volume, disk), told);
  }

  /** True when a mirror gave any error lately. */
  areSome(volume: VolumeId, disk: DiskId, at: Instant): boolean {
    return this.#latest(volume, disk, at).length > 0;
  }

  areTooMany(volume: VolumeId, disk: DiskId, at: Instant): boolean {
    return this.#latest(volume, disk, at).length > this.#policy.readErrorsMax;
  }

  #latest(volume: VolumeId, disk: DiskId, at: Instant): readonly Instant[] {
    const { readErrorsWithinMs } = this.#policy;
    const told = this.#told.get(keyOf(volume, disk)) ?? [];
    return told.filter((each) => at - each <= readErrorsWithinMs);
  }
}

function keyOf(volume: VolumeId, disk: DiskId): string {
  return `${volume}/${disk}`;
}
