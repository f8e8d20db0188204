/**
 * Frames to disks that this switch answers for: each is sent again until its disk answered, over another way when one
 * is silent or dead. One timer sweeps them all, armed only while there are any. What an answer means is the owner's
 * to judge; disks do nothing twice, for write numbers order everything that is sent here.
 */
import { Status } from '../../protocols/codes.ts';
import {
  decodeFrame,
  encodeForwarded,
  type FrameData,
  FrameKind,
} from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, LinkId } from '../../protocols/ids.ts';
import type { Bus, Clock } from '../../protocols/ports.ts';
import { type IoNumber, unitOf } from '../../protocols/units.ts';
import type { LinkEnd, SwitchLinks } from './switch-links.ts';
import type { SwitchPorts } from './switch-ports.ts';

/** Who sent a frame and waits for the answer. */
export interface LegOwner {
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

interface OpenCall extends LegCall {
  routes: readonly (readonly LinkId[])[];
  route: number;
  /** Ways found dead since the last pause. */
  deadRoutes: number;
  sweepsLeft: number;
  sweepsPause: number;
  sweepsSilent: number;
  /** Nothing was heard of what was sent last, not even that nobody listens. */
  isUnheard: boolean;
}

export const sweepMs = 20;
/** Before a frame is sent again for the first time; then twice as long each time, up to the most. */
const firstPauseMs = 100;
const longestPauseMs = 1600;
export const legSilenceMs = 5000;

const firstPause = firstPauseMs / sweepMs;
const longestPause = longestPauseMs / sweepMs;
const silence = legSilenceMs / sweepMs;
const noFrame = new Uint8Array(0);

export class LegCalls {
  retransmissions = 0;
  /** Answers to nothing that is open: late copies. */
  strayReplies = 0;
  readonly #clock: Clock;
  readonly #ports: SwitchPorts;
  readonly #links: SwitchLinks;
  readonly #replySubjectOf: (slot: number) => string;
  readonly #calls: OpenCall[] = [];
  readonly #replySubjects: string[] = [];
  readonly #free: number[] = [];
  #openCount = 0;
  #lastNumber = 0;
  #armed = false;
  readonly #onSweep = () => this.#sweep();

  constructor(
    ports: SwitchPorts,
    clock: Clock,
    links: SwitchLinks,
    replySubjectOf: (slot: number) => string,
  ) {
    this.#ports = ports;
    this.#clock = clock;
    this.#links = links;
    this.#replySubjectOf = replySubjectOf;
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
    this.#replySubjects.push(this.#replySubjectOf(slot));
    this.#calls.push({
      slot,
      owner: null,
      leg: 0,
      request: undefined as unknown as Request,
      frame: noFrame,
      routes: [],
      route: 0,
      deadRoutes: 0,
      sweepsLeft: 0,
      sweepsPause: 0,
      sweepsSilent: 0,
      isUnheard: false,
    });
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
    call.deadRoutes = 0;
    call.sweepsLeft = firstPause;
    call.sweepsPause = firstPause;
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

  /** A connection is lost: what is due over it is asked for by another one at once. */
  connectionLost(io: Bus): void {
    for (const call of this.#calls) {
      if (call.owner === null || this.#endOf(call)?.io !== io) continue;
      this.#nextRoute(call);
      if (this.#endOf(call)?.io !== io) this.#publish(call);
    }
  }

  /** A reply came for `slot`. It counts only if it repeats the numbers of what was sent from there (DESIGN I6). */
  answered(slot: number, reply: Reply, data: FrameData): void {
    const call = this.#calls[slot];
    if (call === undefined || call.owner === null || !answers(reply, call.request))
      this.strayReplies++;
    else if (reply.outcome.status === Status.path) this.#routeDied(call);
    else call.owner.legAnswered(call, reply, data);
  }

  /** Nobody listened where the frame of `slot` was sent. */
  unanswered(slot: number): void {
    const call = this.#calls[slot];
    if (call !== undefined && call.owner !== null) this.#routeDied(call);
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
    end.io.publish(end.subject, call.frame, this.#replySubjects[call.slot]);
    this.#links.onSent(link, call.frame.length);
  }

  #endOf(call: OpenCall): LinkEnd | undefined {
    const link = call.routes[call.route]?.[0];
    return link === undefined ? undefined : this.#links.endOf(link);
  }

  /** The way is dead: the next one is tried soon, but after all of them were there is a pause. */
  #routeDied(call: OpenCall): void {
    this.#nextRoute(call);
    call.isUnheard = false;
    call.deadRoutes++;
    if (call.deadRoutes < call.routes.length) call.sweepsLeft = 1;
    else {
      call.deadRoutes = 0;
      this.#pause(call);
    }
  }

  #pause(call: OpenCall): void {
    call.sweepsLeft = call.sweepsPause;
    call.sweepsPause = Math.min(longestPause, call.sweepsPause * 2);
  }

  #nextRoute(call: OpenCall): void {
    const { routes } = call;
    if (routes.length < 2) return;
    const next = this.#placeAfter(call);
    const rest = routes[next]?.slice(1) ?? [];
    const sameRest = rest.length === 0 && call.request.route.length === 0;
    call.route = next;
    if (sameRest) return;
    call.request.route = rest;
    const sent = decodeFrame(call.frame);
    if (sent?.kind === FrameKind.request) call.frame = encodeForwarded(call.request, sent.data);
  }

  /** The next way that begins with a connection that works, if there is one. */
  #placeAfter({ routes, route }: OpenCall): number {
    for (let step = 1; step < routes.length; step++) {
      const place = (route + step) % routes.length;
      if (this.#links.works(routes[place] ?? [])) return place;
    }
    return (route + 1) % routes.length;
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
      if (call.sweepsSilent === silence) call.owner.legSilent(call);
    }
    if (this.#openCount > 0) this.#arm();
  }

  /** By another way when nothing was heard of the last one. */
  #sendAgain(call: OpenCall): void {
    this.retransmissions++;
    this.#pause(call);
    if (call.isUnheard) this.#nextRoute(call);
    this.#publish(call);
  }
}

function answers(reply: Reply, request: Request): boolean {
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
