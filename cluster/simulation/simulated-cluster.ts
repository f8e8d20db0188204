/**
 * The clusters that are simulated: the shipped topologies, made small, so that hot blocks meet, journals fill and whole
 * volumes are read back in little time. In each of them two hosts share a volume, and every virtualizing switch has a
 * read cache.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { homeBytes } from '../../actors/disk/disk-layout.ts';
import { parseTopology } from '../../protocols/topology/parse-topology.ts';
import type { Topology } from '../../protocols/topology.ts';
import { packageFile } from '../package-root.ts';
import { type DrawnPolicies, usualPolicies } from './drawn-policies.ts';
import type { TopologyName } from './topology-names.ts';

/** An entry of a topology as a file has it. */
interface Entry {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** The sections of a topology that are changed, as its file has them. */
interface Written {
  readonly hosts: readonly (Entry & { readonly exports: readonly object[] })[];
  readonly switches: readonly (Entry & { readonly limits?: object })[];
  readonly disks: readonly Entry[];
  readonly links: readonly (readonly string[])[];
  readonly volumes: readonly Entry[];
  readonly policies: object;
}

/** What a simulated topology has instead of what its file says, by id, and what it has besides. */
interface Changes {
  readonly volumes: Readonly<Record<string, object>>;
  readonly exports?: Readonly<Record<string, readonly object[]>>;
  /** Switches whose error codes name no alternates: hosts must ask. */
  readonly bareSwitches?: readonly string[];
  readonly more?: Partial<Pick<Written, 'hosts' | 'links' | 'volumes'>>;
}

/** As small as its journal allows to wrap within a run. */
const diskSize = '16MiB';
/** Small enough that blocks make way for others. */
const cacheBytes = '256KiB';
/** A write makes worthless what caches hold of its region: small regions let them hold something under this load. */
const regionBytes = '16KiB';
/** Shorter than people would choose: what hangs is found sooner. */
const ioDeadlineMs = 4000;
/** Once or twice in a run. */
const scrubEveryHours = 1 / 60;
/** A run is over before the usual time in quarantine is. */
const quarantine = { forSeconds: 10 };

const changes: Readonly<Record<TopologyName, Changes>> = {
  default: withSecondHost(['h2-a', 'h2-b']),
  'two-fabrics': withSecondHost([
    { id: 'h2-a', fabric: 'n1' },
    { id: 'h2-b', fabric: 'n2' },
  ]),
  'two-tier': {
    volumes: {
      vol0: { size: '2MiB' },
      vol1: {
        size: '2MiB',
        regionBytes,
        coordinators: { map: 'consecutive', bounds: ['1MiB'], switches: ['s1', 's3'] },
      },
    },
  },
};

/** To one host a second one comes, which is linked as the first is, and shares another volume with it. */
function withSecondHost(hbas: readonly (string | Entry)[]): Changes {
  const vol1 = (port: number) => ({
    volume: 'vol1',
    attach: 'shared',
    listen: `nbd://127.0.0.1:${port}`,
  });
  return {
    volumes: { vol0: { size: '4MiB', regionBytes } },
    bareSwitches: ['s2'],
    exports: { h1: [vol1(10809)] },
    more: {
      hosts: [{ id: 'h2', hbas, exports: [vol1(10810)] }],
      links: ['h2-a', 'h2-b'].flatMap((hba) => ['s1', 's2'].map((each) => [hba, each])),
      volumes: [{ id: 'vol1', size: '2MiB', layout: { mirror: ['d2', 'd3'] } }],
    },
  };
}

/** @throws Error when the shipped topology is not valid: a broken installation. */
export function simulatedTopology(name: TopologyName, policies = usualPolicies): Topology {
  const file = packageFile('cluster', 'topologies', `${name}.yaml`);
  const written = parse(readFileSync(file, 'utf8')) as Written;
  const read = parseTopology(changed(written, changes[name], policies), homeBytes);
  if (read.ok) return read.topology;
  const problems = read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`);
  throw new Error(`${file}, made small: ${problems.join('; ')}`);
}

function changed(written: Written, changes: Changes, policies: DrawnPolicies): object {
  const { path, route, failback, metric, noPathRetry, staleAfterMs } = policies;
  const { volumes, exports = {}, bareSwitches = [], more = {} } = changes;
  return {
    ...written,
    hosts: [
      ...written.hosts.map((host) => ({
        ...host,
        exports: [...host.exports, ...(exports[host.id] ?? [])],
      })),
      ...(more.hosts ?? []),
    ],
    switches: written.switches.map((each) => ({
      ...each,
      limits: {
        ...each.limits,
        cacheBytes,
        ...(bareSwitches.includes(each.id) ? { namesAlternates: false } : {}),
      },
    })),
    disks: written.disks.map((disk) => ({ ...disk, size: diskSize })),
    links: [...written.links, ...(more.links ?? [])],
    volumes: [
      ...written.volumes.map((volume) => ({ ...volume, ...volumes[volume.id] })),
      ...(more.volumes ?? []),
    ],
    policies: {
      ...written.policies,
      ...{ path, route, ioDeadlineMs, noPathRetry },
      failover: { failback, quarantine },
      imbalance: { metric },
      membership: { staleAfterMs },
      scrub: { everyHours: scrubEveryHours },
    },
  };
}
