/**
 * Any message of the cluster as one line: frames of the data plane by `protocols/frames/frame-text`, JSON of the other
 * planes as it is, anything else by why it is neither.
 */
import { decodeJson } from '../actors/json.ts';
import { decodeFrame } from '../protocols/frames/frame.ts';
import { frameProblem } from '../protocols/frames/frame-problem.ts';
import { frameJson, frameText } from '../protocols/frames/frame-text.ts';
import { placeOf } from '../protocols/subjects.ts';
import { oneLine } from './one-line.ts';

const subjectWidth = 32;
/** Of something that is neither frame nor JSON. */
const shownBytesMax = 16;

/** What a message holds, for people; one line. */
export function bodyText(data: Uint8Array): string {
  const frame = decodeFrame(data);
  if (frame !== null) return oneLine(frameText(frame));
  const json = decodeJson(data);
  if (json !== undefined) return oneLine(JSON.stringify(json));
  return `no frame and no JSON: ${frameProblem(data)}${beginningOf(data)}`;
}

/** What a message holds, for programs: `{ frame, … }`, `{ json }` or `{ problem, lengthBytes }`. */
export function bodyJson(data: Uint8Array): Readonly<Record<string, unknown>> {
  const frame = decodeFrame(data);
  if (frame !== null) return frameJson(frame);
  const json = decodeJson(data);
  if (json !== undefined) return { json };
  return { problem: frameProblem(data), lengthBytes: data.length };
}

/** Where a message went, short: `io  switch s1 over h1-a-s1`; the subject itself where it is not of the data plane. */
export function subjectText(subject: string): string {
  const place = placeOf(subject);
  if (place === null) return oneLine(subject).padEnd(subjectWidth);
  const { plane, receiver, what } = place;
  const over = plane === 'io' ? 'over' : 'slot';
  return `${plane.padEnd(3)} ${receiver.kind} ${receiver.id} ${over} ${what}`.padEnd(subjectWidth);
}

function beginningOf(data: Uint8Array): string {
  if (data.length === 0) return '';
  const shown = Buffer.from(data.subarray(0, shownBytesMax)).toString('hex');
  return ` (${data.length} bytes, ${shown}${data.length > shownBytesMax ? '…' : ''})`;
}
