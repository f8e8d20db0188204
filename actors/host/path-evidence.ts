/** What replies show of the ways that requests took, whatever they mean for the requests. */
import { Status } from '../../protocols/codes.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { Paths } from './paths.ts';
import type { RouteEntry } from './route-table.ts';
import type { Slot } from './slots.ts';

/** Takes note of the reply to what was sent last for a slot, over that route. */
export function noteEvidence(
  paths: Paths,
  slot: Slot,
  route: RouteEntry,
  { disk, outcome }: Reply,
  nowMs: number,
): void {
  // A switch that answers for a disk, from its cache or because it refuses, shows that no link behind it works.
  const isOnTheWay = disk === '' && route.target.kind === 'disk';
  if (isOnTheWay || outcome.status === Status.path)
    paths.answeredByFirst(route, slot.sentAtMs, nowMs);
  else {
    paths.answered(route, slot.sentAtMs, nowMs);
    if (slot.io !== null && outcome.status === Status.ok)
      paths.ioDone(route, nowMs - takenUpAtMs(slot, slot.io), nowMs);
  }
}

/** Takes note of a reply that does not count any more: the way of the attempt before is slow, not silent. */
export function noteLateEvidence(
  paths: Paths,
  slot: Slot,
  { disk, outcome }: Reply,
  nowMs: number,
): void {
  const { earlierRoute: route, earlierSentAtMs, io } = slot;
  if (route === null || io === null || outcome.status !== Status.ok) return;
  if (disk === '' && route.target.kind === 'disk') return;
  paths.answered(route, earlierSentAtMs, nowMs);
  paths.ioDone(route, nowMs - Math.min(earlierSentAtMs, takenUpAtMs(slot, io)), nowMs);
}

/** A coordinator that is asked for the same write again still works on what was asked first. */
function takenUpAtMs({ sentAtMs, unansweredSinceMs }: Slot, { isWrite }: ConsumerIo): number {
  return isWrite ? unansweredSinceMs : sentAtMs;
}
