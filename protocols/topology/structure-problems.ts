/** A topology as a whole: what reaches what, and whether disks and switches can hold the volumes. */
import type { Wiring } from '../paths.ts';
import type { Topology } from '../topology.ts';
import { leafSizesOf } from './form-sizes.ts';
import type { TopologyPath, TopologyProblem } from './layout-form.ts';
import { servingProblems, surroundingsOf } from './serving-problems.ts';
import { sizeText } from './sizes.ts';

/** Expects a topology whose entries and names have no problems. */
export function structureProblems(
  topology: Topology,
  homeBytesOf: (sizeBytes: number) => number,
): readonly TopologyProblem[] {
  const surroundings = surroundingsOf(topology);
  const { volumes } = topology;
  return [
    ...unlinkedProblems(topology, surroundings.wiring),
    ...capacityProblems(topology, homeBytesOf),
    ...volumes.flatMap((volume, index) =>
      servingProblems(surroundings, volume, volumes.slice(0, index), ['volumes', index]),
    ),
  ];
}

function unlinkedProblems(topology: Topology, wiring: Wiring): readonly TopologyProblem[] {
  const unlinked = (kind: string, id: string, path: TopologyPath) =>
    wiring.neighbours.has(id)
      ? []
      : [{ path, problem: `${kind} ${id} has no link; nothing can reach it` }];
  return [
    ...topology.hosts.flatMap(({ hbas }, host) =>
      hbas.flatMap(({ id }, index) => unlinked('HBA', id, ['hosts', host, 'hbas', index])),
    ),
    ...topology.switches.flatMap(({ id }, index) => unlinked('switch', id, ['switches', index])),
    ...topology.disks.flatMap(({ id }, index) => unlinked('disk', id, ['disks', index])),
  ];
}

function capacityProblems(
  topology: Topology,
  homeBytesOf: (sizeBytes: number) => number,
): readonly TopologyProblem[] {
  const needed = new Map<string, number>();
  for (const { layout, sizeBytes } of topology.volumes)
    for (const { disk, lengthBytes } of leafSizesOf(layout, sizeBytes))
      needed.set(disk, (needed.get(disk) ?? 0) + lengthBytes);
  return topology.disks.flatMap(({ id, sizeBytes }, index) => {
    const neededBytes = needed.get(id) ?? 0;
    const homeBytes = homeBytesOf(sizeBytes);
    const path = ['disks', index, 'size'];
    if (homeBytes === 0) {
      const problem = `disk ${id} of ${sizeText(sizeBytes)} has no room beside its own records; make it larger`;
      return [{ path, problem }];
    }
    const problem =
      `volumes need ${sizeText(neededBytes)} of disk ${id}, ` +
      `which can give ${sizeText(homeBytes)} of its ${sizeText(sizeBytes)}`;
    return neededBytes > homeBytes ? [{ path, problem }] : [];
  });
}
