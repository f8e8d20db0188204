/**
 * Disks that a decision went on without, and whose process may still be there (DESIGN I14): nobody told it of later
 * decisions, so that it answers reads as if nothing had happened. Harmless as long as all who could ask it for a read
 * are known: a host that stays attached takes its own later decisions into account, and a coordinator that stays one was
 * told. As long as there is such a disk, nobody's place is given to another whose end is not proven. Pure.
 */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { HostId, SwitchId } from '../../protocols/ids.ts';
import type { WantedAttachment } from './attachments.ts';
import { type Circumstances, type Decision, decide, type HasEnded } from './decisions.ts';

/** What is known of processes, beside what a decision rests on. */
export interface Witnesses {
  readonly hasEnded: HasEnded;
  /** A process is there, and can be told that it does not coordinate any more. */
  readonly isThere: HasEnded;
  readonly drained: readonly HostId[];
}

/** Why a decision cannot be made while there are such disks, for people; '' when it can. */
export function unfencedProblem(
  last: VolumeRecord,
  next: VolumeRecord,
  { hasEnded, isThere, drained }: Witnesses,
): string {
  const [disk] = next.unfenced;
  if (disk === undefined) return '';
  const waits = (who: string) =>
    `disk ${disk.disk} is silent and may still answer reads of ${who}, which is to be replaced and may still ask: ` +
    'one of them must come back, or its end be seen';
  const isExclusive = last.attachments.some(({ mode }) => mode === 'exclusive');
  if (isExclusive) {
    const gone = last.attachments.find(
      ({ host, hostIncarnation, firstEpoch }) =>
        !drained.includes(host) &&
        !next.attachments.some((each) => each.host === host && each.firstEpoch === firstEpoch) &&
        !hasEnded({ kind: 'host', id: host }, hostIncarnation),
    );
    return gone === undefined ? '' : waits(`host ${gone.host}`);
  }
  const replaced = last.partitions.find(({ partition, coordinator, ownerIncarnation }) => {
    const address = { kind: 'switch', id: coordinator } as const;
    const stays = next.partitions[partition]?.coordinator === coordinator;
    return !stays && !isThere(address, ownerIncarnation) && !hasEnded(address, ownerIncarnation);
  });
  return replaced === undefined ? '' : waits(`switch ${replaced.coordinator}`);
}

/**
 * Decides; but what would give the place of somebody away who may still read from such a disk is left for later.
 *
 * @param kept the attachments without what hosts have asked for since
 * @returns why nothing can be decided, for people
 */
export function decideSafely(
  last: VolumeRecord,
  wanted: Circumstances & Witnesses,
  kept: readonly WantedAttachment[],
): Decision | string {
  const decision = decide(last, wanted);
  if (unfencedProblem(last, decision.record, wanted) === '') return decision;
  const { members, coordinators } = wanted;
  const isMember = (id: SwitchId) => members.switches.some((each) => each.switch === id);
  const cautious = decide(last, {
    ...wanted,
    attachments: kept,
    coordinators: last.partitions.map(({ coordinator, partition }) =>
      isMember(coordinator) ? coordinator : (coordinators[partition] ?? coordinator),
    ),
  });
  const problem = unfencedProblem(last, cautious.record, wanted);
  return problem === '' ? cautious : problem;
}
