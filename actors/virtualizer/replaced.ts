/**
 * Who may not know of the next decision, and act by a former one: disks that nobody could tell, and those whose place is
 * another's (DESIGN I14). Pure.
 */
import type { DiskMember, ReplacedProcess, VolumeRecord } from '../../protocols/control-data.ts';
import type { ActorAddress, HostId } from '../../protocols/ids.ts';

/** Whether a process has ended, and somebody saw it, or another one has taken its place. */
export type HasEnded = (address: ActorAddress, incarnation: number) => boolean;

interface Knowledge {
  /** Hosts that ended all their I/O before they let go. */
  readonly drained: readonly HostId[];
  readonly hasEnded: HasEnded;
  /** All disks and switches that are there have confirmed the last decision. */
  readonly isInForce: boolean;
}

/** Disks that were members, are not in the next decision, and whose process may still be there. @param members of it */
export function unfencedAfter(
  last: Pick<VolumeRecord, 'disks' | 'unfenced'>,
  members: readonly DiskMember[],
  hasEnded: HasEnded,
): readonly DiskMember[] {
  const known = new Map([...last.unfenced, ...last.disks].map((each) => [each.disk, each]));
  return [...known.values()].filter(
    ({ disk, instance }) =>
      !members.some((member) => member.disk === disk) &&
      !hasEnded({ kind: 'disk', id: disk }, instance),
  );
}

/**
 * Processes that may still take the place that others have by now, for not everybody has been told. Of a volume that one
 * host has for itself these are hosts, which read any disk; of one that is shared it is who coordinates it.
 */
export function replacedBy(
  last: VolumeRecord,
  next: Pick<VolumeRecord, 'attachments' | 'partitions'>,
  { drained, hasEnded, isInForce }: Knowledge,
): readonly ReplacedProcess[] {
  const isExclusive = last.attachments.some(({ mode }) => mode === 'exclusive');
  const hosts = last.attachments.filter(
    ({ host, hostIncarnation }) =>
      !drained.includes(host) &&
      // What it had open it tells from what it has open now itself.
      !next.attachments.some(
        (each) => each.host === host && each.hostIncarnation === hostIncarnation,
      ),
  );
  const owners = last.partitions.filter(
    ({ partition, coordinator, ownerIncarnation }) =>
      ownerIncarnation > 0 &&
      (next.partitions[partition]?.coordinator !== coordinator ||
        next.partitions[partition]?.ownerIncarnation !== ownerIncarnation),
  );
  const found: readonly ReplacedProcess[] = isExclusive
    ? hosts.map(({ host, hostIncarnation }) => ({
        kind: 'host',
        id: host,
        incarnation: hostIncarnation,
      }))
    : owners.map(({ coordinator, ownerIncarnation }) => ({
        kind: 'switch',
        id: coordinator,
        incarnation: ownerIncarnation,
      }));
  const known = new Map(
    [...(isInForce ? [] : last.replaced), ...found].map((each) => [
      `${each.kind}:${each.id}/${each.incarnation}`,
      each,
    ]),
  );
  return [...known.values()].filter(
    ({ kind, id, incarnation }) => !hasEnded({ kind, id }, incarnation),
  );
}
