/**
 * Whether the switches of a topology can serve a volume: that hosts reach it, that its coordinators reach its disks,
 * and that its layout fits into the memory of those who must know it. Judges one volume at a time, whether it stands
 * in a topology file or is to be made while the cluster runs.
 */
import type { HostId } from '../ids.ts';
import { layoutMemoryBytesOf, loadedVolumesMax } from '../layout/layout-memory.ts';
import { hopsFrom, pathHopsMax, volumeReachOf, type Wiring, wiringOf } from '../paths.ts';
import type { Topology, Volume } from '../topology.ts';
import { disksOf, type TopologyPath, type TopologyProblem } from './layout-form.ts';

/** A topology, ready to have volumes judged against it. */
export interface Surroundings {
  readonly topology: Topology;
  readonly wiring: Wiring;
  /** For each host what I/O of a volume reaches from any of its HBAs: disks and coordinators. */
  readonly reachedBy: ReadonlyMap<HostId, ReadonlySet<string>>;
}

export function surroundingsOf(topology: Topology): Surroundings {
  const wiring = wiringOf(topology);
  const reachedBy = new Map(
    topology.hosts.map(({ id, hbas }) => [
      id,
      volumeReachOf(
        wiring,
        hbas.map((hba) => hba.id),
      ),
    ]),
  );
  return { topology, wiring, reachedBy };
}

/**
 * All reasons why a volume, whose names and sizes are right, cannot be served.
 *
 * @param beside the volumes that switches must have loaded as well
 * @param path where the volume stands, to go before the place of each problem
 */
export function servingProblems(
  surroundings: Surroundings,
  volume: Volume,
  beside: readonly Volume[],
  path: TopologyPath = [],
): readonly TopologyProblem[] {
  return [
    ...hostReachProblems(surroundings, volume, path),
    ...coordinatorReachProblems(surroundings, volume, path),
    ...layoutMemoryProblems(surroundings, volume, beside, path),
  ];
}

/** Ways stay on one fabric: where there are several, that is worth saying. */
function withinHops({ topology }: Surroundings, hopsMax: number): string {
  const fabrics = new Set(topology.links.map(({ fabric }) => fabric));
  return fabrics.size > 1 ? `within ${hopsMax} links of one fabric` : `within ${hopsMax} links`;
}

function hostReachProblems(
  surroundings: Surroundings,
  volume: Volume,
  path: TopologyPath,
): readonly TopologyProblem[] {
  const { reachedBy } = surroundings;
  const within = withinHops(surroundings, pathHopsMax);
  const problems: TopologyProblem[] = [];
  for (const host of volume.hosts) {
    const reached = reachedBy.get(host) ?? new Set<string>();
    const who = `host ${host} may use ${volume.id} but has no way`;
    const help = `add a link, or leave ${host} out of the hosts that may use ${volume.id}`;
    for (const { disk, path: place } of disksOf(volume.layout, [...path, 'layout']))
      if (!reached.has(disk))
        problems.push({
          path: place,
          problem: `${who} to its disk ${disk} ${within} that begins at a virtualizing switch; ${help}`,
        });
    for (const coordinator of new Set(volume.coordinators))
      if (!reached.has(coordinator))
        problems.push({
          path,
          problem: `${who} to its coordinator ${coordinator} ${within} and through virtualizing switches only; ${help}`,
        });
  }
  return problems;
}

function coordinatorReachProblems(
  surroundings: Surroundings,
  volume: Volume,
  path: TopologyPath,
): readonly TopologyProblem[] {
  const { wiring } = surroundings;
  const problems: TopologyProblem[] = [];
  for (const coordinator of new Set(volume.coordinators)) {
    const reached = hopsFrom(wiring, coordinator, pathHopsMax - 1);
    for (const { disk, path: place } of disksOf(volume.layout, [...path, 'layout']))
      if (!reached.has(disk))
        problems.push({
          path: place,
          problem:
            `${volume.id} is coordinated by switch ${coordinator}, which has no way to its disk ${disk} ` +
            `${withinHops(surroundings, pathHopsMax - 1)}; add a link, or name other coordinators`,
        });
  }
  return problems;
}

/** Every virtualizing switch is told of every volume: a host may send its reads through any of them. */
function layoutMemoryProblems(
  { topology }: Surroundings,
  volume: Volume,
  beside: readonly Volume[],
  path: TopologyPath,
): readonly TopologyProblem[] {
  if (beside.length >= loadedVolumesMax) {
    const problem = `${volume.id} is one volume too many: a switch loads at most ${loadedVolumesMax}`;
    return [{ path, problem }];
  }
  const neededBytes = layoutBytesOf(volume);
  const takenBytes = beside.reduce((sum, other) => sum + layoutBytesOf(other), 0);
  return topology.switches.flatMap(({ id, virtualizing, limits }) => {
    const { layoutMemoryBytes } = limits;
    if (!virtualizing || takenBytes + neededBytes <= layoutMemoryBytes) return [];
    const problem =
      `the layout of ${volume.id} takes ${neededBytes} bytes, but switch ${id} has ` +
      `${Math.max(0, layoutMemoryBytes - takenBytes)} left of ${layoutMemoryBytes} ` +
      '(limits.layoutMemoryBytes); raise that, or make the switch plain';
    return [{ path: [...path, 'layout'], problem }];
  });
}

/** As far as can be told before the planner has found places: a fragmented disk makes more extents of one. */
function layoutBytesOf({ layout, coordinators, hosts }: Volume): number {
  const disks = disksOf(layout).map(({ disk }) => disk);
  return layoutMemoryBytesOf({
    extents: disks.length,
    partitions: coordinators.length,
    attachments: hosts.length,
    disks: new Set(disks).size,
  });
}
