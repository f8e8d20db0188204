/** The shipped topologies with volumes so small that a SAN can be started from its media thousands of times. */
import { recordOf } from '../../../cluster/simulation/media-damage.ts';
import type { World } from '../../../cluster/simulation/world.ts';
import type { Topology } from '../../../protocols/topology.ts';
import { type Plain, smallShippedTopology } from '../../tools/simulated-san.ts';

export const sanNames = ['default', 'two-tier'] as const;
export type SanName = (typeof sanNames)[number];

/** Each has two partitions, and the stripe of the default topology two mirrors. */
const volumeSize = '2MiB';
const halfVolume = '1MiB';
const diskSize = '12MiB';

export function smallSan(name: SanName): Topology {
  return smallShippedTopology(`${name}.yaml`, (plain) => ({
    ...plain,
    disks: (plain.disks as Plain[]).map((disk) => ({ ...disk, size: diskSize })),
    volumes: (plain.volumes as Plain[]).map((volume) => {
      const coordinators = volume.coordinators as Plain;
      const bounds = coordinators.bounds === undefined ? {} : { bounds: [halfVolume] };
      return { ...volume, size: volumeSize, coordinators: { ...coordinators, ...bounds } };
    }),
  }));
}

/** Whether it was decided of all mirrors that they have everything. */
export function areInSync({ topology, database }: World): boolean {
  return topology.volumes.every(({ id }) => {
    const sets = recordOf(database, id)?.mirrorSets ?? [];
    return (
      sets.length > 0 && sets.every(({ mirrors }) => mirrors.every((each) => each === 'in-sync'))
    );
  });
}
