/**
 * What a fault means in a topology: whether there is such a target, whether it can have that fault, and which nodes
 * must carry it. Pure.
 */
import { homeBytes } from '../../actors/disk/disk-layout.ts';
import {
  endsOfPartition,
  type Fault,
  type FaultTarget,
  type FaultTargetKind,
  faultKindsOf,
  partsOfTarget,
} from '../../protocols/faults.ts';
import type { NodeId } from '../../protocols/ids.ts';
import type { Topology } from '../../protocols/topology.ts';
import { partitionProblem } from './partitions.ts';

/** Why a target cannot be struck or healed, for people; '' when it can. */
export function targetProblem(topology: Topology, target: FaultTarget): string {
  const { kind, id } = partsOfTarget(target);
  if (kind === 'partition') return partitionProblem(topology, id);
  const names = namesOf(topology, kind);
  if (names.includes(id)) return '';
  return `there is no ${target}; there are ${names.map((name) => `${kind}:${name}`).join(', ')}`;
}

/** Why a fault cannot be, for people; '' when it can. */
export function faultProblem(topology: Topology, fault: Fault): string {
  if (!topology.faults)
    return `the topology of cluster ${topology.cluster} allows no faults; write "faults: true" into it and start the cluster anew`;
  const problem = targetProblem(topology, fault.target);
  if (problem !== '') return problem;
  const { kind, id } = partsOfTarget(fault.target);
  const fitting = faultKindsOf[kind];
  if (!fitting.includes(fault.kind))
    return `${fault.target} cannot have the fault ${fault.kind}; what fits is ${fitting.join(', ')}`;
  if (fault.kind === 'slow' && fault.times !== undefined && kind !== 'disk')
    return `how long ${fault.target} takes is not known, so it cannot be multiplied; say by how many milliseconds with --ms`;
  if (fault.kind === 'read-error') return rangeProblem(topology, id, fault);
  return '';
}

function rangeProblem(
  topology: Topology,
  disk: string,
  { atBytes = 0, lengthBytes = 1 }: Extract<Fault, { readonly kind: 'read-error' }>,
): string {
  const sizeBytes = topology.disks.find(({ id }) => id === disk)?.sizeBytes ?? 0;
  const dataBytes = homeBytes(sizeBytes);
  return atBytes + lengthBytes <= dataBytes
    ? ''
    : `${lengthBytes} bytes at ${atBytes} lie outside of disk:${disk}, which holds ${dataBytes} bytes of data`;
}

/** The faults of processes are their supervisor's to carry out; all others are a node's. */
export function strikesProcess({ kind }: Fault): boolean {
  return kind === 'crash' || kind === 'pause';
}

/** The nodes that a target is part of: both ends of a link or partition; none for a NATS server. */
export function nodesOfTarget(topology: Topology, target: FaultTarget): readonly NodeId[] {
  const { kind, id } = partsOfTarget(target);
  if (kind === 'node') return [id as NodeId];
  if (kind === 'nats') return [];
  const ids = endsOf(topology, target);
  return topology.nodes
    .filter(({ actors }) => actors.some((actor) => ids.includes(actor.id)))
    .map((node) => node.id);
}

/** What a target lies between, or itself. */
function endsOf({ links }: Topology, target: FaultTarget): readonly string[] {
  const { kind, id } = partsOfTarget(target);
  if (kind === 'partition') return endsOfPartition(id);
  return kind === 'link' ? (links.find((link) => link.id === id)?.ends ?? []) : [id];
}

function namesOf(
  topology: Topology,
  kind: Exclude<FaultTargetKind, 'partition'>,
): readonly string[] {
  const { disks, switches, hosts, links, nodes, fabrics, virtualizers } = topology;
  const named = {
    disk: disks,
    switch: switches,
    hba: hosts.flatMap(({ hbas }) => hbas),
    host: hosts,
    link: links,
    node: nodes,
    nats: fabrics,
    virtualizer: virtualizers,
  } satisfies Record<typeof kind, readonly { readonly id: string }[]>;
  return named[kind].map(({ id }) => id);
}
