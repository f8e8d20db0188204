/**
 * What a range of sectors may hold after a power cut, by what its consumer asked for and was told until then (DESIGN I1,
 * I2): of each sector the last value that is durable, or one written since, or at the same time as that. A part of a write
 * within one block of 4 KiB is there as a whole or not at all.
 */
import { blockBytes, sectorBytes } from '../../../protocols/units.ts';

export const sectorsPerBlock = blockBytes / sectorBytes;

/** A write as a consumer asked for it; `value` 0 for zeros. Stands for itself: two are never equal. */
export interface AskedWrite {
  readonly value: number;
  readonly firstSector: number;
  readonly sectorCount: number;
}

/** Stands for one flush. */
export type AskedFlush = object;

export type ConsumerMark =
  | { readonly kind: 'write-begun'; readonly write: AskedWrite }
  | { readonly kind: 'write-ended'; readonly write: AskedWrite; readonly isDurable: boolean }
  | { readonly kind: 'flush-begun'; readonly flush: AskedFlush }
  | { readonly kind: 'flush-ended'; readonly flush: AskedFlush };

interface KnownWrite extends AskedWrite {
  readonly begunAt: number;
  endedAt: number;
  isDurable: boolean;
}

const never = Number.POSITIVE_INFINITY;
/** What was there before anybody wrote: zeros, older than everything. */
const nothing: KnownWrite = {
  value: 0,
  firstSector: 0,
  sectorCount: never,
  begunAt: -1,
  endedAt: -1,
  isDurable: true,
};

export class ExpectedSectors {
  readonly #writes = new Map<AskedWrite, KnownWrite>();
  readonly #byBlock = new Map<number, KnownWrite[]>();
  readonly #flushes = new Map<AskedFlush, number>();
  readonly #notDurable = new Set<KnownWrite>();
  #now = 0;

  /** Blocks that were ever written. */
  get blocks(): readonly number[] {
    return [...this.#byBlock.keys()];
  }

  /** How many writes are surely durable. */
  get durableCount(): number {
    return [...this.#writes.values()].filter(({ isDurable }) => isDurable).length;
  }

  take(mark: ConsumerMark): void {
    this.#now += 1;
    switch (mark.kind) {
      case 'write-begun':
        this.#begin(mark.write);
        break;
      case 'write-ended':
        this.#end(mark.write, mark.isDurable);
        break;
      case 'flush-begun':
        this.#flushes.set(mark.flush, this.#now);
        break;
      case 'flush-ended':
        this.#flushed(this.#flushes.get(mark.flush) ?? 0);
        break;
    }
  }

  /** @param values of the block's sectors @returns what is wrong with them, '' for nothing */
  problemOf(block: number, values: readonly number[]): string {
    const first = block * sectorsPerBlock;
    const causes = values.map((value, index) => this.#causes(first + index, value));
    const strange = causes.findIndex((each) => each.length === 0);
    if (strange >= 0) {
      const expected = this.#possible(first + strange).map(({ value }) => value);
      return `sector ${first + strange} holds ${values[strange]}, and must hold ${expected.join(' or ')}`;
    }
    for (const [index, [cause, ...others]] of causes.entries()) {
      if (cause === undefined || others.length > 0) continue;
      const lacking = causes.findIndex(
        (each, other) =>
          isOf(cause, first + other) && each.every((one) => one.endedAt < cause.begunAt),
      );
      if (lacking >= 0)
        return `block ${block} holds a part of write ${cause.value} only: sector ${first + index} is of it, and sector ${first + lacking} holds ${values[lacking]}, which is older`;
    }
    return '';
  }

  #begin(asked: AskedWrite): void {
    const write = { ...asked, begunAt: this.#now, endedAt: never, isDurable: false };
    this.#writes.set(asked, write);
    const end = asked.firstSector + asked.sectorCount;
    for (
      let block = Math.floor(asked.firstSector / sectorsPerBlock);
      block * sectorsPerBlock < end;
      block++
    ) {
      const writes = this.#byBlock.get(block) ?? [];
      writes.push(write);
      this.#byBlock.set(block, writes);
    }
  }

  #end(asked: AskedWrite, isDurable: boolean): void {
    const write = this.#writes.get(asked);
    if (write === undefined) throw new Error('a write ended that had not begun');
    write.endedAt = this.#now;
    write.isDurable = isDurable;
    if (!isDurable) this.#notDurable.add(write);
  }

  #flushed(begunAt: number): void {
    for (const write of this.#notDurable)
      if (write.endedAt < begunAt) {
        write.isDurable = true;
        this.#notDurable.delete(write);
      }
  }

  /** What may have put this value there. */
  #causes(sector: number, value: number): readonly KnownWrite[] {
    return this.#possible(sector).filter((write) => write.value === value);
  }

  /** Whatever had ended before one began that is durable is gone. */
  #possible(sector: number): readonly KnownWrite[] {
    const block = Math.floor(sector / sectorsPerBlock);
    const writes = (this.#byBlock.get(block) ?? []).filter((write) => isOf(write, sector));
    let lastDurableBegunAt = nothing.begunAt;
    for (const { isDurable, begunAt } of writes)
      if (isDurable) lastDurableBegunAt = Math.max(lastDurableBegunAt, begunAt);
    return [nothing, ...writes].filter(({ endedAt }) => endedAt >= lastDurableBegunAt);
  }
}

function isOf({ firstSector, sectorCount }: AskedWrite, sector: number): boolean {
  return firstSector <= sector && sector < firstSector + sectorCount;
}
