/**
 * A volume that is to be made beside those of a running topology: judged by the same rules, with the same words, as
 * if it stood in the topology's file. Room on the disks is for the planner to say, who knows what they hold.
 */
import { type Topology, type Volume, volumeSchema } from '../topology.ts';
import { KnownNames } from './known-names.ts';
import type { TopologyProblem } from './layout-form.ts';
import { resolveVolume } from './resolve-topology.ts';
import { servingProblems, surroundingsOf } from './serving-problems.ts';
import { entryProblems } from './volume-problems.ts';
import { readValue, type WrittenTopology } from './written-topology.ts';

export type VolumeRead =
  | { readonly ok: true; readonly volume: Volume }
  | { readonly ok: false; readonly problems: readonly TopologyProblem[] };

/**
 * Reads a volume from plain values, as an entry of a topology's `volumes` gives them.
 *
 * @param topology with the volumes that exist now
 */
export function readVolume(topology: Topology, value: unknown): VolumeRead {
  const problems: TopologyProblem[] = [];
  const entry = readValue(volumeSchema, value, [], problems);
  if (entry === undefined) return { ok: false, problems };
  const { id } = entry;
  if (topology.volumes.some((other) => other.id === id))
    problems.push({ path: ['id'], problem: `there is a volume ${id} already; choose another id` });
  const written = writtenOf(topology);
  problems.push(...entryProblems({ value: entry, path: [] }, written, new KnownNames(written)));
  if (problems.length > 0) return { ok: false, problems };
  const volume = resolveVolume(entry, written);
  problems.push(...servingProblems(surroundingsOf(topology), volume, topology.volumes));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, volume };
}

/** What a volume may refer to, as if it had just been read. */
export function writtenOf(topology: Topology): WrittenTopology {
  const { cluster, faults, control, policies } = topology;
  const entriesOf = <Value>(values: readonly Value[]) =>
    values.map((value) => ({ value, path: [] }));
  const hosts = topology.hosts.map(({ id, hbas, exports }) => ({
    id,
    hbas: [...hbas],
    exports: [...exports],
  }));
  const disks = topology.disks.map(({ sizeBytes: size, files, ...disk }) => ({
    ...disk,
    size,
    files: [...files],
  }));
  return {
    settings: { cluster, faults, control, policies },
    sections: {
      fabrics: entriesOf(topology.fabrics),
      virtualizers: entriesOf(topology.virtualizers),
      hosts: entriesOf(hosts),
      switches: entriesOf(topology.switches),
      disks: entriesOf(disks),
      links: [],
      volumes: [],
      nodes: [],
    },
    aside: { entries: new Map(), hbas: [], sections: new Set() },
  };
}
