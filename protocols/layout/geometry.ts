/**
 * Which bytes of which extents a range of a volume consists of: the layout read as it stands, for whoever is not in
 * a hurry (verification, `explain`, planning). The data path asks `compiled-layout`, which gives the same parts.
 * Layouts are valid ones (`validate-layout`).
 */
import { assertNever } from '../codes.ts';
import type { DiskId, ExtentId, MirrorSetId } from '../ids.ts';
import { type DiskOffset, type ExtentGeneration, unitOf, type VolumeOffset } from '../units.ts';
import { type Extent, extentsOf, type Layout, type MirrorStep, sizeOf } from './layout.ts';
import type { VolumeRange } from './regions.ts';

/** One copy of a part: one contiguous range of one extent. */
export interface Leg {
  readonly extent: ExtentId;
  /** The extent's place in `extentsOf(layout)`: a key for tables. */
  readonly extentIndex: number;
  readonly disk: DiskId;
  readonly offset: DiskOffset;
  readonly generation: ExtentGeneration;
  /** The mirrors that this leg belongs to, outermost first; empty outside any mirror set. */
  readonly steps: readonly MirrorStep[];
}

/** A range of a volume, each of whose copies is contiguous on one extent. */
export interface Part {
  readonly start: VolumeOffset;
  readonly lengthBytes: number;
  /** All copies, in the order of the tree; never empty. `steps[0]?.mirror` tells which mirror of `set` one is. */
  readonly legs: readonly Leg[];
  /** The outermost mirror set that holds the part; null when there is one copy only. */
  readonly set: MirrorSetId | null;
}

/** Where a subtree stands: what its extents and legs are called, seen from the root. */
interface Place {
  readonly extentIndex: number;
  readonly steps: readonly MirrorStep[];
}

/** A range of a subtree, and the volume offset at which it begins. */
interface Asked {
  readonly from: number;
  readonly lengthBytes: number;
  readonly volumeStart: number;
}

/**
 * The fewest parts that a range of the volume consists of, in order, without gap or overlap.
 *
 * @throws RangeError when the range is not within the volume.
 */
export function cutRange(layout: Layout, range: VolumeRange): readonly Part[] {
  const { start, lengthBytes } = range;
  if (!(start >= 0 && lengthBytes >= 0 && start + lengthBytes <= sizeOf(layout)))
    throw new RangeError(`${lengthBytes} bytes at ${start} are not within ${sizeOf(layout)} bytes`);
  const asked = { from: start, lengthBytes, volumeStart: start };
  return lengthBytes === 0 ? [] : joinParts(cutNode(layout, asked, { extentIndex: 0, steps: [] }));
}

/** Makes one part of neighbours whose copies continue on the same extents. */
export function joinParts(parts: readonly Part[]): readonly Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (last !== undefined && continues(last, part))
      joined[joined.length - 1] = { ...last, lengthBytes: last.lengthBytes + part.lengthBytes };
    else joined.push(part);
  }
  return joined;
}

function continues(part: Part, next: Part): boolean {
  return (
    part.start + part.lengthBytes === next.start &&
    part.legs.length === next.legs.length &&
    part.legs.every((leg, index) => {
      const other = next.legs[index];
      return (
        other?.extentIndex === leg.extentIndex && other.offset === leg.offset + part.lengthBytes
      );
    })
  );
}

function cutNode(node: Layout, asked: Asked, place: Place): readonly Part[] {
  switch (node.kind) {
    case 'extent':
      return [extentPart(node, asked, place)];
    case 'concat':
      return cutConcat(node.children, asked, place);
    case 'stripe':
      return cutStripe(node.children, node.stripBytes, asked, place);
    case 'mirror':
      return node.children
        .map((child, mirror) =>
          cutNode(child, asked, {
            extentIndex: place.extentIndex + extentsBefore(node.children, mirror),
            steps: [...place.steps, { set: node.set, mirror }],
          }),
        )
        .reduce(unite);
    case 'parity':
      throw new RangeError('parity is not served: this layout was not validated');
    default:
      return assertNever(node, 'layout');
  }
}

function extentsBefore(children: readonly Layout[], index: number): number {
  return children.slice(0, index).reduce((count, child) => count + extentsOf(child).length, 0);
}

function extentPart(extent: Extent, asked: Asked, place: Place): Part {
  const leg = {
    extent: extent.extent,
    extentIndex: place.extentIndex,
    disk: extent.disk,
    offset: unitOf<DiskOffset>(extent.start + asked.from),
    generation: extent.generation,
    steps: place.steps,
  };
  const { volumeStart, lengthBytes } = asked;
  const start = unitOf<VolumeOffset>(volumeStart);
  return { start, lengthBytes, legs: [leg], set: place.steps[0]?.set ?? null };
}

function cutConcat(children: readonly Layout[], asked: Asked, place: Place): readonly Part[] {
  let childStart = 0;
  return children.flatMap((child, index) => {
    const childEnd = childStart + sizeOf(child);
    const from = Math.max(asked.from, childStart);
    const lengthBytes = Math.min(asked.from + asked.lengthBytes, childEnd) - from;
    const inner = {
      from: from - childStart,
      lengthBytes,
      volumeStart: asked.volumeStart + (from - asked.from),
    };
    childStart = childEnd;
    const extentIndex = place.extentIndex + extentsBefore(children, index);
    return lengthBytes > 0 ? cutNode(child, inner, { ...place, extentIndex }) : [];
  });
}

function cutStripe(
  children: readonly Layout[],
  stripBytes: number,
  asked: Asked,
  place: Place,
): readonly Part[] {
  const parts: Part[] = [];
  const end = asked.from + asked.lengthBytes;
  for (let from = asked.from; from < end; ) {
    const strip = Math.floor(from / stripBytes);
    const index = strip % children.length;
    const child = children[index];
    if (child === undefined) throw new RangeError('a stripe without children was not validated');
    const lengthBytes = Math.min((strip + 1) * stripBytes, end) - from;
    const row = Math.floor(strip / children.length);
    const inner = {
      from: row * stripBytes + (from % stripBytes),
      lengthBytes,
      volumeStart: asked.volumeStart + (from - asked.from),
    };
    const extentIndex = place.extentIndex + extentsBefore(children, index);
    parts.push(...cutNode(child, inner, { ...place, extentIndex }));
    from += lengthBytes;
  }
  return parts;
}

/** Two cuts of the same range as one: cut wherever either is, with the legs of both. */
function unite(left: readonly Part[], right: readonly Part[]): readonly Part[] {
  const parts: Part[] = [];
  let [leftIndex, rightIndex] = [0, 0];
  let at = left[0]?.start ?? 0;
  for (;;) {
    const [a, b] = [left[leftIndex], right[rightIndex]];
    if (a === undefined || b === undefined) return parts;
    const [aEnd, bEnd] = [a.start + a.lengthBytes, b.start + b.lengthBytes];
    const end = Math.min(aEnd, bEnd);
    const legs = [...legsFrom(a, at), ...legsFrom(b, at)];
    parts.push({ start: unitOf<VolumeOffset>(at), lengthBytes: end - at, legs, set: a.set });
    if (aEnd === end) leftIndex++;
    if (bEnd === end) rightIndex++;
    at = end;
  }
}

function legsFrom(part: Part, volumeStart: number): readonly Leg[] {
  const skippedBytes = volumeStart - part.start;
  return part.legs.map((leg) => ({
    ...leg,
    offset: unitOf<DiskOffset>(leg.offset + skippedBytes),
  }));
}
