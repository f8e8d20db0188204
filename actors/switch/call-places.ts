/**
 * Where what is sent to a disk has to return: one place for each slot and each of the last ways of its call. Disks answer
 * to the slot; "nobody listens" comes back to the place, and so blames only the way that the call still takes.
 */

/** Slots lie below this, more than all volumes of a switch can have; the places of all their ways follow. */
export const callSlotsMax = 4_194_304;
/** More earlier ways of a slot than these are not told apart. */
const waysTold = 8;
/** All places lie below this. */
export const callPlacesMax = callSlotsMax * waysTold;

export class CallPlaces {
  readonly #subjectOf: (place: number) => string;
  readonly #ways: number[] = [];
  /** By slot, then by way; made when first needed. */
  readonly #subjects: string[][] = [];

  constructor(subjectOf: (place: number) => string) {
    this.#subjectOf = subjectOf;
  }

  /** Another slot. @throws RangeError when there are too many */
  add(slot: number): void {
    if (slot >= callSlotsMax) throw new RangeError(`${slot} calls to disks are too many`);
    this.#ways[slot] = 0;
    this.#subjects[slot] = [];
  }

  /** What is sent from now on takes another way. */
  wayChanged(slot: number): void {
    this.#ways[slot] = (this.#wayOf(slot) + 1) % waysTold;
  }

  /** The reply subject of what is sent for a slot now. */
  subjectOf(slot: number): string {
    const subjects = this.#subjects[slot] ?? [];
    const way = this.#wayOf(slot);
    subjects[way] ??= this.#subjectOf(slot + way * callSlotsMax);
    return subjects[way];
  }

  /** The slot that a place belongs to. */
  slotOf(place: number): number {
    return place % callSlotsMax;
  }

  /** True when what has to return to a place went the way that its slot takes now. */
  isCurrent(place: number): boolean {
    return Math.floor(place / callSlotsMax) === this.#wayOf(this.slotOf(place));
  }

  #wayOf(slot: number): number {
    return this.#ways[slot] ?? 0;
  }
}
