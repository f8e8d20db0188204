/**
 * What stays of a volume that is deleted: the numbers that nothing new of its name may go below (DESIGN I5, I15). Pure.
 * They exceed what the record and the disks that are there know, so that whoever still knows the volume can be told
 * that it is gone.
 */
import type { Description } from '../../protocols/commands.ts';
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import { diskFactsSchema } from '../../protocols/facts.ts';
import type { ClusterId, VolumeId } from '../../protocols/ids.ts';
import { extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import {
  type ControlEpoch,
  type ExtentGeneration,
  type Generation,
  unitOf,
} from '../../protocols/units.ts';

export interface VolumeToEnd {
  readonly cluster: ClusterId;
  readonly clusterIdentity: string;
  readonly volume: VolumeId;
  readonly controlEpoch: ControlEpoch;
  /** The last decision; null when there was none. */
  readonly record: VolumeRecord | null;
  /** Where it lies, or was going to. */
  readonly layout: Layout | null;
  readonly former: EndedVolume | null;
  /** What disks tell of themselves, as far as they are there. */
  readonly disks: readonly (Description | undefined)[];
}

export function endVolume(ending: VolumeToEnd): EndedVolume {
  const { cluster, clusterIdentity, volume, controlEpoch, record, layout, former } = ending;
  const known = ending.disks
    .flatMap((disk) => diskFactsSchema.safeParse(disk?.facts).data?.volumes ?? [])
    .filter((facts) => facts.volume === volume);
  const generations = layout === null ? [] : extentsOf(layout).map(({ generation }) => generation);
  const last = record ?? former;
  return {
    state: 'ended',
    cluster,
    clusterIdentity,
    volume,
    generation: unitOf<Generation>(
      Math.max(last?.generation ?? 0, ...known.map(({ generation }) => generation)) + 1,
    ),
    controlEpoch,
    lastEpoch: Math.max(last?.lastEpoch ?? 0, ...known.map(({ highestEpoch }) => highestEpoch)),
    extentGeneration: unitOf<ExtentGeneration>(
      Math.max(former?.extentGeneration ?? 0, ...generations),
    ),
  };
}
