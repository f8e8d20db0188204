/**
 * Whether the mirrors of a volume are known to be equal but for writes that are under way: they were made so under the last
 * decision that gave everybody new epochs, or a later one, and nothing was heard since that speaks against it. In memory:
 * who begins to decide about a volume knows nothing.
 */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { TroubleReport } from '../../protocols/trouble-report.ts';

export class KnownEquality {
  /** The decision that gave everybody new epochs last: trouble from before it is over. */
  #renewedIn = 0;
  /** The decision under which the mirrors were made equal, as long as nothing speaks against it. */
  #equalIn = 0;

  get holds(): boolean {
    return this.#equalIn >= this.#renewedIn && this.#equalIn > 0;
  }

  /** All coordinators of the last decision say so, or it is not known any more what was decided, and for whom. */
  note(areEqual: boolean, record: VolumeRecord | null): void {
    this.#equalIn = areEqual ? (record?.generation ?? 0) : 0;
  }

  renewed({ generation }: VolumeRecord): void {
    this.#renewedIn = generation;
  }

  /** @returns true when the trouble is not over by a later decision: then nothing is taken for equal any more */
  ends(report: TroubleReport): boolean {
    const isOpen = report.generation >= this.#renewedIn;
    if (isOpen) this.#equalIn = 0;
    return isOpen;
  }
}
