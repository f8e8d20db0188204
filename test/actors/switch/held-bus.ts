/** A bus whose messages wait until the test delivers them. */
import type { Bus, BusState, Subscriber } from '../../../protocols/ports.ts';

/** What was published and not delivered yet. */
export interface Sent {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly replySubject: string;
}

/** A bus in the hand of the test. */
export class HeldBus implements Bus {
  state: BusState = 'connected';
  readonly payloadBytesMax = 1024 * 1024;
  sent: Sent[] = [];
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #listeners: ((state: BusState) => void)[] = [];

  publish(subject: string, data: Uint8Array, replySubject = '') {
    if (this.state !== 'connected') return 'disconnected' as const;
    this.sent.push({ subject, data: data.slice(), replySubject });
    return 'sent' as const;
  }

  subscribe(subject: string, subscriber: Subscriber) {
    this.#subscribers.set(subject, subscriber);
    return () => void this.#subscribers.delete(subject);
  }

  onState(listener: (state: BusState) => void) {
    this.#listeners.push(listener);
    return () => {};
  }

  close(done: () => void) {
    done();
  }

  become(state: BusState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  deliver(subject: string, data: Uint8Array, replySubject = ''): void {
    this.#subscriberOf(subject)?.message(data, subject, replySubject);
  }

  /** Tells that nobody listened where `sent` went. */
  unanswered(sent: Sent): void {
    this.#subscriberOf(sent.replySubject)?.noResponders?.(sent.replySubject);
  }

  #subscriberOf(subject: string): Subscriber | undefined {
    const wild = `${subject.slice(0, subject.lastIndexOf('.'))}.*`;
    return this.#subscribers.get(subject) ?? this.#subscribers.get(wild);
  }
}
