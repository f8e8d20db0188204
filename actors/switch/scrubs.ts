/**
 * Scrubs of a volume on one of its coordinators, on command: one range at a time. Who asks for it waits for its end; who
 * asks again for the same meanwhile waits for that, too. After a newer decision it must be asked for anew.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Answer, refusal } from '../../protocols/commands.ts';
import { partitionEnd, partitionOf } from '../../protocols/layout/regions.ts';
import type { ScrubQuery } from '../../protocols/scrub.ts';
import { unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { VolumeCoordinator } from './coordinator.ts';
import type { CoordinatorParts } from './coordinator-parts.ts';
import type { Partition } from './partition.ts';
import { Scrub } from './scrub.ts';

interface Running {
  readonly query: ScrubQuery;
  readonly scrub: Scrub;
  /** Who asked last for the same. */
  answer: (answer: Answer) => void;
}

export class Scrubs {
  readonly #parts: CoordinatorParts;
  readonly #coordinator: VolumeCoordinator;
  #running: Running | null = null;

  constructor(parts: CoordinatorParts, coordinator: VolumeCoordinator) {
    this.#parts = parts;
    this.#coordinator = coordinator;
  }

  /** The command `scrub`. */
  begin(query: ScrubQuery, answer: (answer: Answer) => void): void {
    const { volume } = this.#coordinator;
    const { volume: id, offset, lengthBytes } = query;
    if (this.#running !== null && isDeepStrictEqual(this.#running.query, query)) {
      this.#running.answer = answer;
      return;
    }
    if (this.#running !== null) {
      answer(refusal('not-ready', `another range of ${id} is being scrubbed`));
      return;
    }
    if (offset + lengthBytes > volume.load.sizeBytes) {
      answer(refusal('invalid', `volume ${id} has ${volume.load.sizeBytes} bytes`));
      return;
    }
    const partitions = this.#partitionsOf(query);
    if (partitions === null) {
      answer(refusal('not-ready', `${this.#parts.self} does not serve all of this range of ${id}`));
      return;
    }
    const running: Running = { query, scrub: this.#scrubOf(query, partitions), answer };
    this.#running = running;
    running.scrub.start();
  }

  #scrubOf({ offset, lengthBytes }: ScrubQuery, partitions: ReadonlyMap<number, Partition>): Scrub {
    const { volume, counters } = this.#coordinator;
    return new Scrub(this.#parts, volume, {
      range: { offset, lengthBytes },
      ...{ partitions, counters },
      volume: () => this.#coordinator.volume,
      trouble: (partition, what) => this.#coordinator.trouble(partition, what),
      ended: ({ problem, ...result }) => {
        const running = this.#running;
        this.#running = null;
        running?.answer(problem === '' ? { ok: true, ...result } : refusal('not-ready', problem));
      },
    });
  }

  /** A newer decision is about to be taken over, or the volume to be forgotten. */
  stop(): void {
    const running = this.#running;
    this.#running = null;
    running?.scrub.stop();
    running?.answer(refusal('not-ready', 'something was decided about the volume meanwhile'));
  }

  /** Those that a range lies in, by number; null when one of them is not served here. */
  #partitionsOf({ offset, lengthBytes }: ScrubQuery): ReadonlyMap<number, Partition> | null {
    const { coordinatorMap } = this.#coordinator.volume.load;
    const partitions = new Map<number, Partition>();
    const end = offset + lengthBytes;
    for (let at: number = offset; at < end; ) {
      const start = unitOf<VolumeOffset>(at);
      const partition = this.#coordinator.partition(partitionOf(coordinatorMap, start));
      if (partition?.mode !== 'serving') return null;
      partitions.set(partition.number, partition);
      at = partitionEnd(coordinatorMap, start);
    }
    return partitions;
  }
}
