/** What actors tell of mirrors that were never bad: whoever says so, or has left them unequal, is wrong. */
import { decodeJson } from '../../actors/json.ts';
import { eventNames, mirrorRetrySchema, repairSchema } from '../../protocols/events.ts';
import type { World } from './world.ts';

/** Why an event must not have been told, as a sentence; null when nothing is wrong with it. */
export function accusationIn(
  world: Pick<World, 'damage' | 'database' | 'membership' | 'clock'>,
  subject: string,
  data: Uint8Array,
): string | null {
  const { damage, database, clock } = world;
  if (subject.endsWith(`.${eventNames.mirrorRetry}`)) {
    const told = mirrorRetrySchema.safeParse(decodeJson(data)).data;
    return told === undefined ? null : damage.accusationProblem(told, database);
  }
  if (!subject.endsWith(`.${eventNames.repair}`)) return null;
  const told = repairSchema.safeParse(decodeJson(data)).data;
  return told === undefined ? null : damage.repairProblem(told, world, clock.now());
}
