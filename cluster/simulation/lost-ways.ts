/**
 * What redundancy is for: at the end of a run one HBA, drawn, is lost for good, and everything must be read all the same,
 * for any one may be lost in every topology that is shipped.
 */
import type { World } from './world.ts';

/** Takes one HBA away from hosts that have several. */
export function loseOneHba(world: World): void {
  const several = world.topology.hosts.filter(({ hbas }) => hbas.length > 1);
  if (several.length === 0) return;
  const random = world.random.fork('lost HBA');
  const { id } = random.pick(random.pick(several).hbas);
  world.inject({ kind: 'down', target: `hba:${id}` });
}
