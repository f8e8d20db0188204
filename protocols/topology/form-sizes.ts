/** How a volume's size spreads over its layout form, and what does not divide. */
import { assertNever } from '../codes.ts';
import type { DiskId } from '../ids.ts';
import { blockBytes, roundDown, roundUp } from '../units.ts';
import {
  childrenOf,
  disksOf,
  type LayoutForm,
  type TopologyPath,
  type TopologyProblem,
} from './layout-form.ts';
import { sizeText } from './sizes.ts';

/**
 * The sizes of a form's children when the form itself has `sizeBytes`, in order. Whole only for forms without
 * problems.
 */
export function childSizesOf(form: LayoutForm, sizeBytes: number): readonly number[] {
  switch (form.kind) {
    case 'disk':
      return [];
    case 'mirror':
      return form.children.map(() => sizeBytes);
    case 'stripe':
      return form.children.map(() => sizeBytes / form.children.length);
    case 'concat': {
      const given = form.children.reduce((sum, child) => sum + (child.sizeBytes ?? 0), 0);
      const open = form.children.filter((child) => child.sizeBytes === null).length;
      return form.children.map((child) => child.sizeBytes ?? (sizeBytes - given) / open);
    }
    default:
      return assertNever(form, 'layout form');
  }
}

/** What each leaf needs of its disk, in the order of the tree. */
export function leafSizesOf(
  form: LayoutForm,
  sizeBytes: number,
): readonly { readonly disk: DiskId; readonly lengthBytes: number }[] {
  if (form.kind === 'disk') return [{ disk: form.disk, lengthBytes: sizeBytes }];
  const sizes = childSizesOf(form, sizeBytes);
  return childrenOf(form).flatMap((child, index) => leafSizesOf(child.form, sizes[index] ?? 0));
}

/** All reasons why a form cannot have this size, or would not protect what it should. */
export function formProblems(
  form: LayoutForm,
  sizeBytes: number,
  path: TopologyPath,
): readonly TopologyProblem[] {
  const own = ownProblems(form, sizeBytes, path);
  if (own.length > 0) return own;
  const sizes = childSizesOf(form, sizeBytes);
  return [
    ...(form.kind === 'mirror' ? sharedDiskProblems(form.children, path) : []),
    ...childrenOf(form).flatMap((child, index) =>
      formProblems(child.form, sizes[index] ?? 0, [...path, ...child.path]),
    ),
  ];
}

function ownProblems(
  form: LayoutForm,
  sizeBytes: number,
  path: TopologyPath,
): readonly TopologyProblem[] {
  switch (form.kind) {
    case 'mirror':
      return [];
    case 'disk':
      return isWholeBlocks(sizeBytes)
        ? []
        : [{ path, problem: `an extent of ${sizeBytes} bytes; allowed are multiples of 4KiB` }];
    case 'stripe':
      return stripeProblems(form.stripBytes, form.children.length, sizeBytes, path);
    case 'concat': {
      const sizes = childSizesOf(form, sizeBytes);
      const sum = sizes.reduce((total, size) => total + size, 0);
      if (sizes.every(isWholeBlocks) && sum === sizeBytes) return [];
      const given = sizes.map((size) => (size > 0 ? sizeText(size) : 'nothing')).join(' + ');
      const problem = `its children, ${given}, must be multiples of 4KiB and make up ${sizeText(sizeBytes)}`;
      return [{ path: [...path, 'concat'], problem }];
    }
    default:
      return assertNever(form, 'layout form');
  }
}

function stripeProblems(
  stripBytes: number,
  children: number,
  sizeBytes: number,
  path: TopologyPath,
): readonly TopologyProblem[] {
  if (!isWholeBlocks(stripBytes)) {
    const problem = `${stripBytes} is not a strip; allowed are multiples of 4KiB`;
    return [{ path: [...path, 'stripe', 'stripBytes'], problem }];
  }
  const rowBytes = stripBytes * children;
  if (sizeBytes > 0 && sizeBytes % rowBytes === 0) return [];
  const fitting = [roundDown(sizeBytes, rowBytes), roundUp(sizeBytes, rowBytes)].filter(
    (size) => size > 0,
  );
  const problem =
    `${sizeText(sizeBytes)} do not divide into rows of ${children} strips of ${sizeText(stripBytes)}; ` +
    `the nearest sizes that do: ${[...new Set(fitting)].map(sizeText).join(', ')}`;
  return [{ path: [...path, 'stripe'], problem }];
}

/** Copies that share a disk are lost together. */
function sharedDiskProblems(
  mirrors: readonly LayoutForm[],
  path: TopologyPath,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  const owners = new Map<DiskId, number>();
  mirrors.forEach((mirror, index) => {
    for (const { disk, path: place } of disksOf(mirror)) {
      const owner = owners.get(disk) ?? index;
      owners.set(disk, owner);
      if (owner !== index)
        problems.push({
          path: [...path, 'mirror', index, ...place],
          problem: `disk ${disk} already holds another mirror of this set; its loss would take both`,
        });
    }
  });
  return problems;
}

function isWholeBlocks(sizeBytes: number): boolean {
  return Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes % blockBytes === 0;
}
