/** Over which HBAs, links and switches the I/O of a volume goes now, as hosts and switches tell. */
import { verbs } from '../../protocols/commands.ts';
import { type ExplainQuery, explanationSchema } from '../../protocols/explanation.ts';
import { idOf, type VolumeId } from '../../protocols/ids.ts';
import { switchTelemetrySchema } from '../../protocols/load.ts';
import { kibibyte, unitOf, type VolumeOffset } from '../../protocols/units.ts';
import type { ClusterOperator } from './cluster-operator.ts';

export interface WaysInUse {
  /** Those over which a good part of a host's I/O goes: of others it may be a while until one is missed. */
  readonly hbas: readonly string[];
  readonly links: readonly string[];
  /** Those that have partitions of the volume. */
  readonly coordinators: readonly string[];
  /** Those that only forward. */
  readonly forwarders: readonly string[];
  readonly disks: readonly string[];
}

/** Asked at so many places, so far apart that they lie in all partitions and on all strips of the shipped topologies. */
const places = 8;
const placesApartBytes = (1024 + 64) * kibibyte;
/** Of the ways that reads and writes of all places take. */
const hbaShareMin = 1 / 3;

export async function waysInUse(operator: ClusterOperator, volume: string): Promise<WaysInUse> {
  const hbas = new Set<string>();
  const links = new Set<string>(await busyLinks(operator));
  const coordinators = new Set<string>();
  const disks = new Set<string>();
  const hosts = operator.topology.hosts.filter(({ exports }) =>
    exports.some((each) => each.volume === volume),
  );
  for (const { id } of hosts) {
    const taken: string[] = [];
    for (let place = 0; place < places; place++) {
      const query: ExplainQuery = {
        volume: idOf<VolumeId>(volume),
        offset: unitOf<VolumeOffset>(place * placesApartBytes),
      };
      const answer = await operator.ask({ kind: 'host', id }, verbs.explain, query);
      const { reads, writes, partition, mirrors } = explanationSchema.parse(answer);
      for (const { hba, route } of [reads, writes]) {
        if (hba !== '') taken.push(hba);
        for (const link of route) links.add(link);
      }
      coordinators.add(partition.coordinator);
      for (const { disk } of mirrors) disks.add(disk);
    }
    for (const hba of new Set(taken)) {
      const share = taken.filter((each) => each === hba).length / taken.length;
      if (share >= hbaShareMin) hbas.add(hba);
    }
  }
  const switches = operator.topology.switches
    .map((each): string => each.id)
    .filter((id) => endsOf(operator, links).has(id));
  return {
    hbas: [...hbas],
    links: [...links],
    coordinators: [...coordinators],
    forwarders: switches.filter((id) => !coordinators.has(id)),
    disks: [...disks],
  };
}

/** Fewer than I/O makes, and more than looking whether a link works does. */
const busyFramesPerSecond = 20;

/** The links over which switches have sent frames of late. */
async function busyLinks(operator: ClusterOperator): Promise<readonly string[]> {
  const busy: string[] = [];
  for (const { id } of operator.topology.switches) {
    const told = switchTelemetrySchema.safeParse(await operator.describe({ kind: 'switch', id }));
    if (!told.success) continue;
    const { links } = told.data.facts.load;
    for (const { link, framesPerSecond } of links)
      if (framesPerSecond >= busyFramesPerSecond) busy.push(link);
  }
  return busy;
}

/** Fewer reads than this share of all are strays: of repairs, and of coordinators that make mirrors equal. */
const readShareMin = 0.1;

/** Those of some disks that answer reads while something goes on: hosts and switches choose one mirror of several. */
export async function disksRead(
  operator: ClusterOperator,
  disks: readonly string[],
  meanwhile: () => Promise<void>,
): Promise<readonly string[]> {
  const before = await readsOf(operator, disks);
  await meanwhile();
  const after = await readsOf(operator, disks);
  const reads = disks.map((_, index) => (after[index] ?? 0) - (before[index] ?? 0));
  const all = reads.reduce((sum, each) => sum + each, 0);
  return disks.filter((_, index) => (reads[index] ?? 0) > readShareMin * all);
}

async function readsOf(operator: ClusterOperator, disks: readonly string[]) {
  const told = await Promise.all(disks.map((id) => countersOf(operator, 'disk', id)));
  return told.map(({ reads = 0 }) => reads);
}

/** What an actor's process has counted since it began; nothing when it does not answer. */
export async function countersOf(
  operator: ClusterOperator,
  kind: 'host' | 'hba' | 'switch' | 'disk',
  id: string,
): Promise<Readonly<Record<string, number>>> {
  const told = await operator.describe({ kind, id });
  return (told?.facts.counters ?? {}) as Readonly<Record<string, number>>;
}

function endsOf({ topology }: ClusterOperator, links: ReadonlySet<string>): ReadonlySet<string> {
  const busy = topology.links.filter(({ id }) => links.has(id));
  return new Set(busy.flatMap(({ ends }) => ends.map((end): string => end)));
}
