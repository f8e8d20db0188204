/** What a virtualizer must know of the topology: names, what volumes shall be, and the ways to disks and coordinators. */
import type { Route } from '../../protocols/control-data.ts';
import type { ClusterId, DiskId, HostId, SwitchId, VirtualizerId } from '../../protocols/ids.ts';
import {
  hopsFrom,
  pathHopsMax,
  volumePathsToDisk,
  volumePathsToSwitch,
  type Way,
  wiringOf,
} from '../../protocols/paths.ts';
import type { Topology, Volume } from '../../protocols/topology.ts';
import { blockBytes } from '../../protocols/units.ts';

export interface VirtualizerInput {
  readonly cluster: ClusterId;
  readonly virtualizer: VirtualizerId;
  readonly hosts: readonly HostId[];
  readonly disks: readonly DiskId[];
  /** Those that can virtualize; plain ones need nothing from a virtualizer. */
  readonly virtualizingSwitches: readonly SwitchId[];
  /** Those of them that have a read cache. */
  readonly cachingSwitches: readonly SwitchId[];
  readonly volumes: readonly Volume[];
  /** What volumes that are created later are judged by. */
  readonly topology: Topology;
  readonly frameBytesMax: number;
  /** All ways by which a host can do I/O to a disk; none when there are none. */
  readonly diskRoutes: (host: HostId, disk: DiskId) => readonly Route[];
  /** All ways by which a host's writes can come to a coordinator. */
  readonly coordinatorRoutes: (host: HostId, coordinator: SwitchId) => readonly Route[];
  /** What a switch reaches as a coordinator, disks among it. */
  readonly disksReachedBy: (coordinator: SwitchId) => ReadonlySet<string>;
}

/** What one of a topology's virtualizers needs of it. */
export function virtualizerInputOf(
  topology: Topology,
  virtualizer: VirtualizerId,
): VirtualizerInput {
  const wiring = wiringOf(topology);
  const reached = new Map(
    topology.switches.map(({ id }) => [id, new Set(hopsFrom(wiring, id, pathHopsMax - 1).keys())]),
  );
  const hbas = new Map(topology.hosts.map((host) => [host.id, host.hbas.map(({ id }) => id)]));
  return {
    cluster: topology.cluster,
    virtualizer,
    hosts: topology.hosts.map(({ id }) => id),
    disks: topology.disks.map(({ id }) => id),
    virtualizingSwitches: topology.switches.filter((each) => each.virtualizing).map(({ id }) => id),
    cachingSwitches: topology.switches
      .filter(({ virtualizing, limits }) => virtualizing && limits.cacheBytes >= blockBytes)
      .map(({ id }) => id),
    volumes: topology.volumes,
    topology,
    frameBytesMax: topology.policies.frameBytesMax,
    diskRoutes: remembered((host, disk) =>
      bestFirst((hbas.get(host) ?? []).flatMap((hba) => volumePathsToDisk(wiring, hba, disk))),
    ),
    coordinatorRoutes: remembered((host, coordinator) =>
      bestFirst(
        (hbas.get(host) ?? []).flatMap((hba) => volumePathsToSwitch(wiring, hba, coordinator)),
      ),
    ),
    disksReachedBy: (coordinator) => reached.get(coordinator) ?? new Set(),
  };
}

function bestFirst(ways: readonly Way[]): readonly Route[] {
  return ways
    .toSorted((a, b) => a.hops - b.hops)
    .map(({ hba, links, switches }) => ({ hba, links: [...links], switches: [...switches] }));
}

/** Wiring does not change: each pair's ways are looked for once, when they are needed first. */
function remembered<End extends string>(
  find: (host: HostId, end: End) => readonly Route[],
): (host: HostId, end: End) => readonly Route[] {
  const found = new Map<string, readonly Route[]>();
  return (host, end) => {
    const key = `${host} ${end}`;
    const routes = found.get(key) ?? find(host, end);
    found.set(key, routes);
    return routes;
  };
}
