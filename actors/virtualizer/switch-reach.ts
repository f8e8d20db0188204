/**
 * Whether hosts reach a switch now, so that it can coordinate their writes: by the wiring, by who is there, and by which
 * links have failed for whom.
 */
import type { ActorAddress, HostId, SwitchId } from '../../protocols/ids.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

type ReachFacts = Pick<VolumeEnvironment, 'presence' | 'clock' | 'failedLinksOf'> & {
  readonly input: Pick<VolumeEnvironment['input'], 'coordinatorRoutes' | 'virtualizingSwitches'>;
};

/**
 * - `good`: every one of the hosts that are there has a way to the switch.
 * - `deaf`: the same, but only over switches that were found not to hear what is sent to them, not long ago, or it is one
 *   of these itself.
 * - `none`: one of the hosts has no way to it.
 */
export type Reach = 'good' | 'deaf' | 'none';

/** From the best to the worst. */
export const reaches: readonly Reach[] = ['good', 'deaf', 'none'];

/**
 * How these hosts reach a switch: over ways that lead over nobody who is gone, and over no link that has failed for the
 * host. Plain switches tell nobody that they are there: the links to one that is gone have failed.
 */
export function reachOf(facts: ReachFacts, hosts: readonly HostId[], id: SwitchId): Reach {
  const { presence, clock, input, failedLinksOf } = facts;
  const isGone = (address: ActorAddress) => presence.liveness(address, clock.now()) === 'gone';
  const passes = (on: SwitchId) =>
    !input.virtualizingSwitches.includes(on) || !isGone({ kind: 'switch', id: on });
  const isDeaf = (on: SwitchId) => presence.isBarred({ kind: 'switch', id: on });
  const reached = hosts.map((host): Reach => {
    if (isGone({ kind: 'host', id: host })) return isDeaf(id) ? 'deaf' : 'good';
    const failed = failedLinksOf(host);
    const ways = input
      .coordinatorRoutes(host, id)
      .filter(
        ({ links, switches }) =>
          switches.every(passes) && links.every((link) => !failed.includes(link)),
      );
    if (ways.length === 0) return 'none';
    return !isDeaf(id) && ways.some((way) => !way.switches.some(isDeaf)) ? 'good' : 'deaf';
  });
  return reaches.findLast((each) => reached.includes(each)) ?? 'good';
}
