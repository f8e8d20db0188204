/**
 * Frames to disks that this switch answers for: each is sent again until its disk answered, over another way when one
 * is silent, and at once when a link of it is dead. One timer sweeps them all, armed only while there are any. What an
 * answer means is the owner's to judge; disks do nothing twice, for write numbers order everything that is sent here.
 */
import { Status } from '../../protocols/codes.ts';
import { encodeForwarded, type FrameData } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, LinkId } from '../../protocols/ids.ts';
import type { Bus, Clock } from '../../protocols/ports.ts';
import { type IoNumber, unitOf } from '../../protocols/units.ts';
import { CallPlaces } from './call-places.ts';
import {
  encodeAnew,
  isAnswerTo,
  isHeld,
  isSentOver,
  type LegCall,
  type LegOwner,
  leadsOver,
  noFrame,
  none,
  type OpenCall,
  unusedCall,
} from './leg-call.ts';
import type { LinkEnd, SwitchLinks } from './switch-links.ts';
import type { SwitchPorts } from './switch-ports.ts';

export const sweepMs = 20;
/** Before a frame is sent again for the first time; then twice as long each time, up to the most. */
const firstPauseMs = 100;
const longestPauseMs = 1600;
export const legSilenceMs = 5000;

const firstPause = firstPauseMs / sweepMs;
const longestPause = longestPauseMs / sweepMs;
const silence = legSilenceMs / sweepMs;

export class LegCalls {
  retransmissions = 0;
  /** Answers to nothing that is open: late copies. */
  strayReplies = 0;
  /** Those that have answered nothing since a call to them was given up as silent. */
  readonly silentDisks = new Set<string>();
  readonly #clock: Clock;
  readonly #ports: SwitchPorts;
  readonly #links: SwitchLinks;
  readonly #places: CallPlaces;
  readonly #calls: OpenCall[] = [];
  readonly #free: number[] = [];
  #openCount = 0;
  #lastNumber = 0;
  #armed = false;
  readonly #onSweep = () => this.#sweep();

  constructor(
    ports: SwitchPorts,
    clock: Clock,
    links: SwitchLinks,
    replySubjectOf: (place: number) => string,
  ) {
    this.#ports = ports;
    this.#clock = clock;
    this.#links = links;
    this.#places = new CallPlaces(replySubjectOf);
    // A frame of a host may meet a dead link first: then it is taken by nobody else any more, so that no call finds out.
    links.onDead = (link) => this.#takeAllOff([link]);
  }

  get openCount(): number {
    return this.#openCount;
  }

  /**
   * A slot for a call, to be named in its request as the reply slot; `send` must follow. Its owner bounds how many
   * there are.
   */
  claim(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const slot = this.#calls.length;
    this.#places.add(slot);
    this.#calls.push(unusedCall(slot));
    return slot;
  }

  /** Sends a disk-addressed request from a claimed slot. `request` must not change until the release. */
  send(slot: number, owner: LegOwner, leg: number, request: Request, data: FrameData): void {
    const call = this.#callAt(slot);
    call.owner = owner;
    call.leg = leg;
    call.request = request;
    call.routes = this.#links.routesTo(request.disk as DiskId);
    call.route = this.#links.placeOfBest(request.disk as DiskId);
    call.deadLinks = none;
    call.sweepsLeft = firstPause;
    call.sweepsPause = 2 * firstPause;
    call.isSentAgain = false;
    call.sweepsSilent = 0;
    request.route = call.routes[call.route]?.slice(1) ?? [];
    call.frame = encodeForwarded(request, data);
    this.#openCount++;
    this.#publish(call);
    this.#arm();
  }

  /** Forgets a call; its slot may be used again at once. */
  release(call: LegCall): void {
    if (call.owner === null) return;
    // A late word of what was sent from here more than once is not about what is sent next.
    if (this.#callAt(call.slot).isSentAgain) this.#places.wayChanged(call.slot);
    call.owner = null;
    call.frame = noFrame;
    this.#openCount--;
    this.#free.push(call.slot);
  }

  /** A number for a request that is no host's I/O. */
  nextNumber(): IoNumber {
    this.#lastNumber++;
    return unitOf<IoNumber>(this.#lastNumber);
  }

  /** Forgets every call of an owner. */
  releaseOf(owner: LegOwner): void {
    for (const call of this.#calls) if (call.owner === owner) this.release(call);
  }

  /** Sends the call again after a while and not before: its disk is busy. */
  putOff(call: LegCall, delayMs: number): void {
    const open = this.#callAt(call.slot);
    open.sweepsLeft = Math.min(longestPause, Math.max(1, Math.ceil(delayMs / sweepMs)));
    open.sweepsSilent = 0;
    open.isUnheard = false;
  }

  /** Sends the call again only once it is put off; nobody is found silent by it meanwhile. */
  hold(call: LegCall): void {
    const open = this.#callAt(call.slot);
    open.sweepsLeft = Number.POSITIVE_INFINITY;
    open.sweepsSilent = Number.NEGATIVE_INFINITY;
    open.isUnheard = false;
  }

  /** A connection is lost: what is due over it is asked for by another one at once. */
  connectionLost(io: Bus): void {
    for (const call of this.#calls) {
      if (call.owner === null || isHeld(call) || this.#endOf(call)?.io !== io) continue;
      this.#nextRoute(call);
      if (this.#endOf(call)?.io !== io) this.#publish(call);
    }
  }

  /** A reply came to `place`. It counts only if it repeats the numbers of what was sent from there (DESIGN I6). */
  answered(place: number, reply: Reply, data: FrameData): void {
    const call = this.#calls[this.#places.slotOf(place)];
    const { outcome } = reply;
    if (call === undefined || call.owner === null || !isAnswerTo(call.request, reply))
      this.strayReplies++;
    else if (outcome.status !== Status.path) {
      this.silentDisks.delete(call.request.disk);
      call.owner.legAnswered(call, reply, data);
    } else if (outcome.detail.links.length > 0) this.#linksDied(call, outcome.detail.links);
  }

  /** Nobody listened where the frame that has to return to `place` was sent. */
  unanswered(place: number): void {
    const call = this.#calls[this.#places.slotOf(place)];
    const link = call?.routes[call.route]?.[0];
    if (call === undefined || call.owner === null || link === undefined) return;
    if (!this.#places.isCurrent(place)) return;
    this.#links.foundDead(link);
    this.#linksDied(call, [link]);
  }

  #callAt(slot: number): OpenCall {
    const call = this.#calls[slot];
    if (call === undefined) throw new RangeError(`no call ${slot}`);
    return call;
  }

  #publish(call: OpenCall): void {
    const link = call.routes[call.route]?.[0];
    const end = this.#endOf(call);
    call.isUnheard = true;
    if (link === undefined || end === undefined) return;
    end.io.publish(end.subject, call.frame, this.#places.subjectOf(call.slot));
    this.#links.onSent(link, call.frame.length);
  }

  #endOf(call: OpenCall): LinkEnd | undefined {
    const link = call.routes[call.route]?.[0];
    return link === undefined ? undefined : this.#links.endOf(link);
  }

  /**
   * Links died under a call. What else was sent over them is not waited for either: it was delivered to nobody, or to
   * who cannot answer, and nothing is done twice. Each word takes all calls off its links, so that the words for the
   * others find nothing more to do: however many calls there are, each is sent once by each way.
   */
  #linksDied(call: OpenCall, links: readonly LinkId[]): void {
    if (!isSentOver(call, links)) return;
    this.#takeOff(call, links);
    this.#takeAllOff(links);
  }

  #takeAllOff(links: readonly LinkId[]): void {
    for (const call of this.#calls)
      if (call.routes.length > 1 && isSentOver(call, links)) this.#takeOff(call, links);
  }

  /** A way over none of the links that are dead is tried at once; where there is none, there is a pause. */
  #takeOff(call: OpenCall, links: readonly LinkId[]): void {
    call.deadLinks = [...call.deadLinks, ...links];
    call.sweepsLeft = Math.max(call.sweepsLeft, firstPause);
    if (this.#nextRoute(call)) {
      this.#publish(call);
      return;
    }
    call.deadLinks = none;
    call.isUnheard = false;
  }

  /** @returns whether the next way is over none of the links that were found dead */
  #nextRoute(call: OpenCall): boolean {
    const { routes, deadLinks } = call;
    const next = this.#placeAfter(call);
    if (next === call.route) return false;
    const way = routes[next] ?? none;
    const rest = way.slice(1);
    const sameRest = rest.length === 0 && call.request.route.length === 0;
    call.route = next;
    this.#places.wayChanged(call.slot);
    if (!sameRest) {
      call.request.route = rest;
      encodeAnew(call);
    }
    return !leadsOver(way, deadLinks);
  }

  /** The next way that begins with a connection that works, and over no dead link, if there is one. */
  #placeAfter({ routes, route, deadLinks }: OpenCall): number {
    let working = -1;
    for (let step = 1; step < routes.length; step++) {
      const place = (route + step) % routes.length;
      const way = routes[place] ?? none;
      if (!this.#links.works(way)) continue;
      if (!leadsOver(way, deadLinks)) return place;
      if (working < 0) working = place;
    }
    return working < 0 ? (route + 1) % routes.length : working;
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#clock.setTimeout(this.#onSweep, sweepMs);
  }

  #sweep(): void {
    this.#armed = false;
    this.#ports.sweep();
    for (const call of this.#calls) {
      if (call.owner === null) continue;
      call.sweepsLeft--;
      if (call.sweepsLeft <= 0) this.#sendAgain(call);
      const end = this.#endOf(call);
      if (call.isUnheard && end !== undefined) this.#ports.awaits(end.io);
      call.sweepsSilent++;
      if (call.sweepsSilent !== silence) continue;
      this.silentDisks.add(call.request.disk);
      call.owner.legSilent(call);
    }
    if (this.#openCount > 0) this.#arm();
  }

  /**
   * By another way when nothing was heard of the last one. It tells the disk what the host has seen the end of
   * meanwhile: one that is short of room to remember this write may have it then.
   */
  #sendAgain(call: OpenCall): void {
    this.retransmissions++;
    call.isSentAgain = true;
    call.sweepsLeft = call.sweepsPause;
    call.sweepsPause = Math.min(longestPause, call.sweepsPause * 2);
    if (call.isUnheard) this.#nextRoute(call);
    call.deadLinks = none;
    const watermark = call.owner?.known?.watermark;
    if (watermark !== undefined && watermark > call.request.watermark) {
      call.request.watermark = watermark;
      encodeAnew(call);
    }
    this.#publish(call);
  }
}
