/**
 * Counts the read errors of mirrors, as hosts tell of them: a mirror with too many in a time is proposed for removal.
 * Counts lately told ones only, and as many as are needed.
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
  readonly #told = new Map<string, Instant[]>();

  constructor(policy: ReadErrorPolicy) {
    this.#policy = policy;
  }

  /** Notes an error. True when it is one too many; counting then begins anew. */
  note(volume: VolumeId, disk: DiskId, at: Instant): boolean {
    const { readErrorsMax, readErrorsWithinMs } = this.#policy;
    const key = `${volume}/${disk}`;
    const recent = (this.#told.get(key) ?? []).filter((told) => at - told <= readErrorsWithinMs);
    recent.push(at);
    const isTooMany = recent.length > readErrorsMax;
    if (isTooMany) this.#told.delete(key);
    else this.#told.set(key, recent);
    return isTooMany;
  }
}
