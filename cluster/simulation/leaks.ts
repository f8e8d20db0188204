/**
 * What actors have not ended although nothing is asked of them (DESIGN I12): slots, credits, held blocks, calls to disks,
 * machines that handle trouble. Each actor says so itself, in what it presents as `underWay`; timers that go on for ever
 * are seen from outside.
 */
import type { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** Of a process that does nothing: heartbeats, sweeps, probes. If each trouble left one behind, there would be more. */
const timersMax = 16;

/** As phrases; none when nothing is under way. */
export function underWayIn(world: World): readonly string[] {
  return world.nodes.flatMap((node) => [...underWayOf(node), ...timersOf(world, node)]);
}

function underWayOf({ assembled }: SimulatedNode): readonly string[] {
  return (assembled?.actors ?? []).flatMap((actor) => {
    const { kind, id, facts } = actor.description();
    const { underWay = {} } = facts as { readonly underWay?: Readonly<Record<string, number>> };
    return Object.entries(underWay)
      .filter(([, count]) => count !== 0)
      .map(([what, count]) => `${kind} ${id} has ${count} ${what}`);
  });
}

function timersOf({ clock }: World, { node, process }: SimulatedNode): readonly string[] {
  const timers = process === null ? 0 : clock.timersOf(process);
  return timers > timersMax ? [`process ${node.id} has ${timers} timers`] : [];
}
