/** A topology file named on the command line, or the shipped default. */
import { resolve } from 'node:path';
import type { Topology } from '../../protocols/topology.ts';
import { defaultTopologyFile, readTopologyFile, topologyProblemsText } from '../topology-file.ts';

/**
 * Reads it.
 *
 * @throws Error that lists every problem with its line.
 */
export function topologyArgument(path: string | undefined): { file: string; topology: Topology } {
  const file = path === undefined ? defaultTopologyFile : resolve(path);
  const read = readTopologyFile(file);
  if (read.ok) return { file, topology: read.topology };
  throw new Error(`the topology cannot be used:\n${topologyProblemsText(file, read.problems)}`);
}
