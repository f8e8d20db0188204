/** What makes a layout valid. Everything behind it (geometry, switches, disks) relies on these rules. */
import { isId } from '../ids.ts';
import { blockBytes } from '../units.ts';
import {
  type Extent,
  extentsOf,
  type Layout,
  layoutDepthMax,
  layoutLegsMax,
  layoutNodesMax,
  legsOf,
  mirrorSetsOf,
  sizeOf,
} from './layout.ts';

export interface LayoutProblem {
  /** Where in the tree: `''` for the root, else like `children[0].children[1]`. */
  readonly at: string;
  /** What is wrong, with which thing, and what is allowed. */
  readonly problem: string;
}

/**
 * All problems of a layout; none means that it may be served. Sizes and starts are multiples of 4 KiB; children of
 * a mirror or stripe are of equal size, and a stripe's are a multiple of its strip; no two extents overlap or share
 * an id; no two mirror sets share an id.
 */
export function validateLayout(layout: Layout): readonly LayoutProblem[] {
  const shape = shapeProblems(layout);
  if (shape !== null) return [shape];
  return [
    ...nodeProblems(layout, ''),
    ...extentProblems(extentsOf(layout)),
    ...repeated(
      mirrorSetsOf(layout).map(({ set }) => set),
      'mirror set',
    ),
  ];
}

/** Trees too deep or too large to look into; found without recursion beyond the limit. */
function shapeProblems(layout: Layout): LayoutProblem | null {
  let level: readonly Layout[] = [layout];
  let nodes = 0;
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > layoutDepthMax)
      return { at: '', problem: `the layout is deeper than ${layoutDepthMax} levels` };
    nodes += level.length;
    if (nodes > layoutNodesMax)
      return { at: '', problem: `the layout has more than ${layoutNodesMax} nodes` };
    level = level.flatMap((node) => (node.kind === 'extent' ? [] : node.children));
  }
  const legs = legsOf(layout);
  return legs > layoutLegsMax
    ? { at: '', problem: `a byte has ${legs} copies; at most ${layoutLegsMax} are served` }
    : null;
}

function nodeProblems(layout: Layout, at: string): readonly LayoutProblem[] {
  if (layout.kind === 'extent') return extentNodeProblems(layout, at);
  const { children } = layout;
  const problems = children.flatMap((child, index) =>
    nodeProblems(child, `${at}${at === '' ? '' : '.'}children[${index}]`),
  );
  if (children.length === 0)
    return [{ at, problem: `a ${layout.kind} needs at least one child, this has none` }];
  if (layout.kind === 'parity')
    return [{ at, problem: 'parity is not served yet; use mirror, stripe or concat' }, ...problems];
  if (layout.kind === 'mirror' && !isId(layout.set))
    problems.unshift({ at, problem: `${JSON.stringify(layout.set)} is not a mirror set id` });
  if (layout.kind !== 'concat') problems.unshift(...equalSizeProblems(layout.kind, children, at));
  if (layout.kind === 'stripe')
    problems.unshift(...stripProblems(layout.stripBytes, children[0], at));
  return problems;
}

function extentNodeProblems(extent: Extent, at: string): LayoutProblem[] {
  const problems: LayoutProblem[] = [];
  const say = (problem: string) =>
    problems.push({ at, problem: `extent ${extent.extent}: ${problem}` });
  if (!isId(extent.extent)) say('its id is not an id');
  if (!isId(extent.disk)) say(`${JSON.stringify(extent.disk)} is not a disk id`);
  if (!Number.isSafeInteger(extent.generation) || extent.generation < 1)
    say(`generation ${extent.generation} is not a whole number from 1 on`);
  if (!isWholeBlocks(extent.start)) say(`start ${extent.start} is not a multiple of ${blockBytes}`);
  if (!isWholeBlocks(extent.lengthBytes) || extent.lengthBytes === 0)
    say(`length ${extent.lengthBytes} is not a positive multiple of ${blockBytes}`);
  if (!Number.isSafeInteger(extent.start + extent.lengthBytes)) say('it ends beyond 2 ** 53');
  return problems;
}

function isWholeBlocks(sizeBytes: number): boolean {
  return Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes % blockBytes === 0;
}

function equalSizeProblems(
  kind: string,
  children: readonly Layout[],
  at: string,
): readonly LayoutProblem[] {
  const sizes = children.map(sizeOf);
  return sizes.every((size) => size === sizes[0])
    ? []
    : [
        {
          at,
          problem: `children of a ${kind} must be of equal size, these are ${sizes.join(', ')}`,
        },
      ];
}

function stripProblems(
  stripBytes: number,
  child: Layout | undefined,
  at: string,
): readonly LayoutProblem[] {
  if (!isWholeBlocks(stripBytes) || stripBytes === 0)
    return [{ at, problem: `strip ${stripBytes} is not a positive multiple of ${blockBytes}` }];
  const childBytes = child === undefined ? 0 : sizeOf(child);
  return childBytes % stripBytes === 0
    ? []
    : [{ at, problem: `children of ${childBytes} bytes are no multiple of strip ${stripBytes}` }];
}

function extentProblems(extents: readonly Extent[]): readonly LayoutProblem[] {
  const problems = [
    ...repeated(
      extents.map(({ extent }) => extent),
      'extent',
    ),
  ];
  const sorted = extents.toSorted((a, b) =>
    a.disk === b.disk ? a.start - b.start : a.disk < b.disk ? -1 : 1,
  );
  let farthest: Extent | undefined;
  for (const extent of sorted) {
    if (farthest === undefined || farthest.disk !== extent.disk) farthest = extent;
    else {
      const end = farthest.start + farthest.lengthBytes;
      if (extent.start < end)
        problems.push({
          at: '',
          problem: `extents ${farthest.extent} and ${extent.extent} overlap on disk ${extent.disk}`,
        });
      if (extent.start + extent.lengthBytes > end) farthest = extent;
    }
  }
  return problems;
}

function repeated(ids: readonly string[], what: string): readonly LayoutProblem[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const id of ids) (seen.has(id) ? twice : seen).add(id);
  return [...twice].map((id) => ({ at: '', problem: `${what} ${id} occurs more than once` }));
}
