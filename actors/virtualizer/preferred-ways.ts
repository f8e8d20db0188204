/**
 * Which switches lie on the ways that hosts prefer (DESIGN H8): a coordinator there costs writes no other way than reads
 * take. A way that leads over somebody who is gone, or over a link that has failed, is passed over for the one that its
 * host prefers next.
 */
import type { DiskId, HostId, SwitchId } from '../../protocols/ids.ts';
import type { VolumeEnvironment } from './volume-environment.ts';

export type PreferenceFacts = Pick<
  VolumeEnvironment,
  'presence' | 'clock' | 'failedLinksOf' | 'preferredOf'
> & {
  readonly input: Pick<VolumeEnvironment['input'], 'diskRoutes' | 'virtualizingSwitches'>;
};

/** By switch, how many of the ways lead through it, of one for each of these hosts to each of these disks. */
export function preferredThrough(
  facts: PreferenceFacts,
  hosts: readonly HostId[],
  disks: readonly DiskId[],
): ReadonlyMap<SwitchId, number> {
  const counts = new Map<SwitchId, number>();
  for (const host of hosts)
    for (const disk of disks)
      for (const id of switchesBetween(facts, host, disk))
        counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** The switches on the way to a disk that a host prefers of those that are left; none when it has not said. */
function switchesBetween(
  { presence, clock, input, failedLinksOf, preferredOf }: PreferenceFacts,
  host: HostId,
  disk: DiskId,
): readonly SwitchId[] {
  const isLeft = (id: SwitchId) =>
    !input.virtualizingSwitches.includes(id) ||
    presence.liveness({ kind: 'switch', id }, clock.now()) !== 'gone';
  if (presence.liveness({ kind: 'host', id: host }, clock.now()) === 'gone') return [];
  const failed = failedLinksOf(host);
  const routes = input.diskRoutes(host, disk);
  for (const { target, links } of preferredOf(host)) {
    if (target.kind !== 'disk' || target.id !== disk) continue;
    if (links.some((link) => failed.includes(link))) continue;
    const text = links.join(' ');
    const switches = routes.find((route) => route.links.join(' ') === text)?.switches;
    if (switches?.every(isLeft)) return switches;
  }
  return [];
}
