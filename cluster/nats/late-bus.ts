/**
 * A connection that may come about later: `disconnected` until it does. So a process whose fabric is lost starts on the
 * others, and joins that one when it is there again.
 */
import type { Bus, BusState, Cancel, PublishOutcome, Subscriber } from '../../protocols/ports.ts';
import { checkPublishSubject, checkSubscribeSubject } from '../bus-subject.ts';

interface Subscription {
  readonly subject: string;
  readonly subscriber: Subscriber;
  /** Null until there is a connection. */
  cancel: Cancel | null;
}

/** Until a connection has told its own. */
const payloadBytesMaxDefault = 1024 * 1024;

export class LateBus implements Bus {
  readonly #subscriptions = new Set<Subscription>();
  #listeners: ((state: BusState) => void)[] = [];
  #bus: Bus | null = null;
  #isClosed = false;

  /** @param failed told when it never will come about */
  constructor(connecting: Promise<Bus>, failed: (error: unknown) => void) {
    connecting.then((bus) => this.#connected(bus), failed);
  }

  get state(): BusState {
    if (this.#isClosed) return 'closed';
    return this.#bus?.state ?? 'disconnected';
  }

  get payloadBytesMax(): number {
    return this.#bus?.payloadBytesMax ?? payloadBytesMaxDefault;
  }

  publish(subject: string, data: Uint8Array, replySubject?: string): PublishOutcome {
    if (this.#bus !== null) return this.#bus.publish(subject, data, replySubject);
    checkPublishSubject(subject);
    return 'disconnected';
  }

  subscribe(subject: string, subscriber: Subscriber): Cancel {
    if (this.#bus !== null) return this.#bus.subscribe(subject, subscriber);
    checkSubscribeSubject(subject);
    const subscription: Subscription = { subject, subscriber, cancel: null };
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.cancel?.();
    };
  }

  onState(listener: (state: BusState) => void): Cancel {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener);
    };
  }

  close(done: () => void): void {
    this.#isClosed = true;
    if (this.#bus !== null) this.#bus.close(done);
    else setImmediate(done);
  }

  #connected(bus: Bus): void {
    if (this.#isClosed) {
      bus.close(() => {});
      return;
    }
    this.#bus = bus;
    for (const subscription of this.#subscriptions)
      subscription.cancel = bus.subscribe(subscription.subject, subscription.subscriber);
    this.#subscriptions.clear();
    bus.onState((state) => this.#tell(state));
    this.#tell(bus.state);
  }

  #tell(state: BusState): void {
    for (const listener of this.#listeners) listener(state);
  }
}
