/**
 * A bus with faults in it, around any other one. Without a fault it changes nothing, and costs next to nothing.
 * Composed only where a topology or a test asks for it; neither bus nor actor knows of it.
 *
 * - `disconnected`: the connection is gone, as its owner and everybody else sees it.
 * - `link-down`: this end of the link neither sends nor hears; whoever sends to it is told that nobody listens, and so
 *   is the owner of this bus.
 * - `slow`: what is sent over the link, or all that is sent, waits. Who hears it can do nothing about that.
 * - `unheard`: what is sent to some actors is lost, and nobody is told.
 * - `deaf`: what some actors tell everybody is not heard. What they send to the owner of this bus alone, only their own
 *   buses can lose: a message does not say who has sent it.
 */
import type { ActorAddress, LinkId } from '../../protocols/ids.ts';
import type {
  Bus,
  BusState,
  Cancel,
  Clock,
  Log,
  PublishOutcome,
  Subscriber,
} from '../../protocols/ports.ts';
import {
  deadEndOf,
  isForEverybody,
  linkOf,
  receiverOf,
  senderOf,
} from '../../protocols/subjects.ts';
import { checkPublishSubject, checkSubscribeSubject } from '../bus-subject.ts';
import { DelayLine } from './delay-line.ts';

export type BusFault =
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'link-down'; readonly link: LinkId }
  /** `link` is null for all that is sent. */
  | { readonly kind: 'slow'; readonly link: LinkId | null; readonly delayMs: number }
  | { readonly kind: 'unheard'; readonly by: readonly ActorAddress[] }
  | { readonly kind: 'deaf'; readonly to: readonly ActorAddress[] };

interface Subscription {
  readonly subject: string;
  readonly subscriber: Subscriber;
  /** null while a fault keeps it closed. */
  cancel: Cancel | null;
}

const nothing = new Uint8Array();

export class FaultyBus implements Bus {
  readonly #inner: Bus;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subscriptions = new Set<Subscription>();
  /** By link; '' for what goes over none. */
  readonly #lines = new Map<LinkId | '', DelayLine>();
  #listeners: ((state: BusState) => void)[] = [];
  #faults: readonly BusFault[] = [];
  /** What `onState` told last. */
  #toldState: BusState;

  constructor(inner: Bus, clock: Clock, log: Log) {
    this.#inner = inner;
    this.#clock = clock;
    this.#log = log;
    this.#toldState = inner.state;
    inner.onState(() => this.#tellState());
  }

  get state(): BusState {
    const { state } = this.#inner;
    return state === 'connected' && this.#isDisconnected ? 'disconnected' : state;
  }

  get payloadBytesMax(): number {
    return this.#inner.payloadBytesMax;
  }

  /** Adds a fault; the result ends it, and nothing else. */
  inject(fault: BusFault): Cancel {
    const own = { ...fault };
    this.#change([...this.#faults, own]);
    return () => {
      if (this.#faults.includes(own)) this.#change(this.#faults.filter((each) => each !== own));
    };
  }

  publish(subject: string, data: Uint8Array, replySubject = ''): PublishOutcome {
    if (this.#faults.length === 0) return this.#inner.publish(subject, data, replySubject);
    checkPublishSubject(subject);
    if (replySubject !== '') checkPublishSubject(replySubject);
    if (this.state !== 'connected') return 'disconnected';
    if (data.length > this.payloadBytesMax) return 'too-large';
    const link = linkOf(subject);
    const delayMs = this.#delayMsOf(link);
    if (delayMs === 0) return this.#send(subject, data, replySubject);
    this.#lineOf(link).push({ subject, data, replySubject }, delayMs);
    return 'sent';
  }

  subscribe(subject: string, subscriber: Subscriber): Cancel {
    checkSubscribeSubject(subject);
    const hearing = isForEverybody(subject) ? this.#hearing(subscriber) : subscriber;
    const subscription: Subscription = { subject, subscriber: hearing, cancel: null };
    this.#subscriptions.add(subscription);
    this.#openOrClose(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.cancel?.();
      subscription.cancel = null;
    };
  }

  onState(listener: (state: BusState) => void): Cancel {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener);
    };
  }

  close(done: () => void): void {
    for (const line of this.#lines.values()) line.flush();
    this.#inner.close(done);
  }

  get #isDisconnected(): boolean {
    return this.#faults.some(({ kind }) => kind === 'disconnected');
  }

  #isDown(link: LinkId | ''): boolean {
    return this.#faults.some((fault) => fault.kind === 'link-down' && fault.link === link);
  }

  /** Of several, the longest. */
  #delayMsOf(link: LinkId | ''): number {
    const delays = this.#faults.map((fault) =>
      fault.kind === 'slow' && (fault.link ?? link) === link ? fault.delayMs : 0,
    );
    return Math.max(0, ...delays);
  }

  #lineOf(link: LinkId | ''): DelayLine {
    const known = this.#lines.get(link);
    if (known !== undefined) return known;
    const line = new DelayLine(this.#clock, ({ subject, data, replySubject }) =>
      this.#send(subject, data, replySubject),
    );
    this.#lines.set(link, line);
    return line;
  }

  /** What others tell everybody, but for those to whom a fault makes its owner deaf. */
  #hearing(subscriber: Subscriber): Subscriber {
    return {
      message: (data, subject, replySubject) => {
        if (!this.#isDeafTo(subject)) subscriber.message(data, subject, replySubject);
      },
      noResponders: (subject) => subscriber.noResponders?.(subject),
    };
  }

  #isDeafTo(subject: string): boolean {
    if (this.#faults.length === 0) return false;
    const sender = senderOf(subject)?.sender ?? null;
    return this.#faults.some((fault) => fault.kind === 'deaf' && isAmong(fault.to, sender));
  }

  #isUnheard(subject: string): boolean {
    const receiver = receiverOf(subject);
    return this.#faults.some((fault) => fault.kind === 'unheard' && isAmong(fault.by, receiver));
  }

  /** The frame of a link that is down goes where nobody listens: the fabric itself then says so, to this connection. */
  #send(subject: string, data: Uint8Array, replySubject: string): PublishOutcome {
    if (!this.#isDown(linkOf(subject)))
      return this.#isUnheard(subject) ? 'sent' : this.#inner.publish(subject, data, replySubject);
    if (replySubject !== '') this.#inner.publish(deadEndOf(subject), nothing, replySubject);
    return 'sent';
  }

  #change(faults: readonly BusFault[]): void {
    this.#faults = faults;
    for (const [link, line] of this.#lines) {
      if (this.#isDisconnected) line.clear();
      else if (this.#delayMsOf(link) === 0) line.flush();
    }
    for (const subscription of this.#subscriptions) this.#openOrClose(subscription);
    this.#tellState();
  }

  #openOrClose(subscription: Subscription): void {
    const { subject, subscriber } = subscription;
    if (this.#isDisconnected || this.#isDown(linkOf(subject))) {
      subscription.cancel?.();
      subscription.cancel = null;
    } else subscription.cancel ??= this.#inner.subscribe(subject, subscriber);
  }

  #tellState(): void {
    const { state } = this;
    if (state === this.#toldState) return;
    this.#toldState = state;
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#log.error({ state, error }, 'a listener to the bus state threw');
      }
    }
  }
}

function isAmong(actors: readonly ActorAddress[], actor: ActorAddress | null): boolean {
  return actors.some(({ kind, id }) => kind === actor?.kind && id === actor.id);
}
