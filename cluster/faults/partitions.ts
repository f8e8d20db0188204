/**
 * Partitions between two actors: who stands at either end, why there can be none, and what one does to a connection.
 * Pure. Each end loses what it would send to the other, so that it takes both to cut them off from each other.
 */
import { endsOfPartition, type Fault, partsOfTarget } from '../../protocols/faults.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Topology } from '../../protocols/topology.ts';
import type { BusFault } from './faulty-bus.ts';

/** Why a partition between two actors cannot be, for people; '' when it can. */
export function partitionProblem(topology: Topology, id: string): string {
  const names = endsOfPartition(id);
  const actors = actorsOf(topology).map((actor) => actor.id);
  const unknown = names.find((name) => !actors.includes(name));
  if (unknown !== undefined)
    return `there is no actor ${unknown} to cut off; there are ${actors.join(', ')}`;
  const [one, other] = names;
  if (one === other) return `${one} cannot be cut off from itself: name two actors`;
  const [whole, part] = namesWithin(topology, one).includes(other) ? [one, other] : [other, one];
  return namesWithin(topology, whole).includes(part)
    ? `${part} is a part of ${whole} and cannot be cut off from it: name two actors`
    : '';
}

/** What a fault does to a connection of an actor: nothing, unless it is a partition of which the actor is one end. */
export function partitionFaultsOf(
  topology: Topology,
  fault: Fault,
  actor: ActorAddress,
): readonly BusFault[] {
  if (fault.kind !== 'cut' && fault.kind !== 'one-way') return [];
  const [first, second] = endsOfPartition(partsOfTarget(fault.target).id);
  const [one, other] = [actorsWithin(topology, first), actorsWithin(topology, second)];
  const isIn = (end: readonly ActorAddress[]) => end.some(({ id }) => id === actor.id);
  const lost = (from: readonly ActorAddress[], to: readonly ActorAddress[]): BusFault[] => [
    ...(isIn(from) ? [{ kind: 'unheard', by: to } as const] : []),
    ...(isIn(to) ? [{ kind: 'deaf', to: from } as const] : []),
  ];
  return fault.kind === 'cut' ? [...lost(one, other), ...lost(other, one)] : lost(one, other);
}

/** All that have a name of their own; no two of them have the same. */
function actorsOf({ nodes }: Topology): readonly ActorAddress[] {
  return nodes.flatMap(({ actors }) => actors);
}

/** An actor with all that is part of it: a host with its HBAs. */
function actorsWithin(topology: Topology, name: string): readonly ActorAddress[] {
  const names = namesWithin(topology, name);
  return actorsOf(topology).filter(({ id }) => names.includes(id));
}

function namesWithin({ hosts }: Topology, name: string): readonly string[] {
  const hbas = hosts.find(({ id }) => id === name)?.hbas ?? [];
  return [name, ...hbas.map(({ id }) => id)];
}
