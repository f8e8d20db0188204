/** Retries of I/Os that a coordinator knows (DESIGN I6): none is carried out twice. */
import { Status } from '../../protocols/codes.ts';
import { type Outcome, plainError } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { Generation } from '../../protocols/units.ts';
import type { Answers } from './answers.ts';
import { isRetry, type KnownIos } from './known-ios.ts';

/** What is to be asked for again a little later. */
export const busy: Outcome = { status: Status.busy, detail: { retryAfterMs: 20 } };

/** How a write ends that changes a part of a block which is bad on every mirror. */
export const unreadableEverywhere = plainError(
  Status.media,
  'a block of which it changes a part can be read on no mirror',
);

/** How a write ends whose bytes came here damaged. */
export const damagedOnArrival = plainError(
  Status.invalid,
  'the bytes that arrived do not match their checksums',
);

/**
 * It takes the place of the original, or gets the outcome that that one got. Attempts overtake each other on different
 * ways: one that comes after a later one of its I/O takes nothing, for its host waits for the answer to that one.
 */
export function joinRetry(
  known: KnownIos,
  request: Request,
  generation: Generation,
  answers: Answers,
): void {
  const { ioNumber, eventCount } = request;
  const original = known.openOf(ioNumber);
  if (known.hasFailed(ioNumber)) answers.end(request, unreadableEverywhere);
  else if (original === null) {
    const writeNumber = known.writeNumberOf(ioNumber);
    answers.acknowledge(request, { generation, eventCount, writeNumber });
  } else if (isRetry(original.request, request)) {
    if (request.attempt > original.request.attempt) original.join(request);
  } else answers.end(request, plainError(Status.invalid, 'another I/O has this number'));
}
