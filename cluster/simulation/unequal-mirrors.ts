/** Which mirrors of a simulated cluster are not in sync, though they could be. */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import { recordOf } from './media-damage.ts';
import type { World } from './world.ts';

/** Of all volumes of the topology, in words; '' when all are in sync, but for what nobody can read. */
export function unequalText({ topology, nodes, database, damage }: World): string {
  const told = nodes.flatMap(({ assembled }) =>
    (assembled?.virtualizers ?? []).flatMap(({ volumes }) => volumes),
  );
  const texts = topology.volumes.map(({ id }) => {
    const record = recordOf(database, id);
    const problem = told.find(({ volume }) => volume === id)?.resync?.problem ?? '';
    return record === null || damage.keepsUnequal(record, problem) ? '' : unequalMirrors(record);
  });
  return texts.filter((text) => text !== '').join('; ');
}

/** Mirrors of a volume that are not in sync, in words; '' when all are. */
function unequalMirrors({ volume, mirrorSets }: VolumeRecord): string {
  const texts = mirrorSets
    .filter(({ mirrors }) => mirrors.some((state) => state !== 'in-sync'))
    .map(({ set, mirrors }) => `${set} of ${volume} is ${mirrors.join(', ')}`);
  return texts.join('; ');
}
