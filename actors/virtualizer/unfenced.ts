/**
 * Disks that a decision went on without, and whose process may still be there (DESIGN I14): nobody told it of later
 * decisions, so that it answers reads as if nothing had happened. Harmless as long as all who could ask it for a read
 * are known: a host that stays attached, or attaches again, takes its own later decisions into account, and a coordinator
 * that stays one was told. As long as there is such a disk, nobody's place is given to another whose end is not proven. Pure.
 */
import type { VolumeRecord } from '../../protocols/control-data.ts';
import type { SwitchId } from '../../protocols/ids.ts';
import type { WantedAttachment } from './attachments.ts';
import { type Circumstances, type Decision, decide } from './decisions.ts';
import type { HasEnded } from './replaced.ts';

/** @param isThere that process is there, and can be told that its place is another's */
export function unfencedProblem(
  { unfenced, replaced }: Pick<VolumeRecord, 'unfenced' | 'replaced'>,
  isThere: HasEnded,
): string {
  const [disk] = unfenced;
  const who = replaced.find(
    ({ kind, id, incarnation }) => kind === 'host' || !isThere({ kind, id }, incarnation),
  );
  if (disk === undefined || who === undefined) return '';
  return (
    `disk ${disk.disk} is silent and may still answer reads of ${who.kind} ${who.id}, whose place is another's: ` +
    'one of them must come back, or its end be seen'
  );
}

export interface SafeDecision extends Decision {
  /** False: something that was asked for was left for later. */
  readonly isWhole: boolean;
}

/**
 * Decides; but what would give the place of somebody away who may still read from such a disk is left for later.
 *
 * @param kept the attachments without what hosts have asked for since
 * @param isThere as above
 * @returns why nothing can be decided, for people
 */
export function decideSafely(
  last: VolumeRecord,
  wanted: Circumstances,
  { kept, isThere }: { readonly kept: readonly WantedAttachment[]; readonly isThere: HasEnded },
): SafeDecision | string {
  const decision = decide(last, wanted);
  if (unfencedProblem(decision.record, isThere) === '') return { ...decision, isWhole: true };
  const { members, coordinators } = wanted;
  const isMember = (id: SwitchId) => members.switches.some((each) => each.switch === id);
  const cautious = decide(last, {
    ...wanted,
    attachments: kept,
    coordinators: last.partitions.map(({ coordinator, partition }) =>
      isMember(coordinator) ? coordinator : (coordinators[partition] ?? coordinator),
    ),
  });
  const problem = unfencedProblem(cautious.record, isThere);
  return problem === '' ? { ...cautious, isWhole: false } : problem;
}
