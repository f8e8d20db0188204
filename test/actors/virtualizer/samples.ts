/** Small values for tests of pure parts. */

import { blankRecord, type Circumstances } from '../../../actors/virtualizer/decisions.ts';
import type { Members } from '../../../actors/virtualizer/membership.ts';
import { planVolume } from '../../../actors/virtualizer/planner.ts';
import type { AttachRequest, Description } from '../../../protocols/commands.ts';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import type { ActorKind, DiskId, HostId, SwitchId, VolumeId } from '../../../protocols/ids.ts';
import type {
  DiskInstance,
  ExtentGeneration,
  Incarnation,
  Instant,
} from '../../../protocols/units.ts';
import { smallTopology } from './virtualizer-world.ts';

export const at = (ms: number) => ms as Instant;
export const clusterIdentity = 'c'.repeat(32);
export const identityOf = (disk: string) => disk.replace('d', '').padStart(32, '0');

export function description(
  kind: ActorKind,
  id: string,
  incarnation: number,
  facts: Record<string, unknown> = {},
  state = 'serving',
): Description {
  return { kind, id, incarnation: incarnation as Incarnation, state, facts };
}

export function diskFacts(disk: string, more: Record<string, unknown> = {}) {
  return {
    identity: identityOf(disk),
    clusterIdentity,
    starts: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((start) => start as DiskInstance),
    homeBytes: 500 * 1024 * 1024,
    highestExtentGeneration: 0 as ExtentGeneration,
    volumes: [],
    ...more,
  };
}

/** The volume vol0 of the small topology before its first decision. */
export function blankVolume(): VolumeRecord {
  const topology = smallTopology();
  const [volume] = topology.volumes;
  if (volume === undefined) throw new Error('the small topology has a volume');
  const plan = planVolume({
    volume: volume.id,
    sizeBytes: volume.sizeBytes,
    form: volume.layout,
    generation: 1 as ExtentGeneration,
    disks: topology.disks.map(({ id }) => ({ disk: id, homeBytes: 1 << 29, taken: [] })),
  });
  if (!plan.ok) throw new Error('the small volume fits');
  const { cluster } = topology;
  const { layout } = plan;
  return blankRecord({
    cluster,
    clusterIdentity,
    volume,
    frameBytesMax: 262_144,
    layout,
    former: null,
  });
}

/** All mirrors of vol0 stay in sync, and whoever is replaced has ended. */
export function asItWas(): Pick<Circumstances, 'mirrorSets' | 'hasEnded' | 'isInForce'> {
  return { mirrorSets: blankVolume().mirrorSets, hasEnded: () => true, isInForce: true };
}

/** Whatever was decided last, a disk was told. */
const toldLast = { volume: 'vol0', generation: 9999, controlEpoch: 0, highestEpoch: 0 };

/** All members of vol0: disks with one instance each, switches with one incarnation each. */
export function membersOf(
  instances: Readonly<Record<string, number>>,
  incarnations: Readonly<Record<string, number>>,
  known: Partial<Members> = {},
): Members {
  return {
    disks: Object.entries(instances).map(([disk, instance]) => ({
      disk: disk as DiskId,
      identity: identityOf(disk),
      instance: instance as DiskInstance,
      facts: diskFacts(disk, { volumes: [toldLast] }),
    })),
    switches: Object.entries(incarnations).map(([id, incarnation]) => ({
      switch: id as SwitchId,
      incarnation: incarnation as Incarnation,
    })),
    outOfReach: [],
    knownEpoch: 0,
    knownGeneration: 0,
    knownControlEpoch: 0,
    knownSets: [],
    ...known,
  };
}

export function request(host: string, more: Partial<AttachRequest> = {}): AttachRequest {
  return {
    host: host as HostId,
    hostIncarnation: 1 as Incarnation,
    volume: 'vol0' as VolumeId,
    mode: 'exclusive',
    readOnly: false,
    ...more,
  };
}
