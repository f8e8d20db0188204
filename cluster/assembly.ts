/**
 * From topology and ports to running actors: the one place where a process of a real cluster and one of the simulation
 * are built from the same parts. Opening the ports, and ending them, is left to the caller.
 */
import { type Actor, type ActorPorts, newIncarnation } from '../actors/actor.ts';
import { Disk, type FoundStore } from '../actors/disk/disk.ts';
import { Host } from '../actors/host/host.ts';
import { Switch } from '../actors/switch/switch.ts';
import { Virtualizer } from '../actors/virtualizer/virtualizer.ts';
import { virtualizerInputOf } from '../actors/virtualizer/virtualizer-input.ts';
import { assertNever } from '../protocols/codes.ts';
import type {
  ActorAddress,
  DiskId,
  HostId,
  NodeId,
  SwitchId,
  VirtualizerId,
} from '../protocols/ids.ts';
import type { Bus, ConfigDatabase } from '../protocols/ports.ts';
import type { FabricId, Topology } from '../protocols/topology.ts';
import {
  coordinatorRoutesOf,
  diskLinksOf,
  driverPolicyOf,
  fabricsOf,
  hbaLinksOf,
  switchLinksOf,
  switchRoutesOf,
} from './topology-inputs.ts';

/** The ports of one process. Those that none of its actors needs may throw when asked for. */
export interface NodePorts extends ActorPorts {
  /** The command network as one of its actors has it, over the connection that is `control`. An HBA has its host's. */
  readonly controlOf: (actor: ActorAddress) => Bus;
  /** An actor's connection for I/O to a fabric that it is on, always the same; each HBA has one of its own. */
  readonly io: (actor: ActorAddress, fabric: FabricId) => Bus;
  readonly store: (disk: DiskId) => FoundStore;
  readonly database: () => ConfigDatabase;
}

/** The actors of one process. */
export interface AssembledNode {
  /** Where each of them is on the command network, HBAs too. */
  readonly actors: readonly Actor[];
  readonly hosts: readonly Host[];
  readonly disks: readonly Disk[];
  readonly switches: readonly Switch[];
  readonly virtualizers: readonly Virtualizer[];
  /** Hosts drain and flush first; then the others end. */
  stop(done: () => void): void;
}

/**
 * Builds and starts all actors of a node.
 *
 * @throws RangeError when the topology has no such node.
 */
export function assembleNode(topology: Topology, node: NodeId, ports: NodePorts): AssembledNode {
  const found = topology.nodes.find(({ id }) => id === node);
  if (found === undefined) {
    const names = topology.nodes.map(({ id }) => id).join(', ');
    throw new RangeError(`the topology has no node ${node}; there are ${names}`);
  }
  const hosts: Host[] = [];
  const disks: Disk[] = [];
  const switches: Switch[] = [];
  const virtualizers: Virtualizer[] = [];
  for (const address of found.actors) {
    switch (address.kind) {
      case 'host':
        hosts.push(assembleHost(topology, address.id as HostId, ports));
        break;
      case 'disk':
        disks.push(assembleDisk(topology, address.id as DiskId, ports));
        break;
      case 'switch':
        switches.push(assembleSwitch(topology, address.id as SwitchId, ports));
        break;
      case 'virtualizer':
        virtualizers.push(assembleVirtualizer(topology, address.id as VirtualizerId, ports));
        break;
      case 'hba':
      case 'node':
        break;
      default:
        assertNever(address.kind, 'kind of actor');
    }
  }
  const started = [...disks, ...switches, ...virtualizers, ...hosts];
  for (const actor of started) actor.start();
  return {
    actors: [...started, ...hosts.flatMap(({ hbas }) => hbas)].map(({ actor }) => actor),
    hosts,
    disks,
    switches,
    virtualizers,
    stop: (done) => stopAll(hosts, disks, switches, virtualizers, done),
  };
}

function stopAll(
  hosts: readonly Host[],
  disks: readonly Disk[],
  switches: readonly Switch[],
  virtualizers: readonly Virtualizer[],
  done: () => void,
): void {
  const stopRest = () => {
    for (const virtualizer of virtualizers) virtualizer.stop();
    for (const each of switches) each.stop();
    whenAll(disks, done);
  };
  whenAll(hosts, stopRest);
}

/** Stops each, and calls when all have ended. */
function whenAll(actors: readonly { stop(done: () => void): void }[], done: () => void): void {
  let left = actors.length;
  if (left === 0) done();
  for (const actor of actors) {
    actor.stop(() => {
      if (--left === 0) done();
    });
  }
}

/** The ports of one of the actors. */
function ownPorts(ports: NodePorts, actor: ActorAddress): ActorPorts {
  return { ...ports, control: ports.controlOf(actor) };
}

function assembleHost(topology: Topology, host: HostId, ports: NodePorts): Host {
  const hbas = topology.hosts.find(({ id }) => id === host)?.hbas ?? [];
  return new Host(
    {
      host,
      hbas: hbas.map(({ id, fabric }) => ({
        hba: id,
        links: hbaLinksOf(topology, id),
        io: ports.io({ kind: 'hba', id }, fabric),
      })),
      virtualizers: topology.virtualizers.map(({ id }) => id),
      policy: driverPolicyOf(topology.policies),
      linkSpeeds: new Map(topology.links.map(({ id, speed }) => [id, speed])),
    },
    ownPorts(ports, { kind: 'host', id: host }),
  );
}

function assembleSwitch(topology: Topology, id: SwitchId, ports: NodePorts): Switch {
  const entry = topology.switches.find((each) => each.id === id);
  if (entry === undefined) throw new RangeError(`the topology has no switch ${id}`);
  const address = { kind: 'switch', id } as const;
  const fabrics = fabricsOf(topology, address);
  const io = (fabric: FabricId) => ports.io(address, fabric);
  const hbas = topology.hosts.flatMap((host) => host.hbas);
  return new Switch(
    {
      id,
      virtualizing: entry.virtualizing,
      links: switchLinksOf(topology, id).map(({ link, receiver, fabric }) => ({
        link,
        receiver,
        io: io(fabric),
      })),
      routes: switchRoutesOf(topology, id),
      coordinatorRoutes: coordinatorRoutesOf(topology, id),
      limits: entry.limits,
      resyncBytesPerSecond: topology.policies.membership.resyncBytesPerSecond,
      virtualizers: topology.virtualizers.map((each) => each.id),
      io: {
        buses: fabrics.map(io),
        hbas: new Map(
          hbas
            .filter(({ fabric }) => fabrics.includes(fabric))
            .map((hba) => [hba.id, io(hba.fabric)]),
        ),
      },
    },
    newIncarnation(ports.random),
    ownPorts(ports, address),
  );
}

function assembleVirtualizer(topology: Topology, id: VirtualizerId, ports: NodePorts): Virtualizer {
  return new Virtualizer(virtualizerInputOf(topology, id), {
    ...ownPorts(ports, { kind: 'virtualizer', id }),
    database: ports.database(),
  });
}

function assembleDisk(topology: Topology, disk: DiskId, ports: NodePorts): Disk {
  const address = { kind: 'disk', id: disk } as const;
  const links = diskLinksOf(topology, disk).map(({ link, fabric }) => ({
    link,
    io: ports.io(address, fabric),
  }));
  return new Disk({ disk, links, store: ports.store(disk) }, ownPorts(ports, address));
}
