/** A bus of which the test is the other end: it sees what is published and delivers what it likes. */
import type {
  Bus,
  BusState,
  Cancel,
  PublishOutcome,
  Subscriber,
} from '../../../protocols/ports.ts';

interface Subscription {
  readonly pattern: RegExp;
  readonly subscriber: Subscriber;
}

export class ManualBus implements Bus {
  state: BusState = 'connected';
  payloadBytesMax = 1024 * 1024;
  onPublish: (subject: string, data: Uint8Array, replySubject: string) => void = () => {};
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<(state: BusState) => void>();

  publish(subject: string, data: Uint8Array, replySubject = ''): PublishOutcome {
    if (this.state !== 'connected') return 'disconnected';
    if (data.length > this.payloadBytesMax) return 'too-large';
    this.onPublish(subject, data, replySubject);
    return 'sent';
  }

  subscribe(subject: string, subscriber: Subscriber): Cancel {
    const text = subject.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replaceAll('>', '.+');
    const subscription = { pattern: new RegExp(`^${text}$`), subscriber };
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  onState(listener: (state: BusState) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(done: () => void): void {
    this.setState('closed');
    done();
  }

  setState(state: BusState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  deliver(subject: string, data: Uint8Array, replySubject = ''): void {
    for (const { subscriber } of this.#matching(subject))
      subscriber.message(data, subject, replySubject);
  }

  noResponders(subject: string): void {
    for (const { subscriber } of this.#matching(subject)) subscriber.noResponders?.(subject);
  }

  #matching(subject: string): readonly Subscription[] {
    return [...this.#subscriptions].filter(({ pattern }) => pattern.test(subject));
  }
}
