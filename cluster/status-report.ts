/**
 * The state of a cluster in one document (DESIGN §7 `status --json`): every actor of the topology is asked how it is,
 * and what they answer is put together. Nothing is stored, and nothing is decided from it.
 */
import type { z } from 'zod';
import { type Answer, type Description, descriptionSchema, verbs } from '../protocols/commands.ts';
import { type ActorAddress, supervisorAddress } from '../protocols/ids.ts';
import type { Topology } from '../protocols/topology.ts';
import type { ClusterClient } from './cluster-client.ts';
import {
  type cacheCleanupSchema,
  type exportFactsSchema,
  type faultFactsSchema,
  hostFactsSchema,
  type natsServerSchema,
  type pathFactsSchema,
  supervisorFactsSchema,
  switchFactsSchema,
  virtualizerFactsSchema,
} from './status-facts.ts';
import { type VolumeFacts, type VolumeStatus, volumeStatusOf } from './volume-status-report.ts';

/** What is said of an actor that is silent. */
export const silence = 'does not answer';

export interface ActorStatus {
  readonly kind: string;
  readonly id: string;
  /** `silent` when it does not answer. */
  readonly state: string;
}

type FaultStatus = z.infer<typeof faultFactsSchema>;

export type PathStatus = { readonly host: string } & z.infer<typeof pathFactsSchema>;

export type CacheStatus = { readonly switch: string } & NonNullable<
  z.infer<typeof switchFactsSchema>['cache']
> & {
    /** Of all reads that it could have answered; null before the first. */
    readonly hitRatio: number | null;
  };

export type CacheCleanupStatus = { readonly host: string } & z.infer<typeof cacheCleanupSchema>;

export interface StatusReport {
  readonly cluster: string;
  readonly ready: boolean;
  /** What is missing, for people; empty when ready. */
  readonly waitingFor: readonly string[];
  /** `url`: that of the server for control. */
  readonly nats: {
    readonly url: string;
    readonly servers: readonly z.infer<typeof natsServerSchema>[];
  };
  readonly nodes: readonly z.infer<typeof supervisorFactsSchema>['nodes'][number][];
  readonly actors: readonly ActorStatus[];
  readonly volumes: readonly VolumeStatus[];
  readonly paths: readonly PathStatus[];
  readonly coordinators: readonly Readonly<Record<string, unknown>>[];
  readonly caches: readonly CacheStatus[];
  /** Caches that a host does not use for a volume until they have forgotten it. */
  readonly cacheCleanups: readonly CacheCleanupStatus[];
  readonly exports: readonly ({ host: string } & z.infer<typeof exportFactsSchema>)[];
  /** Those that were asked for and are in force. */
  readonly faults: readonly FaultStatus[];
  readonly counters: Readonly<Record<string, number>>;
}

/** Asks everybody and puts the answers together; those who do not answer are `silent`. */
export async function collectStatus(
  client: ClusterClient,
  topology: Topology,
): Promise<StatusReport> {
  const addresses = [...topology.nodes.flatMap(({ actors }) => actors), supervisorAddress];
  const answers = await Promise.all(
    addresses.map((address) => client.ask(address, verbs.describe)),
  );
  const actors = addresses.map((address, index) => ({
    address,
    description: read(answers[index]),
  }));
  const hosts = factsOf(actors, 'host', hostFactsSchema);
  const switches = factsOf(actors, 'switch', switchFactsSchema);
  const [supervisor] = factsOf(actors, 'node', supervisorFactsSchema);
  const virtualizer = decidingOf(factsOf(actors, 'virtualizer', virtualizerFactsSchema));
  const volumes = virtualizer?.facts.volumes ?? [];
  const exports = hosts.flatMap(({ id, facts }) =>
    facts.exports.map((each) => ({ host: id, ...each })),
  );
  const silent = actors.filter(({ description }) => description === null);
  const nodes = supervisor?.facts.nodes ?? [];
  const faults = supervisor?.facts.faults ?? [];
  const waitingFor = [
    ...nodes.flatMap(({ name, problem }) =>
      problem === '' ? [] : [`node ${name} ended: ${problem}`],
    ),
    ...silent.map(({ address }) => silenceText(address, topology, faults)),
    ...missingVolumes(topology, volumes),
    ...missingAttachments(exportsOf(topology, virtualizer?.facts.createdExports ?? []), hosts),
    ...missingExports(virtualizer?.facts.createdExports ?? [], exports),
    ...exports
      .filter(({ uri }) => uri === '')
      .map((each) => `export ${each.name}: ${each.problem}`),
  ];
  return {
    cluster: topology.cluster,
    ready: waitingFor.length === 0,
    waitingFor,
    nats: {
      url: supervisor?.facts.natsUrl ?? '',
      servers: supervisor?.facts.natsServers ?? [],
    },
    nodes,
    actors: actors.map(({ address: { kind, id }, description }) => ({
      kind,
      id,
      state: description?.state ?? 'silent',
    })),
    volumes: volumes.map(volumeStatusOf),
    paths: hosts.flatMap(({ id, facts }) => facts.paths.map((path) => ({ host: id, ...path }))),
    coordinators: volumes.flatMap(({ volume, partitions }) =>
      partitions.map(({ partition, coordinator, epoch, preferred }) => ({
        volume,
        partition,
        switch: coordinator,
        preferred: preferred ?? coordinator,
        epoch,
      })),
    ),
    caches: switches.flatMap(({ id, facts: { cache } }) =>
      cache === undefined ? [] : [{ switch: id, ...cache, hitRatio: hitRatioOf(cache) }],
    ),
    cacheCleanups: hosts.flatMap(({ id, facts }) =>
      facts.cacheCleanups.map((cleanup) => ({ host: id, ...cleanup })),
    ),
    exports,
    faults,
    counters: sumOf([
      ...hosts.map(({ facts }) => facts.counters),
      ...factsOf(actors, 'switch', switchFactsSchema).flatMap(({ facts }) =>
        facts.volumes.map(({ repairs }) => ({ repairs })),
      ),
    ]),
  };
}

/** Who stands by knows of no volumes; who was replaced, and does not know it yet, has a lower control epoch. */
export function decidingOf<Told extends { readonly facts: z.infer<typeof virtualizerFactsSchema> }>(
  virtualizers: readonly Told[],
): Told | undefined {
  return virtualizers.toSorted(
    (one, other) =>
      Number(other.facts.volumes.length > 0) - Number(one.facts.volumes.length > 0) ||
      other.facts.controlEpoch - one.facts.controlEpoch,
  )[0];
}

function hitRatioOf({ hits, misses }: { hits: number; misses: number }): number | null {
  return hits + misses === 0 ? null : hits / (hits + misses);
}

/** One that was struck is no riddle. */
function silenceText(
  { kind, id }: ActorAddress,
  topology: Topology,
  faults: readonly FaultStatus[],
): string {
  const node = topology.nodes.find(({ actors }) => actors.some((each) => each.id === id))?.id ?? '';
  const struck = faults.find(
    (fault) => (fault.kind === 'crash' || fault.kind === 'pause') && fault.nodes.includes(node),
  );
  const silent = `${kind} ${id} ${silence}`;
  if (struck === undefined) return silent;
  return `${silent}: ${struck.target} ${struck.kind}; end it with sanctor heal ${struck.target}`;
}

function read(answer: Answer | undefined): Description | null {
  const parsed = descriptionSchema.safeParse(answer);
  return answer?.ok === true && parsed.success ? parsed.data : null;
}

interface AskedActor {
  readonly address: ActorAddress;
  readonly description: Description | null;
}

function factsOf<Facts extends z.ZodType>(
  actors: readonly AskedActor[],
  kind: ActorAddress['kind'],
  schema: Facts,
): { id: string; facts: z.output<Facts> }[] {
  return actors.flatMap(({ address, description }) => {
    if (address.kind !== kind || description === null) return [];
    const parsed = schema.safeParse(description.facts);
    return parsed.success ? [{ id: address.id, facts: parsed.data }] : [];
  });
}

type HostFacts = { id: string; facts: z.infer<typeof hostFactsSchema> };

/** Volumes that are being deleted are not waited for. */
function missingVolumes(topology: Topology, volumes: readonly VolumeFacts[]): readonly string[] {
  const created = volumes.filter(({ state }) => !state.startsWith('end'));
  const wanted = [
    ...topology.volumes.map(({ id }): string => id),
    ...created.map(({ volume }) => volume),
  ];
  return [...new Set(wanted)].flatMap((id) => {
    const found = volumes.find(({ volume }) => volume === id);
    if (found?.state === 'serving') return [];
    return [
      `volume ${id}: ${found?.reason || found?.state || 'no virtualizer decides about it yet'}`,
    ];
  });
}

interface WantedExport {
  readonly host: string;
  readonly volume: string;
}

function exportsOf(topology: Topology, created: readonly WantedExport[]): readonly WantedExport[] {
  const written = topology.hosts.flatMap(({ id, exports }) =>
    exports.map(({ volume }) => ({ host: id, volume })),
  );
  return [...written, ...created];
}

function missingAttachments(
  wanted: readonly WantedExport[],
  hosts: readonly HostFacts[],
): readonly string[] {
  return wanted.flatMap(({ host, volume }) => {
    const facts = hosts.find(({ id }) => id === host)?.facts;
    const found = facts?.volumes.find((each) => each.volume === volume);
    if (found !== undefined && found.reason === '') return [];
    return [`volume ${volume} on host ${host}: ${found?.reason || 'not attached yet'}`];
  });
}

/** Exports of created volumes that their hosts have not heard of. */
function missingExports(
  wanted: readonly WantedExport[],
  exports: StatusReport['exports'],
): readonly string[] {
  return wanted
    .filter(
      ({ host, volume }) => !exports.some((each) => each.host === host && each.volume === volume),
    )
    .map(({ host, volume }) => `export of volume ${volume}: host ${host} does not serve it yet`);
}

function sumOf(counters: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const each of counters) {
    for (const [name, value] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}
