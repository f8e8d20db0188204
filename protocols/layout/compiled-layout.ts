/**
 * A layout made ready for the data path: a cut that allocates nothing once its list of parts has grown. Gives the
 * parts that `geometry` gives, cut further at frame and partition bounds. Compile once per generation of control
 * data; layouts and maps are valid ones (`validate-layout`, `regions`).
 */
import { assertNever } from '../codes.ts';
import type { MirrorSetId } from '../ids.ts';
import { blockBytes, type DiskOffset, roundDown, unitOf, type VolumeOffset } from '../units.ts';
import type { Leg, Part } from './geometry.ts';
import { type Extent, type Layout, type MirrorStep, sizeOf } from './layout.ts';
import { type CoordinatorMap, partitionEnd, partitionOf } from './regions.ts';

/** A part within one partition. */
export interface CutPart extends Part {
  /** 0 when there is no coordinator map. */
  readonly partition: number;
}

type Changing<T> = { -readonly [Key in keyof T]: T[Key] };
type OwnPart = Changing<Omit<CutPart, 'legs'>> & { legs: Changing<Leg>[] };

/** The parts of the last cut into this list. They and their legs are reused by the next: copy what must outlive it. */
export class PartList {
  #count = 0;
  readonly #parts: OwnPart[] = [];

  get count(): number {
    return this.#count;
  }

  /** @throws RangeError when the last cut gave no part `index`. */
  part(index: number): CutPart {
    const part = this.#parts[index];
    if (part === undefined || index >= this.#count)
      throw new RangeError(`no part ${index}: the cut gave ${this.#count}`);
    return part;
  }

  *[Symbol.iterator](): Generator<CutPart> {
    for (let index = 0; index < this.#count; index++) yield this.part(index);
  }

  /** For the compiled layout: begins another cut. */
  clear(): void {
    this.#count = 0;
  }

  /** For the compiled layout: a part, with its old contents, to be overwritten. */
  claim(): OwnPart {
    const index = this.#count++;
    const used = this.#parts[index];
    if (used !== undefined) return used;
    const fresh = {
      start: unitOf<VolumeOffset>(0),
      lengthBytes: 0,
      legs: [],
      set: null,
      partition: 0,
    };
    this.#parts.push(fresh);
    return fresh;
  }
}

/** An extent with what its legs say of it. */
interface Leaf {
  readonly extent: Extent;
  readonly steps: readonly MirrorStep[];
  readonly set: MirrorSetId | null;
}

/** All nodes have one shape, so that following them stays fast. */
interface Node {
  readonly kind: 'extent' | 'concat' | 'stripe' | 'mirror';
  readonly sizeBytes: number;
  readonly stripBytes: number;
  readonly children: readonly Node[];
  /** Where each child begins, for a concat. */
  readonly childStarts: readonly number[];
  readonly extentIndex: number;
}

export class CompiledLayout {
  readonly sizeBytes: number;
  /** In the order of `extentIndex`. */
  readonly extents: readonly Extent[];
  readonly map: CoordinatorMap | null;
  readonly #root: Node;
  readonly #leaves: readonly Leaf[];
  // What `#locate` found: one entry per leg, in tree order.
  readonly #foundExtents: number[] = [];
  readonly #foundOffsets: number[] = [];
  #found = 0;

  constructor(root: Node, leaves: readonly Leaf[], map: CoordinatorMap | null) {
    this.sizeBytes = root.sizeBytes;
    this.extents = leaves.map(({ extent }) => extent);
    this.map = map;
    this.#root = root;
    this.#leaves = leaves;
  }

  /** True when a range of at least one byte lies within the volume. */
  holds(start: VolumeOffset, lengthBytes: number): boolean {
    return start >= 0 && lengthBytes > 0 && start + lengthBytes <= this.sizeBytes;
  }

  /**
   * Cuts a range into the fewest parts that are at most `frameBytesMax` long and within one partition each, and
   * puts them into `into`, in order. Cuts made for the frame's sake lie on 4 KiB of the volume.
   *
   * @param frameBytesMax at least 4096; finite.
   * @param partsMax the first so many parts are enough.
   * @returns how many parts there are.
   * @throws RangeError when the volume does not hold the range: check with `holds` what others ask for.
   */
  cut(
    start: VolumeOffset,
    lengthBytes: number,
    frameBytesMax: number,
    into: PartList,
    partsMax: number = Number.POSITIVE_INFINITY,
  ): number {
    if (!this.holds(start, lengthBytes) || !(frameBytesMax >= blockBytes))
      throw new RangeError(
        `cannot cut ${lengthBytes} bytes at ${start} of ${this.sizeBytes}, frames of ${frameBytesMax}`,
      );
    into.clear();
    const end = start + lengthBytes;
    for (let at: number = start; at < end && into.count < partsMax; ) {
      const frameEnd = roundDown(at + frameBytesMax, blockBytes);
      at = this.#cutOne(unitOf<VolumeOffset>(at), Math.min(end, frameEnd), into.claim());
    }
    return into.count;
  }

  /** Fills the longest part from `start` on that ends at `limit` or before; gives its end. */
  #cutOne(start: VolumeOffset, limit: number, part: OwnPart): number {
    this.#found = 0;
    let end = Math.min(limit, start + this.#locate(this.#root, start));
    part.partition = 0;
    if (this.map !== null) {
      part.partition = partitionOf(this.map, start);
      end = Math.min(end, partitionEnd(this.map, start));
    }
    // Also false for NaN: a layout that was not validated must not become an endless loop.
    if (!(end > start)) throw new RangeError(`an empty part at ${start}: the layout is not valid`);
    part.start = start;
    part.lengthBytes = end - start;
    this.#fillLegs(part);
    return end;
  }

  /** Notes the leg of each copy of `offset` under `node`; gives how many bytes from there on are as contiguous. */
  #locate(from: Node, fromOffset: number): number {
    let node = from;
    let offset = fromOffset;
    let contiguousBytes = Number.POSITIVE_INFINITY;
    for (;;) {
      switch (node.kind) {
        case 'extent':
          this.#foundExtents[this.#found] = node.extentIndex;
          this.#foundOffsets[this.#found] = offset;
          this.#found++;
          return Math.min(contiguousBytes, node.sizeBytes - offset);
        case 'concat': {
          const index = childAt(node.childStarts, offset);
          offset -= node.childStarts[index] ?? 0;
          node = childOf(node, index);
          break;
        }
        case 'stripe': {
          const strip = Math.floor(offset / node.stripBytes);
          const row = Math.floor(strip / node.children.length);
          const within = offset - strip * node.stripBytes;
          contiguousBytes = Math.min(contiguousBytes, node.stripBytes - within);
          offset = row * node.stripBytes + within;
          node = childOf(node, strip - row * node.children.length);
          break;
        }
        case 'mirror':
          for (const child of node.children)
            contiguousBytes = Math.min(contiguousBytes, this.#locate(child, offset));
          return contiguousBytes;
        default:
          return assertNever(node.kind, 'node');
      }
    }
  }

  #fillLegs(part: OwnPart): void {
    const { legs } = part;
    if (legs.length > this.#found) legs.length = this.#found;
    for (let index = 0; index < this.#found; index++) {
      const extentIndex = this.#foundExtents[index] ?? 0;
      const leaf = this.#leaves[extentIndex];
      if (leaf === undefined) throw new RangeError(`no extent ${extentIndex}`);
      const { extent, steps, set } = leaf;
      const offset = unitOf<DiskOffset>(extent.start + (this.#foundOffsets[index] ?? 0));
      part.set = set;
      const leg = legs[index];
      if (leg === undefined) legs.push(legOf(leaf, extentIndex, offset));
      else {
        leg.extent = extent.extent;
        leg.extentIndex = extentIndex;
        leg.disk = extent.disk;
        leg.offset = offset;
        leg.generation = extent.generation;
        leg.steps = steps;
      }
    }
  }
}

/**
 * Makes a valid layout ready for the data path.
 *
 * @param map where partitions end; null cuts at none.
 * @throws RangeError for a layout with parity, which is not served.
 */
export function compileLayout(layout: Layout, map: CoordinatorMap | null = null): CompiledLayout {
  const leaves: Leaf[] = [];
  const root = compileNode(layout, [], leaves);
  return new CompiledLayout(root, leaves, map);
}

function compileNode(layout: Layout, steps: readonly MirrorStep[], leaves: Leaf[]): Node {
  if (layout.kind === 'parity') throw new RangeError('parity is not served');
  const none = { sizeBytes: sizeOf(layout), stripBytes: 0, children: [], childStarts: [] };
  if (layout.kind === 'extent') {
    leaves.push({ extent: layout, steps, set: steps[0]?.set ?? null });
    return { kind: 'extent', ...none, extentIndex: leaves.length - 1 };
  }
  const children = layout.children.map((child, mirror) => {
    const innerSteps = layout.kind === 'mirror' ? [...steps, { set: layout.set, mirror }] : steps;
    return compileNode(child, innerSteps, leaves);
  });
  const [only] = children;
  // The strips of an only child follow each other on it: no bound between them.
  if (only !== undefined && children.length === 1) return only;
  let next = 0;
  const childStarts = children.map(({ sizeBytes }) => {
    next += sizeBytes;
    return next - sizeBytes;
  });
  const stripBytes = layout.kind === 'stripe' ? layout.stripBytes : 0;
  return { kind: layout.kind, ...none, stripBytes, children, childStarts, extentIndex: -1 };
}

/** Index of the child that holds `offset`. */
function childAt(childStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = childStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((childStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}

function childOf(node: Node, index: number): Node {
  const child = node.children[index];
  if (child === undefined) throw new RangeError(`no child ${index}: the layout was not validated`);
  return child;
}

function legOf(leaf: Leaf, extentIndex: number, offset: DiskOffset): Changing<Leg> {
  const { extent, disk, generation } = leaf.extent;
  return { extent, extentIndex, disk, offset, generation, steps: leaf.steps };
}
