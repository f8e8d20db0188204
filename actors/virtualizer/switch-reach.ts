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
 * Whether each of these hosts that is there has a way to a switch that leads over nobody who is gone, and over no link
 * that has failed for it. None has to one that was found deaf, whatever the wiring says. Plain switches tell nobody that they are there: the links to one that is gone have failed.
 */
export function isInReach(facts: ReachFacts, hosts: readonly HostId[], id: SwitchId): boolean {
  const { presence, clock, input, failedLinksOf } = facts;
  if (presence.isBarred({ kind: 'switch', id })) return false;
  const isGone = (address: ActorAddress) => presence.liveness(address, clock.now()) === 'gone';
  const passes = (on: SwitchId) =>
    !input.virtualizingSwitches.includes(on) || !isGone({ kind: 'switch', id: on });
  return hosts.every((host) => {
    if (isGone({ kind: 'host', id: host })) return true;
    const failed = failedLinksOf(host);
    return input
      .coordinatorRoutes(host, id)
      .some(
        ({ links, switches }) =>
          switches.every(passes) && links.every((link) => !failed.includes(link)),
      );
  });
}
