/** A frame to a disk that waits for its answer: what its owner sees of it, and what who keeps it knows besides. */
import { Status } from '../../protocols/codes.ts';
import {
  decodeFrame,
  encodeForwarded,
  type FrameData,
  FrameKind,
} from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { LinkId } from '../../protocols/ids.ts';
import type { KnownIos } from './known-ios.ts';

/** Who sent a frame and waits for the answer. */
export interface LegOwner {
  /** What is remembered of the host whose I/O it is; nothing where it is none's. */
  readonly known?: Pick<KnownIos, 'watermark'> | null;
  /** The disk answered, with anything but `path`. The call stays open until it is released or put off. */
  legAnswered(call: LegCall, reply: Reply, data: FrameData): void;
  /** No answer for `legSilenceMs`; told once. It is still being sent again. */
  legSilent(call: LegCall): void;
}

/** A frame that waits for its answer. Slots are used again, so keep none after its release. */
export interface LegCall {
  readonly slot: number;
  owner: LegOwner | null;
  /** The owner's number for it. */
  leg: number;
  /** What was sent; its numbers are what the answer must repeat. */
  request: Request;
  frame: Uint8Array;
}

/** A call as who keeps it knows it. */
export interface OpenCall extends LegCall {
  routes: readonly (readonly LinkId[])[];
  route: number;
  /** Links found dead under it since the last pause. */
  deadLinks: readonly LinkId[];
  sweepsLeft: number;
  sweepsPause: number;
  sweepsSilent: number;
  /** Nothing was heard of what was sent last, not even that nobody listens. */
  isUnheard: boolean;
  /** More than once: words about earlier ones may still come. */
  isSentAgain: boolean;
}

export const noFrame = new Uint8Array(0);
export const none: readonly LinkId[] = [];

/** What a slot holds while nothing is sent from it. */
export function unusedCall(slot: number): OpenCall {
  return {
    slot,
    owner: null,
    leg: 0,
    request: undefined as unknown as Request,
    frame: noFrame,
    routes: [],
    route: 0,
    deadLinks: none,
    sweepsLeft: 0,
    sweepsPause: 0,
    sweepsSilent: 0,
    isUnheard: false,
    isSentAgain: false,
  };
}

/** The request of a call has changed; what it carries has not. */
export function encodeAnew(call: OpenCall): void {
  const sent = decodeFrame(call.frame);
  if (sent?.kind === FrameKind.request) call.frame = encodeForwarded(call.request, sent.data);
}

/** True while a call is not to be sent again by itself. */
export function isHeld({ sweepsLeft }: OpenCall): boolean {
  return sweepsLeft === Number.POSITIVE_INFINITY;
}

/** True when a call waits for an answer by a way over any of the links. */
export function isSentOver(
  { owner, isUnheard, routes, route }: OpenCall,
  links: readonly LinkId[],
): boolean {
  return owner !== null && isUnheard && leadsOver(routes[route] ?? none, links);
}

export function leadsOver(way: readonly LinkId[], links: readonly LinkId[]): boolean {
  return way.some((link) => links.includes(link));
}

/** True when a reply repeats the numbers of what was sent. */
export function isAnswerTo(request: Request, reply: Reply): boolean {
  return (
    reply.ioNumber === request.ioNumber &&
    reply.writeNumber === request.writeNumber &&
    reply.partitionEpoch === request.partitionEpoch &&
    reply.hostIncarnation === request.hostIncarnation &&
    reply.attempt === request.attempt &&
    reply.operation === request.operation &&
    reply.volume === request.volume &&
    reply.offset === request.offset &&
    reply.host === request.host &&
    (reply.disk === request.disk || reply.outcome.status === Status.path)
  );
}
