/**
 * The layout of a volume as a topology file writes it: disks by name, without places on them. Sizes flow from the
 * volume down to its leaves; the planner then finds places.
 *
 * @example { stripe: { stripBytes: 64KiB, of: [{ mirror: [d1, d2] }, { mirror: [d3, d4] }] } }
 * @example { concat: [{ size: 1GiB, of: d1 }, d2] }
 */
import { z } from 'zod';
import { assertNever } from '../codes.ts';
import { type DiskId, isId } from '../ids.ts';
import { layoutDepthMax } from '../layout/layout.ts';
import { parseSize, sizeHelp } from './sizes.ts';

export type LayoutForm =
  /** An extent of the disk, as long as what holds it demands. */
  | { readonly kind: 'disk'; readonly disk: DiskId }
  | { readonly kind: 'concat'; readonly children: readonly ConcatChild[] }
  | {
      readonly kind: 'stripe';
      readonly stripBytes: number;
      readonly children: readonly LayoutForm[];
    }
  | { readonly kind: 'mirror'; readonly children: readonly LayoutForm[] };

export interface ConcatChild {
  /** Null: an equal share of what the sized children leave. */
  readonly sizeBytes: number | null;
  readonly form: LayoutForm;
}

/** Where something stands in a topology: keys and indexes from its root. */
export type TopologyPath = readonly (string | number)[];

export interface TopologyProblem {
  readonly path: TopologyPath;
  /** What is wrong, with which thing, and what is allowed. */
  readonly problem: string;
}

/** A path as people read it: `disks[2].size`. */
export function placeText(path: TopologyPath): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}

export const stripBytesDefault = 65_536;
const formHelp =
  'a disk id, {concat: […]}, {stripe: {stripBytes: 64KiB, of: […]}} or {mirror: […]}, nested as you like';

/** Schema of a layout in a topology. All problems of the whole tree are found, each at its place. */
export const layoutFormSchema = z.unknown().transform((value, context): LayoutForm => {
  const problems: TopologyProblem[] = [];
  const form = readForm(value, [], problems);
  for (const { path, problem } of problems)
    context.issues.push({ code: 'custom', message: problem, path: [...path], input: value });
  return form ?? z.NEVER;
});

function readForm(
  value: unknown,
  path: TopologyPath,
  problems: TopologyProblem[],
): LayoutForm | null {
  const refuse = (problem: string) => {
    problems.push({ path, problem });
    return null;
  };
  if (isId(value)) return { kind: 'disk', disk: value as DiskId };
  if (path.filter((key) => typeof key === 'number').length >= layoutDepthMax)
    return refuse(`the layout is deeper than ${layoutDepthMax} levels`);
  const [key, more] = isRecord(value) ? Object.keys(value) : [];
  if (key === undefined || more !== undefined || !isRecord(value))
    return refuse(`${shown(value)} is not a layout; allowed is ${formHelp}`);
  const inner = value[key];
  switch (key) {
    case 'mirror':
    case 'concat':
      return readList(inner, [...path, key], problems, key);
    case 'stripe':
      return readStripe(inner, [...path, key], problems);
    case 'parity':
      return refuse('parity is not served yet; allowed is mirror, stripe or concat');
    default:
      return refuse(`unknown kind of layout ${JSON.stringify(key)}; allowed is ${formHelp}`);
  }
}

function readList(
  value: unknown,
  path: TopologyPath,
  problems: TopologyProblem[],
  kind: 'mirror' | 'concat',
): LayoutForm | null {
  const childrenMin = kind === 'mirror' ? 2 : 1;
  if (!Array.isArray(value) || value.length < childrenMin) {
    problems.push({ path, problem: `a ${kind} is a list of at least ${childrenMin} layouts` });
    return null;
  }
  if (kind === 'concat') {
    const children = value.map((child, index) =>
      readConcatChild(child, [...path, index], problems),
    );
    return isComplete(children) ? { kind, children } : null;
  }
  const children = value.map((child, index) => readForm(child, [...path, index], problems));
  return isComplete(children) ? { kind, children } : null;
}

function readConcatChild(
  value: unknown,
  path: TopologyPath,
  problems: TopologyProblem[],
): ConcatChild | null {
  if (!isRecord(value) || !('size' in value)) {
    const form = readForm(value, path, problems);
    return form === null ? null : { sizeBytes: null, form };
  }
  refuseOthers(value, ['size', 'of'], path, problems);
  const form = readForm(value.of, [...path, 'of'], problems);
  const sizeBytes = readSize(value.size, [...path, 'size'], problems);
  return form === null || sizeBytes === null ? null : { sizeBytes, form };
}

function readStripe(
  value: unknown,
  path: TopologyPath,
  problems: TopologyProblem[],
): LayoutForm | null {
  if (!isRecord(value) || !Array.isArray(value.of) || value.of.length === 0) {
    problems.push({ path, problem: 'a stripe is {stripBytes: 64KiB, of: [at least one layout]}' });
    return null;
  }
  refuseOthers(value, ['stripBytes', 'of'], path, problems);
  const stripBytes = readSize(
    value.stripBytes ?? stripBytesDefault,
    [...path, 'stripBytes'],
    problems,
  );
  const children = value.of.map((child, index) =>
    readForm(child, [...path, 'of', index], problems),
  );
  return stripBytes !== null && isComplete(children)
    ? { kind: 'stripe', stripBytes, children }
    : null;
}

function readSize(value: unknown, path: TopologyPath, problems: TopologyProblem[]): number | null {
  const isText = typeof value === 'string' || typeof value === 'number';
  const sizeBytes = isText ? parseSize(value) : null;
  if (sizeBytes === null)
    problems.push({ path, problem: `${shown(value)} is not a size; allowed is ${sizeHelp}` });
  return sizeBytes;
}

function refuseOthers(
  value: Readonly<Record<string, unknown>>,
  allowed: readonly string[],
  path: TopologyPath,
  problems: TopologyProblem[],
): void {
  for (const key of Object.keys(value))
    if (!allowed.includes(key))
      problems.push({
        path: [...path, key],
        problem: `unknown key; allowed are ${allowed.join(', ')}`,
      });
}

function isComplete<T>(list: readonly (T | null)[]): list is readonly T[] {
  return !list.includes(null);
}

/** True for what has keys and values. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The parts of a form, each with its key below the form. */
export function childrenOf(form: LayoutForm): readonly { form: LayoutForm; path: TopologyPath }[] {
  switch (form.kind) {
    case 'disk':
      return [];
    case 'mirror':
      return form.children.map((child, index) => ({ form: child, path: ['mirror', index] }));
    case 'stripe':
      return form.children.map((child, index) => ({ form: child, path: ['stripe', 'of', index] }));
    case 'concat':
      return form.children.map(({ form: child, sizeBytes }, index) => ({
        form: child,
        path: sizeBytes === null ? ['concat', index] : ['concat', index, 'of'],
      }));
    default:
      return assertNever(form, 'layout form');
  }
}

/** The disks that a form names, each as often as it does, and where. */
export function disksOf(
  form: LayoutForm,
  path: TopologyPath = [],
): readonly { readonly disk: DiskId; readonly path: TopologyPath }[] {
  if (form.kind === 'disk') return [{ disk: form.disk, path }];
  return childrenOf(form).flatMap((child) => disksOf(child.form, [...path, ...child.path]));
}

/** How many copies of a byte the form keeps, at most. */
export function copiesOf(form: LayoutForm): number {
  if (form.kind === 'disk') return 1;
  const copies = childrenOf(form).map((child) => copiesOf(child.form));
  return form.kind === 'mirror'
    ? copies.reduce((sum, count) => sum + count, 0)
    : Math.max(...copies);
}
