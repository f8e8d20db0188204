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

/** Reads the text of a topology file. All problems are found, in the order of the lines. */
export function parseTopologyFile(text: string): TopologyFileRead {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { line, column: col, place: '', problem: `not YAML: ${message}` };
    });
    return { ok: false, problems };
  }
  const read = parseTopology(plainValueOf(document), homeBytes);
  if (read.ok) return read;
  const problems = read.problems.map((problem) => placed(problem, document, lines));
  return { ok: false, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
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

/** Aliases are followed, but not so often that a small file fills the memory (then it counts as empty). */
function plainValueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return null;
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
