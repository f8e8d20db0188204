/** The first record of a volume, from the topology: the planner finds places for it beside the volumes that exist. */
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import { extentsOf, type Layout } from '../../protocols/layout/layout.ts';
import { validateCoordinatorMap } from '../../protocols/layout/regions.ts';
import type { Volume } from '../../protocols/topology.ts';
import { type ExtentGeneration, unitOf } from '../../protocols/units.ts';
import { blankRecord } from './decisions.ts';
import type { SurveyedDisk } from './disk-survey.ts';
import { planVolume } from './planner.ts';
import type { VirtualizerInput } from './virtualizer-input.ts';

export type Creation =
  | { readonly ok: true; readonly blank: VolumeRecord }
  | { readonly ok: false; readonly problem: string };

export interface CreationParts {
  readonly input: Pick<VirtualizerInput, 'cluster' | 'frameBytesMax'>;
  readonly clusterIdentity: string;
  /** What stays of the volume that had this name before. */
  readonly former: EndedVolume | null;
  /** The highest extent generation that is known to have been issued, to whatever volume, gone ones too. */
  readonly issuedExtentGeneration: () => number;
}

/**
 * Places a volume on its disks, beside the layouts of all other volumes. What is wrong is said for people. The
 * extents' generation exceeds every one that was ever issued, so that no block of a former owner is taken for one of
 * this volume; its other numbers go on where those of its former namesake ended.
 */
export function createVolume(
  { input, clusterIdentity, former, issuedExtentGeneration }: CreationParts,
  volume: Volume,
  disks: readonly SurveyedDisk[],
  layoutsBeside: readonly Layout[],
): Creation {
  const taken = layoutsBeside.flatMap(extentsOf);
  const highest = taken.reduce(
    (most, { generation }) => Math.max(most, generation),
    issuedExtentGeneration(),
  );
  const plan = planVolume({
    volume: volume.id,
    sizeBytes: volume.sizeBytes,
    form: volume.layout,
    generation: unitOf<ExtentGeneration>(highest + 1),
    disks: disks.map(({ disk, facts }) => ({
      disk,
      homeBytes: facts.homeBytes,
      taken: taken.filter((extent) => extent.disk === disk),
    })),
  });
  const problems = plan.ok
    ? validateCoordinatorMap(volume.coordinatorMap, volume)
    : plan.problems.map(({ problem }) => problem);
  if (!plan.ok || problems.length > 0)
    return { ok: false, problem: `it cannot be made: ${problems.join('; ')}` };
  const { cluster, frameBytesMax } = input;
  const { layout } = plan;
  const blank = blankRecord({ cluster, clusterIdentity, volume, frameBytesMax, layout, former });
  return { ok: true, blank };
}
