/** Tells everybody what was decided about a volume: for people, nothing depends on it. */
import type { EndedVolume, VolumeRecord } from '../../protocols/control-data.ts';
import { eventNames } from '../../protocols/events.ts';
import type { Actor } from '../actor.ts';

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
