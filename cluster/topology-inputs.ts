/**
 * What each actor must know of the topology, taken out of it: links with who is at the other end, ways to disks and
 * coordinators. Pure; which actors a process runs, and on which ports, is for `assembly`.
 */
import type { HbaLink } from '../actors/hba/hba.ts';
import type { DriverPolicy } from '../actors/host/driver-policy.ts';
import type { CoordinatorRoute, DiskRoute } from '../actors/switch/switch-links.ts';
import type { ActorAddress, DiskId, HbaId, LinkId, SwitchId } from '../protocols/ids.ts';
import { pathsToDisk, volumePathsToSwitch, wiringOf } from '../protocols/paths.ts';
import type { Policies } from '../protocols/topology/policies.ts';
import type { FabricId, Topology } from '../protocols/topology.ts';

/** A link as one of its ends sees it. */
interface LinkEnd {
  readonly link: LinkId;
  readonly fabric: FabricId;
  readonly receiver: ActorAddress;
}

/** The links of an actor, and who is at their other ends, in the order of the topology. */
function linksOf(topology: Topology, id: string): readonly LinkEnd[] {
  return topology.links.flatMap(({ id: link, ends: [one, other], fabric }) => {
    if (one === id) return [{ link, fabric, receiver: addressOf(topology, other) }];
    if (other === id) return [{ link, fabric, receiver: addressOf(topology, one) }];
    return [];
  });
}

function addressOf(topology: Topology, id: string): ActorAddress {
  const kindOf = (): ActorAddress['kind'] => {
    if (topology.switches.some((each) => each.id === id)) return 'switch';
    if (topology.disks.some((each) => each.id === id)) return 'disk';
    return 'hba';
  };
  return { kind: kindOf(), id };
}

/** The fabrics that an actor has a connection to: those of its links; an HBA without any is on its own all the same. */
export function fabricsOf(topology: Topology, { kind, id }: ActorAddress): readonly FabricId[] {
  const hbas = topology.hosts.flatMap((host) => host.hbas);
  const own = kind === 'hba' ? hbas.find((hba) => hba.id === id)?.fabric : undefined;
  if (own !== undefined) return [own];
  const linked = [...new Set(linksOf(topology, id).map(({ fabric }) => fabric))];
  return linked.length > 0 ? linked : [topology.control];
}

export function hbaLinksOf(topology: Topology, hba: HbaId): readonly HbaLink[] {
  return linksOf(topology, hba).map(({ link, receiver }) => ({ link, receiver }));
}

export function switchLinksOf(topology: Topology, id: SwitchId): readonly LinkEnd[] {
  return linksOf(topology, id);
}

export function diskLinksOf(topology: Topology, disk: DiskId): readonly LinkEnd[] {
  return linksOf(topology, disk);
}

/** What a topology's policies mean for the driver of a host. */
export function driverPolicyOf(policies: Policies): Partial<DriverPolicy> {
  const { path, route, ioDeadlineMs, noPathRetry, detection, failover, imbalance } = policies;
  const { quarantine } = failover;
  const { dwellSeconds, ...balance } = imbalance;
  return {
    pathOrder: path,
    routeScope: route,
    deadlineMs: ioDeadlineMs,
    noPathRetryMs: noPathRetry * 1000,
    reportAfterMs: detection.reportAfterMs,
    failback: {
      failback: failover.failback,
      dwellMs: failover.dwellSeconds * 1000,
      quarantineFailures: quarantine.failures,
      quarantineWithinMs: quarantine.withinSeconds * 1000,
      quarantineForMs: quarantine.forSeconds * 1000,
    },
    balance: { ...balance, dwellMs: dwellSeconds * 1000 },
  };
}

/** The ways from a switch to every disk, best first. */
export function switchRoutesOf(topology: Topology, id: SwitchId): readonly DiskRoute[] {
  const wiring = wiringOf(topology);
  return topology.disks.flatMap(({ id: disk }) =>
    pathsToDisk(wiring, id as string as HbaId, disk).map(({ links }) => ({ disk, links })),
  );
}

/**
 * The best way on each fabric from a switch to each other one that may coordinate, for what hosts send without saying
 * how it goes on; none where hosts choose whole routes.
 */
export function coordinatorRoutesOf(topology: Topology, id: SwitchId): readonly CoordinatorRoute[] {
  if (topology.policies.route === 'whole') return [];
  const wiring = wiringOf(topology);
  const fabrics = new Map<LinkId | undefined, FabricId>();
  for (const { id: link, fabric } of topology.links) fabrics.set(link, fabric);
  return topology.switches.flatMap(({ id: coordinator, virtualizing }) => {
    const from = id as string as HbaId;
    if (!virtualizing || coordinator === id) return [];
    const best = new Map<FabricId | undefined, readonly LinkId[]>();
    for (const { links } of volumePathsToSwitch(wiring, from, coordinator)) {
      const fabric = fabrics.get(links[0]);
      if (!best.has(fabric)) best.set(fabric, links);
    }
    return [...best.values()].map((links) => ({ coordinator, links }));
  });
}
