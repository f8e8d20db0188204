/**
 * Sends frames on over one link. Remembers the latest of them, so that when the bus says that nobody listens at the
 * other end, the one who waits for the reply learns which link failed, and so that errors of disks find their way back
 * through the switch that can say what to do about them (DESIGN §4). Which link to take is decided by the caller;
 * nothing is sent again from here.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import { encodeForwarded, encodeReply, type FrameData } from '../../protocols/frames/frame.ts';
import { type Outcome, plainError, type Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Subjects } from '../../protocols/subjects.ts';
import type { Answers } from './answers.ts';
import type { SwitchLinks } from './switch-links.ts';

/** So many are remembered. "Nobody listens" comes back within milliseconds. */
export const recentForwardsMax = 1024;

/**
 * Who sent a request to this switch: the reply subject of the hop before, '' when it gave none. Null when this switch
 * itself found the disk for it: then it is the one that turns errors of that disk into special error codes.
 */
export type Hop = string | null;

interface RecentForward {
  readonly request: Request;
  readonly link: LinkId;
  /** The connection that it went out over, and had come over. */
  readonly io: Bus;
  readonly hop: Hop;
}

export interface ForwardingParts {
  readonly links: SwitchLinks;
  readonly answers: Answers;
  readonly subjects: Subjects;
  /** One for each remembered forward: where errors come back, and the bus says that nobody listens. */
  readonly replySubjects: readonly string[];
  /** What a host is told of a read that its disk could not carry out. */
  readonly mirrorOutcome: (request: Request, failed: Outcome) => Outcome;
}

export class Forwarding {
  forwarded = 0;
  /** Forwards that found nobody at the other end of their link. */
  deadLinks = 0;
  /** Errors that came back for a forward which is not remembered any more: they go on as they are. */
  forgottenErrors = 0;
  readonly #parts: ForwardingParts;
  readonly #recent: (RecentForward | null)[];
  #next = 0;

  constructor(parts: ForwardingParts) {
    this.#parts = parts;
    this.#recent = parts.replySubjects.map(() => null);
  }

  /** Sends a request on over the links of `route`, of which the first is one of this switch. Takes the request. */
  forward(request: Request, data: FrameData, route: readonly LinkId[], hop: Hop = ''): void {
    const { links, answers, replySubjects } = this.#parts;
    const [link] = route;
    const end = link === undefined ? undefined : links.endOf(link);
    if (link === undefined || end === undefined) {
      const what = link === undefined ? 'no way on from here' : `this switch has no link ${link}`;
      answers.end(request, plainError(Status.invalid, what));
      return;
    }
    request.route = route.slice(1);
    const place = this.#next;
    this.#next = (place + 1) % this.#recent.length;
    const { io, subject } = end;
    this.#recent[place] = { request, link, io, hop };
    const frame = encodeForwarded(request, data);
    const outcome = io.publish(subject, frame, replySubjects[place]);
    if (outcome === 'sent') {
      this.forwarded++;
      links.onSent(link, frame.length);
    } else if (outcome === 'too-large') {
      this.#recent[place] = null;
      answers.end(request, plainError(Status.invalid, 'the frame is too large for the bus'), io);
    } else this.unanswered(place);
  }

  /** Sends a request to its disk: by the rest of its own route, else by the best way known here. */
  forwardToDisk(request: Request, data: FrameData, hop: Hop): void {
    const { route, disk } = request;
    const { links } = this.#parts;
    if (disk !== '') links.learn(request, disk);
    if (route.length > 0 || disk === '') {
      this.forward(request, data, route, hop);
      return;
    }
    const chosen = links.bestTo(disk, request);
    if (chosen === undefined && this.#endsAtDeadLinks(request, disk)) return;
    this.forward(request, data, chosen ?? route, hop);
  }

  /** There are ways to the disk, and no connection over which one begins works. False where there are none. */
  #endsAtDeadLinks(request: Request, disk: DiskId): boolean {
    const ways = this.#parts.links.routesTo(disk);
    if (ways.length === 0) return false;
    const links = [...new Set(ways.flatMap(([first]) => first ?? []))];
    this.#parts.answers.end(request, { status: Status.path, detail: { links, alternates: [] } });
    return true;
  }

  /** The way to another switch, for what does not say how it goes on; undefined when hosts must say it. */
  routeTo(coordinator: SwitchId, request: Request): readonly LinkId[] | undefined {
    return this.#parts.links.routeTo(coordinator, request);
  }

  /** Takes note of the way that a host says it prefers. */
  learn(request: Request, coordinator: SwitchId): void {
    this.#parts.links.learn(request, coordinator);
  }

  /** Nobody listened where the forward in `place` went. */
  unanswered(place: number): void {
    const recent = this.#recent[place];
    if (recent === null || recent === undefined) return;
    this.#recent[place] = null;
    this.deadLinks++;
    const { request, link, io } = recent;
    const { links, answers } = this.#parts;
    links.foundDead(link);
    const alternates = request.disk === '' ? [] : links.alternatesTo(request.disk, link);
    const outcome = { status: Status.path, detail: { links: [link], alternates } } as const;
    answers.end(request, outcome, recent.hop === null ? undefined : io);
  }

  /**
   * An error came back for the forward in `place`: it goes to the hop before, or, from here where the disk was found,
   * to the host. Nothing is lost when the forward is not remembered: the error goes to its host as it is.
   *
   * @param finalSubject what the hop behind says about where that is
   */
  returned(place: number, reply: Reply, finalSubject: string): void {
    const { answers, mirrorOutcome, subjects } = this.#parts;
    const recent = this.#recent[place];
    if (recent === null || recent === undefined || !isReplyTo(recent.request, reply)) {
      this.forgottenErrors++;
      answers.relayTo(finalSubject, encodeReply(reply));
      return;
    }
    const { request, hop, io } = recent;
    if (hop === null) {
      const isUnread = reply.outcome.status === Status.media && readsMirror(request.operation);
      const outcome = isUnread ? mirrorOutcome(request, reply.outcome) : reply.outcome;
      answers.pass(request, { ...reply, outcome });
    } else if (hop !== '' && subjects.isReply(hop)) {
      const { replyKind: kind, replyId: id, replySlot } = request;
      const final = subjects.reply({ kind, id }, replySlot);
      io.publish(hop, encodeReply(reply), hop === final ? undefined : final);
    } else answers.pass(request, reply, io);
  }
}

function isReplyTo(request: Request, reply: Reply): boolean {
  return (
    reply.ioNumber === request.ioNumber &&
    reply.attempt === request.attempt &&
    reply.hostIncarnation === request.hostIncarnation &&
    reply.host === request.host &&
    reply.operation === request.operation &&
    reply.volume === request.volume &&
    reply.offset === request.offset
  );
}

/** Only what a disk could not read is a mirror's trouble; whatever else it refuses is told as it is. */
function readsMirror(operation: Operation): boolean {
  return operation === Operation.read || operation === Operation.allocation;
}
