/** The shipped cluster of two tiers, so small that it starts in no time. */
import type { Topology } from '../../protocols/topology.ts';
import { type Plain, smallShippedTopology } from '../tools/simulated-san.ts';

const changes: Readonly<Record<string, Plain>> = {
  vol0: { size: '4MiB' },
  vol1: {
    size: '4MiB',
    coordinators: { map: 'consecutive', bounds: ['2MiB'], switches: ['s1', 's3'] },
  },
};

export function smallTwoTier(): Topology {
  return smallShippedTopology('two-tier.yaml', (plain) => ({
    ...plain,
    volumes: (plain.volumes as Plain[]).map((volume) => ({
      ...volume,
      ...changes[String(volume.id)],
    })),
  }));
}
