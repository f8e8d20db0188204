/**
 * Sends frames on over one link. Remembers the latest of them, so that when the bus says that nobody listens at the
 * other end, the one who waits for the reply learns which link failed (DESIGN §4). Which link to take is decided by
 * the caller; nothing is sent again from here.
 */
import { Status } from '../../protocols/codes.ts';
import { encodeForwarded, type FrameData } from '../../protocols/frames/frame.ts';
import { plainError } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { LinkId, SwitchId } from '../../protocols/ids.ts';
import type { Bus } from '../../protocols/ports.ts';
import type { Answers } from './answers.ts';
import type { SwitchLinks } from './switch-links.ts';

/** So many are remembered. "Nobody listens" comes back within milliseconds. */
export const recentForwardsMax = 1024;

interface RecentForward {
  readonly request: Request;
  readonly link: LinkId;
}

export class Forwarding {
  forwarded = 0;
  /** Forwards that found nobody at the other end of their link. */
  deadLinks = 0;
  readonly #io: Bus;
  readonly #links: SwitchLinks;
  readonly #answers: Answers;
  readonly #replySubjects: readonly string[];
  readonly #recent: (RecentForward | null)[];
  #next = 0;

  /** @param replySubjects one for each remembered forward: where the bus says that nobody listens. */
  constructor(io: Bus, links: SwitchLinks, answers: Answers, replySubjects: readonly string[]) {
    this.#io = io;
    this.#links = links;
    this.#answers = answers;
    this.#replySubjects = replySubjects;
    this.#recent = replySubjects.map(() => null);
  }

  /** Sends a request on over the links of `route`, of which the first is one of this switch. Takes the request. */
  forward(request: Request, data: FrameData, route: readonly LinkId[]): void {
    const [link] = route;
    const subject = link === undefined ? undefined : this.#links.subjectOf(link);
    if (link === undefined || subject === undefined) {
      const what = link === undefined ? 'no way on from here' : `this switch has no link ${link}`;
      this.#answers.end(request, plainError(Status.invalid, what));
      return;
    }
    request.route = route.slice(1);
    const place = this.#next;
    this.#next = (place + 1) % this.#recent.length;
    this.#recent[place] = { request, link };
    const frame = encodeForwarded(request, data);
    const outcome = this.#io.publish(subject, frame, this.#replySubjects[place]);
    if (outcome === 'sent') {
      this.forwarded++;
      this.#links.onSent(link, frame.length);
    } else if (outcome === 'too-large') {
      this.#recent[place] = null;
      this.#answers.end(request, plainError(Status.invalid, 'the frame is too large for the bus'));
    }
  }

  /** Sends a request to its disk: by the rest of its own route, else by the best way known here. */
  forwardToDisk(request: Request, data: FrameData): void {
    const { route, disk } = request;
    if (disk !== '') this.#links.learn(request, disk);
    const chosen = route.length > 0 || disk === '' ? route : this.#links.bestTo(disk, request.host);
    this.forward(request, data, chosen ?? route);
  }

  /** The way to another switch, for what does not say how it goes on; undefined when hosts must say it. */
  routeTo(coordinator: SwitchId, request: Request): readonly LinkId[] | undefined {
    return this.#links.routeTo(coordinator, request.host);
  }

  /** Takes note of the way that a host says it prefers. */
  learn(request: Request, coordinator: SwitchId): void {
    this.#links.learn(request, coordinator);
  }

  /** Nobody listened where the forward in `place` went. */
  unanswered(place: number): void {
    const recent = this.#recent[place];
    if (recent === null || recent === undefined) return;
    this.#recent[place] = null;
    this.deadLinks++;
    const { request, link } = recent;
    this.#links.foundDead(link);
    const alternates = request.disk === '' ? [] : this.#links.alternatesTo(request.disk, link);
    this.#answers.end(request, { status: Status.path, detail: { links: [link], alternates } });
  }
}
