/** What disks and switches are told of a volume that is gone, or that does not lie on them any more. */
import type { DiskForget, SwitchUnload } from '../../protocols/control-data.ts';
import { type DiskFacts, diskFactsSchema } from '../../protocols/facts.ts';
import type { ClusterId, DiskId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import {
  type ControlEpoch,
  type DiskInstance,
  type Generation,
  unitOf,
} from '../../protocols/units.ts';
import type { RoundTask } from '../command-round.ts';
import type { PresenceTable } from './presence.ts';

/** Which volume, and the generation below which nothing of it is left. */
export interface GoneVolume {
  readonly cluster: ClusterId;
  readonly clusterIdentity: string;
  readonly volume: VolumeId;
  readonly generation: Generation;
}

/** A disk that is there, open, and of this cluster. */
export interface KnownDisk {
  readonly disk: DiskId;
  readonly instance: DiskInstance;
  readonly facts: DiskFacts;
}

/** What is known of a disk that is there; null when there is nothing to be asked of it. */
export function knownDisk(
  disk: DiskId,
  presence: PresenceTable,
  clusterIdentity: string,
): KnownDisk | null {
  const description = presence.find({ kind: 'disk', id: disk })?.description;
  const facts = diskFactsSchema.safeParse(description?.facts).data;
  if (description === undefined || facts?.clusterIdentity !== clusterIdentity) return null;
  return { disk, instance: unitOf<DiskInstance>(description.incarnation), facts };
}

export function forgetTask(
  { cluster, clusterIdentity, volume, generation }: GoneVolume,
  { disk, instance, facts }: KnownDisk,
  controlEpoch: ControlEpoch,
): RoundTask {
  const body: DiskForget = {
    cluster,
    clusterIdentity,
    volume,
    generation,
    controlEpoch,
    disk: { disk, identity: facts.identity, instance },
  };
  return { receiver: { kind: 'disk', id: disk }, body };
}

export function unloadTask({ volume, generation }: GoneVolume, id: SwitchId): RoundTask {
  const body: SwitchUnload = { volume, generation };
  return { receiver: { kind: 'switch', id }, body };
}
