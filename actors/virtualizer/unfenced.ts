/**
 * Disks that a decision went on without, and whose process may still be there (DESIGN I14): nobody told it of later
 * decisions, so that it answers reads as if nothing had happened. Harmless as long as all who could ask it for a read
 * are known: a host that stays attached takes its own later decisions into account, as does one that attaches again, for
 * it has ended what it had open; and a coordinator that stays one was told. As long as there is such a disk, nobody's place is given to another whose end is not proven. Pure.
 */
import type { AttachmentRecord, DiskMember, VolumeRecord } from '../../protocols/control-data.ts';
import type { ActorAddress } from '../../protocols/ids.ts';

/** Whether a process has ended, and somebody saw it, or another one has taken its place. */
export type HasEnded = (address: ActorAddress, incarnation: number) => boolean;

/** Those of the next decision. @param members of it */
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

/** Why a decision cannot be made while there are such disks, for people; '' when it can. */
export function unfencedProblem(
  last: VolumeRecord,
  next: VolumeRecord,
  drained: readonly string[],
  hasEnded: HasEnded,
): string {
  const [disk] = next.unfenced;
  if (disk === undefined) return '';
  const waits = (who: string) =>
    `disk ${disk.disk} is silent and may still answer reads of ${who}, which is replaced and may still ask: ` +
    'one of them must come back, or its end be seen';
  const isExclusive = last.attachments.some(({ mode }) => mode === 'exclusive');
  if (isExclusive) {
    const gone = last.attachments.find(
      ({ host, hostIncarnation }) =>
        !drained.includes(host) &&
        !next.attachments.some((each) => isSameProcess(each, { host, hostIncarnation })) &&
        !hasEnded({ kind: 'host', id: host }, hostIncarnation),
    );
    return gone === undefined ? '' : waits(`host ${gone.host}`);
  }
  const replaced = last.partitions.find(
    ({ partition, coordinator, ownerIncarnation }) =>
      next.partitions[partition]?.coordinator !== coordinator &&
      !hasEnded({ kind: 'switch', id: coordinator }, ownerIncarnation),
  );
  return replaced === undefined ? '' : waits(`switch ${replaced.coordinator}`);
}

type HostProcess = Pick<AttachmentRecord, 'host' | 'hostIncarnation'>;

function isSameProcess(one: HostProcess, other: HostProcess): boolean {
  return one.host === other.host && one.hostIncarnation === other.hostIncarnation;
}
