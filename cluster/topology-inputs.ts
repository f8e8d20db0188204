/**
 * What each actor must know of the topology, taken out of it: links with who is at the other end, ways to disks and
 * coordinators. Pure; which actors a process runs, and on which ports, is for `assembly`.
 */
import type { HbaLink } from '../actors/hba/hba.ts';
import type { DriverPolicy } from '../actors/host/driver-policy.ts';
import type { CoordinatorRoute, DiskRoute, SwitchLink } from '../actors/switch/switch-links.ts';
import type { ActorAddress, DiskId, HbaId, LinkId, SwitchId } from '../protocols/ids.ts';
import { pathsToDisk, volumePathsToSwitch, wiringOf } from '../protocols/paths.ts';
import type { Policies } from '../protocols/topology/policies.ts';
import type { Topology } from '../protocols/topology.ts';

/** A link as one of its ends sees it. */
interface LinkEnd {
  readonly link: LinkId;
  readonly receiver: ActorAddress;
}

/** The links of an actor, and who is at their other ends, in the order of the topology. */
function linksOf(topology: Topology, id: string): readonly LinkEnd[] {
  return topology.links.flatMap((link) => {
    const [one, other] = link.ends;
    if (one === id) return [{ link: link.id, receiver: addressOf(topology, other) }];
    if (other === id) return [{ link: link.id, receiver: addressOf(topology, one) }];
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

export function hbaLinksOf(topology: Topology, hba: HbaId): readonly HbaLink[] {
  return linksOf(topology, hba);
}

export function switchLinksOf(topology: Topology, id: SwitchId): readonly SwitchLink[] {
  return linksOf(topology, id);
}

export function diskLinksOf(topology: Topology, disk: DiskId): readonly LinkId[] {
  return linksOf(topology, disk).map(({ link }) => link);
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
 * The best way from a switch to each other one that may coordinate, for what hosts send without saying how it goes on;
 * none where hosts choose whole routes.
 */
export function coordinatorRoutesOf(topology: Topology, id: SwitchId): readonly CoordinatorRoute[] {
  if (topology.policies.route === 'whole') return [];
  const wiring = wiringOf(topology);
  return topology.switches.flatMap(({ id: coordinator, virtualizing }) => {
    const from = id as string as HbaId;
    if (!virtualizing || coordinator === id) return [];
    const [best] = volumePathsToSwitch(wiring, from, coordinator);
    return best === undefined ? [] : [{ coordinator, links: best.links }];
  });
}
