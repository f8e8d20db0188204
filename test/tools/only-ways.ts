/** Which links and HBAs of a topology are a host's only way to a switch: whoever loses one needs another coordinator. */
import type { Topology } from '../../protocols/topology.ts';

/** What can be lost: the id of a link or of an HBA. */
export interface Loss {
  readonly links: readonly string[];
  readonly hbas: readonly string[];
}

/** Of some links and HBAs those that a host cannot do without to reach all of some coordinators of its volume. */
export function onlyWays(
  topology: Topology,
  volume: string,
  coordinators: readonly string[],
  { links, hbas }: Loss,
): Loss {
  const hosts = topology.hosts.filter(({ exports }) =>
    exports.some((each) => each.volume === volume),
  );
  const isNeeded = (lost: string): boolean =>
    hosts.some((host) => {
      const left = host.hbas.map(({ id }): string => id).filter((id) => id !== lost);
      const reached = reachedFrom(left, topology, lost);
      return coordinators.some((id) => !reached.has(id));
    });
  return { links: links.filter(isNeeded), hbas: hbas.filter(isNeeded) };
}

/** Over links other than `lost`, past switches that speak of volumes: plain ones carry frames for disks only. */
function reachedFrom(
  starts: readonly string[],
  { links, switches }: Topology,
  lost: string,
): ReadonlySet<string> {
  const virtualizing = new Set(
    switches.filter((each) => each.virtualizing).map((each): string => each.id),
  );
  const reached = new Set(starts);
  for (let before = 0; before !== reached.size; ) {
    before = reached.size;
    for (const { id, ends } of links) {
      if (id === lost) continue;
      for (const [from, to] of [ends, ends.toReversed()] as readonly (readonly string[])[])
        if (reached.has(from ?? '') && virtualizing.has(to ?? '')) reached.add(to ?? '');
    }
  }
  return reached;
}
