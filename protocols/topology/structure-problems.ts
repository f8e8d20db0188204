/** A topology as a whole: what reaches what, and whether the disks can hold the volumes. */
import type { HostId } from '../ids.ts';
import { hopsFrom, pathHopsMax, type Wiring, wiringOf } from '../paths.ts';
import type { Hba, Topology, Volume } from '../topology.ts';
import { leafSizesOf } from './form-sizes.ts';
import { disksOf, type TopologyPath, type TopologyProblem } from './layout-form.ts';
import { sizeText } from './sizes.ts';

/** Expects a topology whose entries and names have no problems. */
export function structureProblems(
  topology: Topology,
  homeBytesOf: (sizeBytes: number) => number,
): readonly TopologyProblem[] {
  const wiring = wiringOf(topology);
  const reached = reachedByHost(topology, wiring);
  return [
    ...unlinkedProblems(topology, wiring),
    ...capacityProblems(topology, homeBytesOf),
    ...topology.volumes.flatMap((volume, index) => [
      ...hostReachProblems(reached, volume, ['volumes', index]),
      ...coordinatorReachProblems(wiring, volume, ['volumes', index]),
    ]),
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
    const problem =
      `volumes need ${sizeText(neededBytes)} of disk ${id}, ` +
      `which can give ${sizeText(homeBytes)} of its ${sizeText(sizeBytes)}`;
    return neededBytes > homeBytes ? [{ path: ['disks', index, 'size'], problem }] : [];
  });
}

/** For each host what any of its HBAs reaches. */
type Reached = ReadonlyMap<HostId, ReadonlySet<string>>;

function reachedByHost(topology: Topology, wiring: Wiring): Reached {
  const reachedFrom = ({ id }: Hba) => [...hopsFrom(wiring, id).keys()];
  return new Map(topology.hosts.map(({ id, hbas }) => [id, new Set(hbas.flatMap(reachedFrom))]));
}

function hostReachProblems(
  reachedBy: Reached,
  volume: Volume,
  path: TopologyPath,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  for (const host of volume.hosts) {
    const reached = reachedBy.get(host) ?? new Set<string>();
    for (const { disk, path: place } of disksOf(volume.layout, [...path, 'layout']))
      if (!reached.has(disk))
        problems.push({
          path: place,
          problem: `host ${host} may use ${volume.id} but does not reach its disk ${disk} ${withinHops}`,
        });
    for (const coordinator of new Set(volume.coordinators))
      if (!reached.has(coordinator))
        problems.push({
          path,
          problem: `host ${host} may use ${volume.id} but does not reach its coordinator ${coordinator} ${withinHops}`,
        });
  }
  return problems;
}

const withinHops = `within ${pathHopsMax} links; add a link, or list the hosts that may use the volume`;

function coordinatorReachProblems(
  wiring: Wiring,
  volume: Volume,
  path: TopologyPath,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  for (const coordinator of new Set(volume.coordinators)) {
    const reached = hopsFrom(wiring, coordinator, pathHopsMax - 1);
    for (const { disk, path: place } of disksOf(volume.layout, [...path, 'layout']))
      if (!reached.has(disk))
        problems.push({
          path: place,
          problem: `coordinator ${coordinator} does not reach disk ${disk}; add a link`,
        });
  }
  return problems;
}
