/**
 * From what a topology file says to a `Topology`. All problems are found at once, except those of the topology as
 * a whole (what reaches what), which make no sense before every entry does.
 */
import type { Topology } from '../topology.ts';
import { diskProblems } from './disk-problems.ts';
import { exportProblems } from './export-problems.ts';
import type { TopologyProblem } from './layout-form.ts';
import { nameProblems } from './name-problems.ts';
import { resolveTopology } from './resolve-topology.ts';
import { structureProblems } from './structure-problems.ts';
import { volumeProblems } from './volume-problems.ts';
import { readWritten } from './written-topology.ts';

export type TopologyRead =
  | { readonly ok: true; readonly topology: Topology }
  | { readonly ok: false; readonly problems: readonly TopologyProblem[] };

/**
 * Reads a topology from plain values, as a YAML or JSON file gives them.
 *
 * @param homeBytesOf what a disk of a size can give to volumes.
 * @returns the topology with all defaults filled in, or everything that is wrong with it, in the order found.
 */
export function parseTopology(
  value: unknown,
  homeBytesOf: (sizeBytes: number) => number = (sizeBytes) => sizeBytes,
): TopologyRead {
  const problems: TopologyProblem[] = [];
  const written = readWritten(value, problems);
  if (written === null) return { ok: false, problems };
  problems.push(
    ...nameProblems(written),
    ...diskProblems(written),
    ...exportProblems(written),
    ...volumeProblems(written),
  );
  if (problems.length > 0) return { ok: false, problems };
  const topology = resolveTopology(written);
  problems.push(...structureProblems(topology, homeBytesOf));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, topology };
}
