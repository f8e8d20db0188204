/**
 * An HBA: a host's port to a fabric, with a connection of its own (DESIGN B1). Sends frames over its links, each with
 * a reply subject of this HBA, and hands on what comes back. Slots, re-issues and the choice of a path are the
 * driver's; when the HBA may be chosen is its machine's.
 */
import type { Actor as MachineActor } from 'xstate';
import { decodeFrame, type FrameData, FrameKind } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { ActorAddress, HbaId, LinkId } from '../../protocols/ids.ts';
import type { Bus, Cancel, PublishOutcome } from '../../protocols/ports.ts';
import { slotOf, subjectsOf } from '../../protocols/subjects.ts';
import type { Incarnation } from '../../protocols/units.ts';
import { Actor, type ActorPorts } from '../actor.ts';
import { Credits, creditBytesMax } from '../credits.ts';
import { runMachine, stateText } from '../running-machine.ts';
import { hbaMachine } from './hba-machine.ts';

/** One link of an HBA, and who is at its other end. */
export interface HbaLink {
  readonly link: LinkId;
  readonly receiver: ActorAddress;
}

export interface HbaOptions {
  readonly hba: HbaId;
  readonly links: readonly HbaLink[];
  /** Its own connection to the fabric. */
  readonly io: Bus;
  /** Bytes of payload, both ways, that may be under way at a time. */
  readonly creditBytesMax?: number;
}

/** Who gets what comes back. */
export interface HbaListener {
  /** A valid reply frame for one of the slots; whether it still counts is the listener's to judge. */
  replied(slot: number, reply: Reply, data: FrameData): void;
  /** Nobody listens where the frame of this slot was sent (DESIGN §4, 503). */
  unanswered(hba: Hba, slot: number): void;
  /** `hba.usable` changed. */
  hbaChanged(hba: Hba): void;
}

export interface HbaCounters {
  sentFrames: number;
  sentBytes: number;
  receivedFrames: number;
  receivedBytes: number;
  unanswered: number;
  /** Received, and not a reply frame. */
  invalidFrames: number;
  /** Could not be sent: no connection, or too large. */
  unsent: number;
}

export class Hba {
  readonly id: HbaId;
  readonly links: readonly HbaLink[];
  readonly credits: Credits;
  readonly counters: HbaCounters = {
    sentFrames: 0,
    sentBytes: 0,
    receivedFrames: 0,
    receivedBytes: 0,
    unanswered: 0,
    invalidFrames: 0,
    unsent: 0,
  };
  readonly #io: Bus;
  readonly #listener: HbaListener;
  readonly #actor: Actor;
  readonly #machine: MachineActor<typeof hbaMachine>;
  /** By link, in the order of `links`. */
  readonly #subjects: readonly string[];
  readonly #replySubjects: string[] = [];
  readonly #address: ActorAddress;
  readonly #ports: ActorPorts;
  readonly #cancels: Cancel[] = [];
  #usable = false;

  constructor(
    options: HbaOptions,
    incarnation: Incarnation,
    ports: ActorPorts,
    listener: HbaListener,
  ) {
    this.id = options.hba;
    this.links = options.links;
    // Nobody waits at the HBA itself: what finds no credit waits in the driver's queue.
    this.credits = new Credits(options.creditBytesMax ?? creditBytesMax);
    this.#io = options.io;
    this.#ports = ports;
    this.#listener = listener;
    this.#address = { kind: 'hba', id: options.hba };
    const subjects = subjectsOf(ports.cluster);
    this.#subjects = options.links.map(({ link, receiver }) => subjects.io(receiver, link));
    this.#actor = new Actor(this.#address, incarnation, ports, () => ({
      state: this.state,
      facts: this.facts(),
    }));
    this.#machine = runMachine({
      machine: hbaMachine.provide({
        actions: { publishUsable: (_, { usable }) => this.#publishUsable(usable) },
      }),
      name: `hba:${this.id}`,
      input: { linksMax: Math.max(1, options.links.length) },
      actor: this.#actor,
      clock: ports.clock,
      log: ports.log,
      onFailure: () => this.#publishUsable(false),
    });
  }

  /** True while frames can be sent; changes are told to the listener. */
  get usable(): boolean {
    return this.#usable;
  }

  /** Its place on the command network, to look at it. */
  get actor(): Actor {
    return this.#actor;
  }

  /** The state of its machine, for reports. */
  get state(): string {
    return stateText(this.#machine.getSnapshot().value);
  }

  /** Its machine, to look at it. */
  get machine(): MachineActor<typeof hbaMachine> {
    return this.#machine;
  }

  /** The largest frame that its connection carries. */
  get payloadBytesMax(): number {
    return this.#io.payloadBytesMax;
  }

  start(): void {
    const subjects = subjectsOf(this.#ports.cluster);
    this.#actor.start();
    this.#cancels.push(
      this.#io.subscribe(subjects.replies(this.#address), {
        message: (data, subject) => this.#received(data, subject),
        noResponders: (subject) => this.#unanswered(subject),
      }),
      this.#io.onState((state) => this.#machine.send({ type: `bus.${state}` })),
    );
    this.#machine.send({ type: `bus.${this.#io.state}` });
  }

  /** Ends; the connection is its owner's to close. */
  stop(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#machine.send({ type: 'bus.closed' });
    this.#machine.stop();
    this.#actor.stop();
  }

  /** The place of `link` among this HBA's links; -1 when it is not one of them. */
  linkIndex(link: LinkId): number {
    return this.links.findIndex((each) => each.link === link);
  }

  /** Sends a frame over a link; what comes back for `slot` goes to the listener. `frame` must not change. */
  send(linkIndex: number, frame: Uint8Array, slot: number): PublishOutcome {
    const subject = this.#subjects[linkIndex];
    if (subject === undefined) throw new RangeError(`hba ${this.id} has no link ${linkIndex}`);
    const outcome = this.#io.publish(subject, frame, this.#replySubject(slot));
    if (outcome === 'sent') {
      this.counters.sentFrames++;
      this.counters.sentBytes += frame.length;
    } else this.counters.unsent++;
    return outcome;
  }

  /** For reports: whether the last that was heard of a link was good. */
  linkChanged(link: LinkId, restored: boolean): void {
    if (this.linkIndex(link) !== -1)
      this.#machine.send({ type: restored ? 'link.restored' : 'link.failed', link });
  }

  /** What it presents of itself. */
  facts(): Record<string, unknown> {
    const { linksDown } = this.#machine.getSnapshot().context;
    const links = this.links.map(({ link, receiver }) => ({
      link,
      receiver,
      state: linksDown.includes(link) ? 'down' : 'up',
    }));
    const underWay = { creditBytes: this.credits.takenBytes };
    return { links, underWay, counters: { ...this.counters } };
  }

  #publishUsable(usable: boolean): void {
    if (this.#usable === usable) return;
    this.#usable = usable;
    this.#listener.hbaChanged(this);
  }

  #received(data: Uint8Array, subject: string): void {
    const frame = decodeFrame(data);
    if (frame === null || frame.kind !== FrameKind.reply) {
      this.counters.invalidFrames++;
      return;
    }
    this.counters.receivedFrames++;
    this.counters.receivedBytes += data.length;
    this.#listener.replied(slotOf(subject), frame.reply, frame.data);
  }

  #unanswered(subject: string): void {
    this.counters.unanswered++;
    this.#listener.unanswered(this, slotOf(subject));
  }

  #replySubject(slot: number): string {
    const known = this.#replySubjects[slot];
    if (known !== undefined) return known;
    const subject = subjectsOf(this.#ports.cluster).reply(this.#address, slot);
    this.#replySubjects[slot] = subject;
    return subject;
  }
}
