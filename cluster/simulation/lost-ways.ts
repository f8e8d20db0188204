/**
 * What redundancy is for: at the end of a run an HBA is lost for good, and everything must be read all the same. It is
 * drawn among those without which their host still has a way to every disk.
 */
import { volumeReachOf, wiringOf } from '../../protocols/paths.ts';
import type { World } from './world.ts';

/** Takes an HBA away, if one can be missed. */
export function loseOneHba(world: World): void {
  const { topology } = world;
  const wiring = wiringOf(topology);
  const missable = topology.hosts.flatMap(({ hbas }) => {
    const ids = hbas.map(({ id }) => id);
    return ids.filter((id) => {
      const reached = volumeReachOf(
        wiring,
        ids.filter((each) => each !== id),
      );
      return topology.disks.every((disk) => reached.has(disk.id));
    });
  });
  if (missable.length === 0) return;
  const id = world.random.fork('lost HBA').pick(missable);
  world.inject({ kind: 'down', target: `hba:${id}` });
}
