/** Fills in what a topology file may leave out. Expects entries whose names mean something. */
import type { z } from 'zod';
import {
  type ActorAddress,
  type HostId,
  idOf,
  type LinkId,
  type NodeId,
  type SwitchId,
} from '../ids.ts';
import type { CoordinatorMap } from '../layout/regions.ts';
import type {
  FabricId,
  Host,
  Link,
  linkSchema,
  Node,
  Topology,
  Volume,
  volumeSchema,
} from '../topology.ts';
import { unitOf, type VolumeOffset } from '../units.ts';
import type { Entry, WrittenTopology } from './written-topology.ts';

type WrittenLink = z.output<typeof linkSchema>;

/** The id of a link: its own, or made of its ends and the fabric that is written. */
export function linkIdOf({ id, ends, fabric }: WrittenLink): string {
  return id ?? [...ends, ...(fabric === undefined ? [] : [fabric])].join('-');
}

/** What the fabrics of links follow from where none is written. */
export interface FabricDefaults {
  readonly ofHbas: ReadonlyMap<string, FabricId>;
  /** Those that HBAs are on, each once. */
  readonly carrying: readonly FabricId[];
}

export function fabricDefaultsOf({ sections }: WrittenTopology): FabricDefaults {
  const first = sections.fabrics[0]?.value.id ?? '';
  const hbas = sections.hosts.flatMap(({ value }) => value.hbas);
  const ofHbas = new Map(hbas.map(({ id, fabric }) => [String(id), fabric ?? first]));
  return { ofHbas, carrying: [...new Set(ofHbas.values())] };
}

/** The fabric of a link; undefined when it is not written and does not follow from anything. */
export function linkFabricOf(
  { ends, fabric }: WrittenLink,
  { ofHbas, carrying }: FabricDefaults,
): FabricId | undefined {
  const [only, ...others] = carrying;
  return (
    fabric ?? ofHbas.get(ends[0]) ?? ofHbas.get(ends[1]) ?? (others.length > 0 ? undefined : only)
  );
}

/** The partitions of a volume, and the coordinator of each. */
export function coordinationOf(
  volume: z.output<typeof volumeSchema>,
  virtualizing: readonly SwitchId[],
): { readonly map: CoordinatorMap; readonly switches: readonly SwitchId[] } {
  const { coordinators, regionBytes } = volume;
  if (coordinators.map === 'consecutive') {
    const bounds = coordinators.bounds.map((bound) => unitOf<VolumeOffset>(bound));
    return { map: { kind: 'consecutive', bounds }, switches: coordinators.switches };
  }
  const switches = coordinators.switches ?? virtualizing;
  const unitBytes = coordinators.unitBytes ?? regionBytes;
  return { map: { kind: 'modulo', unitBytes, partitions: switches.length }, switches };
}

/** The switches that can coordinate. */
export function virtualizingOf(written: WrittenTopology): readonly SwitchId[] {
  const switches = written.sections.switches.map(({ value }) => value);
  return switches.filter(({ virtualizing }) => virtualizing).map(({ id }) => id);
}

/**
 * The topology that the entries describe.
 *
 * @throws RangeError when there is no fabric: entries with problems are not resolved.
 */
export function resolveTopology(written: WrittenTopology): Topology {
  const { sections, settings } = written;
  const fabric = sections.fabrics[0]?.value.id;
  if (fabric === undefined) throw new RangeError('a topology without fabric was not validated');
  const hosts = valuesOf(sections.hosts).map(
    (host): Host => ({
      id: host.id,
      hbas: host.hbas.map((hba) => ({ id: hba.id, fabric: hba.fabric ?? fabric })),
      exports: host.exports.map((one) => ({ ...one, name: one.name ?? one.volume })),
    }),
  );
  return {
    cluster: settings.cluster,
    faults: settings.faults,
    fabrics: valuesOf(sections.fabrics),
    control: settings.control ?? fabric,
    virtualizers: valuesOf(sections.virtualizers),
    hosts,
    switches: valuesOf(sections.switches),
    disks: valuesOf(sections.disks).map(({ size, ...disk }) => ({ ...disk, sizeBytes: size })),
    links: resolveLinks(written, fabric),
    volumes: valuesOf(sections.volumes).map((volume) => resolveVolume(volume, written)),
    nodes: resolveNodes(written),
    policies: settings.policies,
  };
}

function valuesOf<Value>(entries: readonly Entry<Value>[]): readonly Value[] {
  return entries.map(({ value }) => value);
}

function resolveLinks(written: WrittenTopology, first: FabricId): readonly Link[] {
  const defaults = fabricDefaultsOf(written);
  return valuesOf(written.sections.links).map((link) => {
    const { ends, speed } = link;
    const fabric = linkFabricOf(link, defaults) ?? first;
    return { id: idOf<LinkId>(linkIdOf(link)), ends, fabric, speed };
  });
}

/** A volume among the hosts and switches that are written; its names mean something. */
export function resolveVolume(
  volume: z.output<typeof volumeSchema>,
  written: WrittenTopology,
): Volume {
  const { map, switches } = coordinationOf(volume, virtualizingOf(written));
  const hosts = written.sections.hosts.map(({ value }): HostId => value.id);
  return {
    id: volume.id,
    sizeBytes: volume.size,
    logicalBlockBytes: volume.logicalBlockBytes,
    regionBytes: volume.regionBytes,
    layout: volume.layout,
    coordinatorMap: map,
    coordinators: switches,
    hosts: volume.hosts === 'all' ? hosts : volume.hosts,
  };
}

/** Actors that share a process, by the id of the one that gives it its name; a host brings its HBAs. */
function actorGroups(written: WrittenTopology): ReadonlyMap<string, readonly ActorAddress[]> {
  const { hosts, switches, disks, virtualizers } = written.sections;
  const groups = new Map<string, readonly ActorAddress[]>();
  for (const { value } of hosts)
    groups.set(value.id, [
      { kind: 'host', id: value.id },
      ...value.hbas.map(({ id }): ActorAddress => ({ kind: 'hba', id })),
    ]);
  for (const { value } of switches) groups.set(value.id, [{ kind: 'switch', id: value.id }]);
  for (const { value } of disks) groups.set(value.id, [{ kind: 'disk', id: value.id }]);
  for (const { value } of virtualizers)
    groups.set(value.id, [{ kind: 'virtualizer', id: value.id }]);
  return groups;
}

function resolveNodes(written: WrittenTopology): readonly Node[] {
  const groups = actorGroups(written);
  const nodes = valuesOf(written.sections.nodes);
  const placed = new Set<string>(nodes.flatMap(({ actors }) => actors));
  const own = [...groups]
    .filter(([id]) => !placed.has(id))
    .map(([id, actors]): Node => ({ id: idOf<NodeId>(id), actors }));
  const shared = nodes.map(
    ({ id, actors }): Node => ({ id, actors: actors.flatMap((actor) => groups.get(actor) ?? []) }),
  );
  return [...shared, ...own];
}
