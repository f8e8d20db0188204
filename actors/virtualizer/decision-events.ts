/** Tells everybody what was decided about a volume: for people, nothing depends on it. */
import { assertNever } from '../../protocols/codes.ts';
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import { eventNames, type MembershipFields } from '../../protocols/events.ts';
import type { Actor } from '../actor.ts';
import { changesBetween, type MirrorChange } from './mirror-changes.ts';

type Teller = Pick<Actor, 'tell'>;

/** @param renewed everybody has got new epochs */
export function tellDecision(actor: Teller, record: VolumeRecord, renewed: boolean): void {
  const { volume, generation, controlEpoch, lastEpoch, partitions, attachments } = record;
  actor.tell(eventNames.decision, {
    volume,
    what: renewed ? 'assembled anew' : 'changed',
    generation,
    controlEpoch,
    lastEpoch,
    partitions,
    attachments,
  });
}

/** What became of mirrors. The first decision of a volume tells nothing: all are in sync. */
export function tellMembership(actor: Teller, last: VolumeRecord, next: VolumeRecord): void {
  for (const change of changesBetween(last, next.mirrorSets)) {
    const fields: MembershipFields = { volume: next.volume, ...change, reason: reasonOf(change) };
    actor.tell(eventNames.membership, fields);
  }
}

function reasonOf({ from, to, disks }: MirrorChange): string {
  const names = disks.join(', ');
  switch (to) {
    case 'stale':
      return from === 'resyncing'
        ? `not all of ${names} is there, before it was equal`
        : `not all of ${names} is there: the volume goes on without it`;
    case 'resyncing':
      return from === 'in-sync'
        ? `${names} has restarted: what it may have lost is copied`
        : `${names} is back: what it missed is copied`;
    case 'in-sync':
      return `${names} has all that was written, durably`;
    case 'detached':
      return `${names} is to hold the volume no more`;
    default:
      return assertNever(to, 'mirror state');
  }
}

export function tellEnd(actor: Teller, { volume, generation, controlEpoch }: EndedVolume): void {
  actor.tell(eventNames.decision, { volume, what: 'deleted', generation, controlEpoch });
}

/** The end of an interruption. @param reason what began it, for people */
export function tellServing(
  actor: Teller,
  { volume, generation }: VolumeRecord,
  reason: string,
  tookMs: number,
): void {
  const what = 'serves again';
  actor.tell(eventNames.decision, { volume, what, generation, reason, tookMs: Math.round(tookMs) });
}
