/**
 * Whether caches may still answer reads of an attachment that was taken away (DESIGN I14), so that the volume must not be
 * served before they cannot. Nobody can be asked: a host and a switch that hear no commands may do I/O all the same. Who
 * let go by itself has ended its reads; what several hosts share is never read from a cache.
 */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { HostId } from '../../protocols/ids.ts';

export class LeaseDoubt {
  readonly #hasCaches: boolean;
  #isFirst = true;
  #mayLast = false;

  /** @param hasCaches any switch of the cluster keeps what it reads */
  constructor(hasCaches: boolean) {
    this.#hasCaches = hasCaches;
  }

  get mayLast(): boolean {
    return this.#mayLast;
  }

  /** A decision is about to be written. Of what was decided before the first one nobody knows how far it came. */
  deciding(last: VolumeRecord | null): void {
    if (this.#isFirst && last !== null) this.#doubt();
    this.#isFirst = false;
  }

  /** It is written. @param drained hosts that ended their I/O before they let go */
  decided(last: VolumeRecord | null, next: VolumeRecord, drained: readonly HostId[]): void {
    const isGone = (last?.attachments ?? []).some(
      ({ host, hostIncarnation, mode }) =>
        mode === 'exclusive' &&
        !drained.includes(host) &&
        !next.attachments.some(
          (each) => each.host === host && each.hostIncarnation === hostIncarnation,
        ),
    );
    if (isGone) this.#doubt();
  }

  /** Nobody knows whether it is written. */
  contested(): void {
    this.#doubt();
  }

  /** All disks have refused everything old for a lease's time. */
  over(): void {
    this.#mayLast = false;
  }

  #doubt(): void {
    this.#mayLast = this.#hasCaches;
  }
}
