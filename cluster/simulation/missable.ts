/** What a cluster can miss for as long as it likes: without it every volume still has somebody who can coordinate it. */
import { candidatesOf } from '../../actors/virtualizer/coordinator-choice.ts';
import { virtualizerInputOf } from '../../actors/virtualizer/virtualizer-input.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { disksOf } from '../../protocols/topology/layout-form.ts';
import type { Topology } from '../../protocols/topology.ts';

/** @param what a link, or an HBA or switch, which is missed with all its links */
export function isMissable(topology: Topology, what: string): boolean {
  const links = topology.links.filter(({ id, ends }) => id !== what && !isOneOf(what, ends));
  const left = { ...topology, links };
  return topology.virtualizers.every(({ id: virtualizer }) => {
    const input = virtualizerInputOf(left, virtualizer);
    return topology.volumes.every(({ hosts, layout }) => {
      const disks = disksOf(layout).map(({ disk }): DiskId => disk);
      return candidatesOf(input, { hosts, disks, copies: 1, preferred: [] }).length > 0;
    });
  });
}

function isOneOf(what: string, ends: readonly string[]): boolean {
  return ends.includes(what);
}
