/**
 * The cluster that is simulated: the shipped default topology, made small, so that hot blocks meet, journals fill and
 * whole volumes are read back in little time.
 */
import type { Topology } from '../../protocols/topology.ts';
import { mebibyte } from '../../protocols/units.ts';
import { defaultTopologyFile, readTopologyFile, topologyProblemsText } from '../topology-file.ts';

/** As small as its journal allows to wrap within a run. */
const diskBytes = 16 * mebibyte;
const volumeBytes = 6 * mebibyte;
/** Shorter than people would choose: what hangs is found sooner. */
const ioDeadlineMs = 4000;

/** @throws Error when the shipped topology is not valid: a broken installation. */
export function simulatedTopology(): Topology {
  const read = readTopologyFile(defaultTopologyFile);
  if (!read.ok) throw new Error(topologyProblemsText(defaultTopologyFile, read.problems));
  const { topology } = read;
  return {
    ...topology,
    cluster: topology.cluster,
    disks: topology.disks.map((disk) => ({ ...disk, sizeBytes: diskBytes })),
    volumes: topology.volumes.map((volume) => ({ ...volume, sizeBytes: volumeBytes })),
    policies: { ...topology.policies, ioDeadlineMs },
  };
}
