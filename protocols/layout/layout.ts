/**
 * A volume's layout: the tree that says which bytes of which disks make up the volume. Here are its nodes, what can
 * be asked of a tree as a whole, and what makes a tree valid. Where one byte lies is the business of `geometry`
 * (any layout, readably) and `compiled-layout` (the data path).
 */
import { assertNever } from '../codes.ts';
import type { DiskId, ExtentId, MirrorSetId } from '../ids.ts';
import type { DiskOffset, ExtentGeneration } from '../units.ts';

/** A contiguous range of one disk: the leaves of every layout. */
export interface Extent {
  readonly kind: 'extent';
  readonly extent: ExtentId;
  readonly disk: DiskId;
  /** Counted from the start of the disk's home area. */
  readonly start: DiskOffset;
  readonly lengthBytes: number;
  readonly generation: ExtentGeneration;
}

/** Its children one behind the other. */
export interface Concat {
  readonly kind: 'concat';
  readonly children: readonly Layout[];
}

/** Strip 0 on the first child, strip 1 on the second, and round again. */
export interface Stripe {
  readonly kind: 'stripe';
  readonly stripBytes: number;
  readonly children: readonly Layout[];
}

/** The same bytes on every child. A set that lost all mirrors but one keeps its id, and so its event count. */
export interface Mirror {
  readonly kind: 'mirror';
  readonly set: MirrorSetId;
  readonly children: readonly Layout[];
}

/** Reserved: stripes with one strip of parity each. The validator refuses it until it is served. */
export interface Parity {
  readonly kind: 'parity';
  readonly stripBytes: number;
  readonly children: readonly Layout[];
}

export type Layout = Extent | Concat | Stripe | Mirror | Parity;

/** One mirror of one set: a step on the way from a layout's root to an extent. */
export interface MirrorStep {
  readonly set: MirrorSetId;
  /** Index among the children of the set's node. */
  readonly mirror: number;
}

/** A mirror set within a layout. */
export interface MirrorSet {
  readonly set: MirrorSetId;
  readonly node: Mirror;
  /** The mirrors of other sets that this set is part of, outermost first; empty for an outermost set. */
  readonly within: readonly MirrorStep[];
}

/** Deeper trees make no sense to a person. */
export const layoutDepthMax = 8;
/** Bounds what control data may make an actor allocate. */
export const layoutNodesMax = 16_384;
/** The most copies of one byte. */
export const layoutLegsMax = 16;

/**
 * The volume's size in bytes as the layout gives it. Right for every layout without problems; for others it is
 * only a number.
 */
export function sizeOf(layout: Layout): number {
  switch (layout.kind) {
    case 'extent':
      return layout.lengthBytes;
    case 'concat':
      return layout.children.reduce((sizeBytes, child) => sizeBytes + sizeOf(child), 0);
    case 'stripe':
      return firstSizeOf(layout.children) * layout.children.length;
    case 'mirror':
      return firstSizeOf(layout.children);
    case 'parity':
      return firstSizeOf(layout.children) * Math.max(0, layout.children.length - 1);
    default:
      return assertNever(layout, 'layout');
  }
}

function firstSizeOf(children: readonly Layout[]): number {
  const first = children[0];
  return first === undefined ? 0 : sizeOf(first);
}

/** A layout's extents in the order of the tree. An extent's place in this list is its `extentIndex`. */
export function extentsOf(layout: Layout): readonly Extent[] {
  return layout.kind === 'extent' ? [layout] : layout.children.flatMap(extentsOf);
}

/** A layout's mirror sets, outer ones before those within them. */
export function mirrorSetsOf(layout: Layout): readonly MirrorSet[] {
  return collectMirrorSets(layout, []);
}

function collectMirrorSets(layout: Layout, within: readonly MirrorStep[]): readonly MirrorSet[] {
  if (layout.kind === 'extent') return [];
  if (layout.kind !== 'mirror')
    return layout.children.flatMap((child) => collectMirrorSets(child, within));
  const inner = layout.children.flatMap((child, mirror) =>
    collectMirrorSets(child, [...within, { set: layout.set, mirror }]),
  );
  return [{ set: layout.set, node: layout, within }, ...inner];
}

/** The most copies that a layout keeps of any one byte. */
export function legsOf(layout: Layout): number {
  if (layout.kind === 'extent') return 1;
  const counts = layout.children.map(legsOf);
  return layout.kind === 'mirror'
    ? counts.reduce((sum, count) => sum + count, 0)
    : counts.reduce((most, count) => Math.max(most, count), 0);
}
