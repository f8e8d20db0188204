/**
 * What stays of a volume that is deleted: the numbers that nothing new of its name may go below (DESIGN I5, I15). Pure.
 * They exceed what the record and the disks that are there know, so that whoever still knows the volume can be told
 * that it is gone.
 */
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import { diskFactsSchema } from '../../protocols/facts.ts';
import type { VolumeId } from '../../protocols/ids.ts';
import { extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import {
  type ControlEpoch,
  type ExtentGeneration,
  type Generation,
  unitOf,
} from '../../protocols/units.ts';
import type { PresenceTable } from './presence.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

/** Where decisions are made. */
interface DecidingPlace {
  readonly input: Pick<VirtualizerInput, 'cluster' | 'disks'>;
  readonly clusterIdentity: string;
  readonly controlEpoch: ControlEpoch;
  readonly presence: Pick<PresenceTable, 'find'>;
}

export interface VolumeToEnd {
  /** The last decision; null when there was none. */
  readonly record: VolumeRecord | null;
  /** Where it lies, or was going to. */
  readonly layout: Layout | null;
  readonly former: EndedVolume | null;
}

export function endVolume(
  volume: VolumeId,
  { record, layout, former }: VolumeToEnd,
  { input, clusterIdentity, controlEpoch, presence }: DecidingPlace,
): EndedVolume {
  const { cluster } = input;
  const known = input.disks
    .map((id) => presence.find({ kind: 'disk', id })?.description.facts)
    .flatMap((facts) => diskFactsSchema.safeParse(facts).data?.volumes ?? [])
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
