/**
 * Topology files: YAML read into a `Topology`, or into a list of everything that is wrong, each with its line. What
 * a topology may say is for `protocols/topology` to judge.
 */
import { readFileSync } from 'node:fs';
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
} from 'yaml';
import { homeBytes } from '../actors/disk/disk-layout.ts';
import {
  placeText,
  type TopologyPath,
  type TopologyProblem,
} from '../protocols/topology/layout-form.ts';
import { parseTopology } from '../protocols/topology/parse-topology.ts';
import type { Topology } from '../protocols/topology.ts';
import { packageFile } from './package-root.ts';
import { type YamlShapeProblem, yamlShapeProblem } from './yaml-shape.ts';

/** Something wrong with a topology file. Lines and columns count from 1. */
export interface TopologyFileProblem {
  readonly line: number;
  readonly column: number;
  /** As in `disks[2].size`; '' when it concerns the file. */
  readonly place: string;
  readonly problem: string;
}

export type TopologyFileRead =
  | { readonly ok: true; readonly topology: Topology }
  | { readonly ok: false; readonly problems: readonly TopologyFileProblem[] };

/** The topology that `sanctor up` runs when none is named. */
export const defaultTopologyFile = packageFile('cluster', 'topologies', 'default.yaml');

/** A larger file is no topology. */
const fileBytesMax = 16 * 1024 * 1024;
/** Layouts nest, but not so deep; entries have keys, but not so many. */
const shapeLimits = { levelsMax: 64, keysMax: 256 };
/** So many are told. */
const problemsMax = 100;

/** Reads the text of a topology file. All problems are found, in the order of the lines. */
export function parseTopologyFile(text: string): TopologyFileRead {
  const shape = yamlShapeProblem(text, shapeLimits);
  if (shape !== null) return misshapen(text, shape);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // What it would warn of, the schema refuses.
    logLevel: 'error',
  });
  if (document.errors.length > 0) {
    const problems = document.errors.slice(0, problemsMax).map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { line, column: col, place: '', problem: `not YAML: ${message}` };
    });
    return { ok: false, problems: withRest(problems, document.errors.length) };
  }
  const value = plainValueOf(document);
  if (!value.ok) return notReadable(value.problem);
  const read = parseTopology(value.value, homeBytes);
  if (read.ok) return read;
  const problems = read.problems
    .slice(0, problemsMax)
    .map((problem) => placed(problem, document, lines))
    .sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, problems: withRest(problems, read.problems.length) };
}

/** Reads a topology file. A file that cannot be read is a problem like others. */
export function readTopologyFile(path: string): TopologyFileRead {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return notReadable(`cannot be read: ${reason}`);
  }
  return text.length > fileBytesMax
    ? notReadable(`larger than ${fileBytesMax} bytes: not a topology`)
    : parseTopologyFile(text);
}

function misshapen(text: string, { offset, problem }: YamlShapeProblem): TopologyFileRead {
  const before = text.slice(0, offset).split('\n');
  const [line, column] = [before.length, (before.at(-1)?.length ?? 0) + 1];
  const problems = [{ line, column, place: '', problem: `${problem}: not a topology` }];
  return { ok: false, problems };
}

/** Nobody mends more at a time: says behind the last one how many more there are. */
function withRest(
  problems: readonly TopologyFileProblem[],
  count: number,
): readonly TopologyFileProblem[] {
  const last = problems.at(-1);
  if (last === undefined || count === problems.length) return problems;
  const problem = `and ${count - problems.length} more problems`;
  return [...problems, { ...last, place: '', problem }];
}

function notReadable(problem: string): TopologyFileRead {
  return { ok: false, problems: [{ line: 1, column: 1, place: '', problem }] };
}

/** Problems as a person reads them and an editor finds them: `FILE:LINE:COLUMN: PLACE: PROBLEM`, one per line. */
export function topologyProblemsText(
  path: string,
  problems: readonly TopologyFileProblem[],
): string {
  return problems
    .map(({ line, column, place, problem }) => {
      const subject = place === '' ? '' : `${place}: `;
      return `${path}:${line}:${column}: ${subject}${problem}`;
    })
    .join('\n');
}

type PlainValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/** Aliases are followed, but not so often that a small file fills the memory. */
function plainValueOf(document: Document): PlainValue {
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `its aliases cannot be followed: ${reason}` };
  }
}

function placed(
  { path, problem }: TopologyProblem,
  document: Document,
  lines: LineCounter,
): TopologyFileProblem {
  const { line, col } = lines.linePos(offsetOf(path, document));
  return { line, column: col, place: placeText(path), problem };
}

/**
 * Where a path begins in the text. Keys that are not written there (a missing key, a short form) are passed over,
 * so that the nearest thing that is written is named.
 */
function offsetOf(path: TopologyPath, document: Document): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const key of path) {
    if (!isCollection(node)) break;
    const inner = node.get(key, true);
    if (inner === undefined) continue;
    const pair = isMap(node) ? node.items.find((item) => keyText(item.key) === key) : undefined;
    offset = startOf(inner) ?? startOf(pair?.key) ?? offset;
    node = inner;
  }
  return offset;
}

function keyText(key: unknown): unknown {
  return isScalar(key) ? key.value : key;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
