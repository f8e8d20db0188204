/**
 * The blocks that one host has marked, as stretches in order that do not overlap. Each has the order of the request
 * that marked it: the late copy of a request that came before has no effect on it. Pure.
 */
import type { Stretch } from './journal-record.ts';

/** When a coordinator decided it: by partition epoch, and within one by a number that counts up. */
export interface MarkOrder {
  readonly epoch: number;
  readonly number: number;
}

export interface MarkedStretch extends Stretch {
  readonly order: MarkOrder;
}

export class MarkedStretches {
  readonly #stretches: MarkedStretch[] = [];

  get count(): number {
    return this.#stretches.length;
  }

  get all(): readonly MarkedStretch[] {
    return this.#stretches;
  }

  mark(stretch: Stretch, order: MarkOrder): void {
    const { from, to } = this.#placesOf(stretch);
    const newer = this.#stretches.slice(from, to).filter((each) => isBefore(order, each.order));
    const added = newer
      .reduce<readonly Stretch[]>(
        (left, each) => left.flatMap((part) => cut(part, each)),
        [stretch],
      )
      .map((part) => ({ ...part, order }));
    this.#replace(stretch, order, added);
  }

  unmark(stretch: Stretch, order: MarkOrder): void {
    this.#replace(stretch, order, []);
  }

  /** One stretch for all of them: more is marked than was, and it takes little room. */
  join(): void {
    const [first] = this.#stretches;
    const last = this.#stretches.at(-1);
    if (first === undefined || last === undefined) return;
    const { firstBlock } = first;
    const blocks = last.firstBlock + last.blocks - firstBlock;
    const order = this.highestOrder;
    this.#stretches.splice(0, this.#stretches.length, { firstBlock, blocks, order });
  }

  /** Of all stretches; of nothing when there is none. */
  get highestOrder(): MarkOrder {
    const none = { epoch: 0, number: 0 };
    return this.#stretches.reduce(
      (highest, { order }) => (isBefore(highest, order) ? order : highest),
      none,
    );
  }

  /** Calls for each stretch within a range: with the number of its first block there, counted from the range's. */
  eachIn(range: Stretch, visit: (index: number, blocks: number) => void): void {
    const end = range.firstBlock + range.blocks;
    const { from, to } = this.#placesOf(range);
    for (const { firstBlock, blocks } of this.#stretches.slice(from, to)) {
      const first = Math.max(firstBlock, range.firstBlock);
      visit(first - range.firstBlock, Math.min(firstBlock + blocks, end) - first);
    }
  }

  /** Takes away what was marked there before `order`, and adds others. */
  #replace(stretch: Stretch, order: MarkOrder, added: readonly MarkedStretch[]): void {
    const { from, to } = this.#placesOf(stretch);
    const kept = this.#stretches
      .slice(from, to)
      .flatMap((each) =>
        isBefore(order, each.order)
          ? [each]
          : cut(each, stretch).map((part) => ({ ...part, order: each.order })),
      );
    const inOrder = [...kept, ...added].toSorted((one, other) => one.firstBlock - other.firstBlock);
    this.#stretches.splice(from, to - from, ...inOrder);
  }

  /** The places of those that a stretch meets: from the first one, and up to the one behind the last. */
  #placesOf({ firstBlock, blocks }: Stretch): { readonly from: number; readonly to: number } {
    let from = 0;
    for (let end = this.#stretches.length; from < end; ) {
      const middle = Math.floor((from + end) / 2);
      const each = this.#stretches[middle];
      if (each !== undefined && each.firstBlock + each.blocks <= firstBlock) from = middle + 1;
      else end = middle;
    }
    let to = from;
    for (let next = this.#stretches[to]; next !== undefined; next = this.#stretches[to]) {
      if (next.firstBlock >= firstBlock + blocks) break;
      to++;
    }
    return { from, to };
  }
}

function isBefore(one: MarkOrder, other: MarkOrder): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.number < other.number);
}

/** What of a stretch does not lie in another one. */
function cut({ firstBlock, blocks }: Stretch, other: Stretch): readonly Stretch[] {
  const end = firstBlock + blocks;
  const otherEnd = other.firstBlock + other.blocks;
  if (otherEnd <= firstBlock || end <= other.firstBlock) return [{ firstBlock, blocks }];
  const parts: Stretch[] = [];
  if (firstBlock < other.firstBlock)
    parts.push({ firstBlock, blocks: other.firstBlock - firstBlock });
  if (otherEnd < end) parts.push({ firstBlock: otherEnd, blocks: end - otherEnd });
  return parts;
}
