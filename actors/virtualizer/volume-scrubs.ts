/** The scrubs of all volumes of a virtualizer, for as long as it decides. */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import type { ScrubOrder, ScrubProgress } from '../../protocols/scrub.ts';
import { ScrubTimes } from './scrub-times.ts';
import type { VolumeEnvironment } from './volume-environment.ts';
import { VolumeScrub } from './volume-scrub.ts';

export class VolumeScrubs {
  readonly #environment: Pick<VolumeEnvironment, 'actor' | 'clock' | 'log' | 'input' | 'database'>;
  readonly #servedBy: (volume: VolumeId) => VolumeRecord | null;
  readonly #scrubs = new Map<VolumeId, VolumeScrub>();

  /** @param servedBy the decision that a volume serves by; null while it does not */
  constructor(
    environment: Pick<VolumeEnvironment, 'actor' | 'clock' | 'log' | 'input' | 'database'>,
    servedBy: (volume: VolumeId) => VolumeRecord | null,
  ) {
    this.#environment = environment;
    this.#servedBy = servedBy;
  }

  /** There is a volume. @param isNamesake of one that was deleted */
  add(volume: VolumeId, isNamesake: boolean): void {
    const { actor, clock, log, input, database } = this.#environment;
    const { scrub: policy } = input.topology.policies;
    const servedBy = () => this.#servedBy(volume);
    const mayBegin = () =>
      servedBy() !== null && [...this.#scrubs.values()].every((each) => !each.isUnderWay);
    const times = new ScrubTimes(database, log, volume);
    const scrub = new VolumeScrub({
      ...{ volume, actor, clock, log, policy, times, isNamesake, servedBy, mayBegin },
    });
    this.#scrubs.set(volume, scrub);
    scrub.start();
  }

  /** There is none any more. */
  remove(volume: VolumeId): void {
    this.#scrubs.get(volume)?.stop();
    this.#scrubs.delete(volume);
  }

  stop(): void {
    for (const scrub of this.#scrubs.values()) scrub.stop();
    this.#scrubs.clear();
  }

  /** Null when there is no such volume. */
  order({ volume, action }: ScrubOrder): ScrubProgress | null {
    const scrub = this.#scrubs.get(volume);
    if (action === 'start') scrub?.request();
    if (action === 'stop') scrub?.cancel();
    return scrub?.progress ?? null;
  }

  /** Null when there is no such volume. */
  progressOf(volume: VolumeId): ScrubProgress | null {
    return this.#scrubs.get(volume)?.progress ?? null;
  }
}
