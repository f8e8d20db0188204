/** A bus in memory whose messages can be lost one by one, and a config database that fails as it is told to. */
import type { VirtualClock } from '../../../cluster/simulation/clock.ts';
import type {
  Bus,
  BusState,
  Cancel,
  ConfigDatabase,
  DatabaseRead,
  DatabaseWrite,
  PublishOutcome,
  Subscriber,
} from '../../../protocols/ports.ts';

interface Subscription {
  readonly bus: FakeBus;
  readonly pattern: readonly string[];
  readonly subscriber: Subscriber;
}

const wayMs = 0.2;

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  const last = pattern.at(-1);
  if (last === '>') return matches(pattern.slice(0, -1), subject.slice(0, pattern.length - 1));
  return (
    pattern.length === subject.length &&
    pattern.every((token, index) => token === '*' || token === subject[index])
  );
}

export class FakeNetwork {
  readonly clock: VirtualClock;
  readonly subscriptions = new Set<Subscription>();
  /** Says which messages are lost. */
  lose: (subject: string, data: Uint8Array) => boolean = () => false;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  open(): FakeBus {
    return new FakeBus(this);
  }

  carry(from: FakeBus, subject: string, data: Uint8Array, replySubject: string): void {
    if (this.lose(subject, data)) return;
    this.clock.setTimeout(() => {
      const tokens = subject.split('.');
      const receivers = [...this.subscriptions].filter(
        ({ bus, pattern }) => bus.state === 'connected' && matches(pattern, tokens),
      );
      for (const { subscriber } of receivers) subscriber.message(data, subject, replySubject);
      if (receivers.length > 0 || replySubject === '') return;
      const reply = replySubject.split('.');
      for (const { bus, pattern, subscriber } of this.subscriptions)
        if (bus === from && matches(pattern, reply)) subscriber.noResponders?.(replySubject);
    }, wayMs);
  }
}

export class FakeBus implements Bus {
  readonly payloadBytesMax = 1024 * 1024;
  readonly #network: FakeNetwork;
  readonly #listeners = new Set<(state: BusState) => void>();
  #state: BusState = 'connected';

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  get state(): BusState {
    return this.#state;
  }

  publish(subject: string, data: Uint8Array, replySubject = ''): PublishOutcome {
    if (this.#state !== 'connected') return 'disconnected';
    this.#network.carry(this, subject, data, replySubject);
    return 'sent';
  }

  subscribe(subject: string, subscriber: Subscriber): Cancel {
    const subscription = { bus: this, pattern: subject.split('.'), subscriber };
    this.#network.subscriptions.add(subscription);
    return () => this.#network.subscriptions.delete(subscription);
  }

  onState(listener: (state: BusState) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(state: BusState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  /** As a killed process: nothing it subscribed to is there any more. */
  close(done: () => void): void {
    this.#state = 'closed';
    for (const subscription of this.#network.subscriptions)
      if (subscription.bus === this) this.#network.subscriptions.delete(subscription);
    this.#network.clock.soon(done);
  }
}

/** How the next write ends. */
export type WriteFault = 'conflict' | 'unknown, written' | 'unknown, not written' | 'unknown, late';

export class FakeDatabase implements ConfigDatabase {
  syncsEveryWrite = true;
  readonly values = new Map<string, { value: string; revision: number }>();
  /** Called when a value has been written. */
  written: (key: string, value: string) => void = () => {};
  isAvailable = true;
  /** Each request takes so long. */
  delayMs = wayMs;
  /** Taken by the writes to come, one each. */
  faults: WriteFault[] = [];
  /** The next write throws, as no port should. */
  throwsOnce = false;
  readonly #clock: VirtualClock;
  #revision = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  read(key: string, done: (result: DatabaseRead) => void): void {
    this.#later(() => {
      if (!this.isAvailable) return done({ outcome: 'unavailable', reason: 'it is away' });
      const entry = this.values.get(key);
      done(entry === undefined ? { outcome: 'absent' } : { outcome: 'found', ...entry });
    });
  }

  write(key: string, value: string, expected: number, done: (result: DatabaseWrite) => void): void {
    if (this.throwsOnce) {
      this.throwsOnce = false;
      throw new Error('a bug');
    }
    this.#later(() => {
      if (!this.isAvailable) return done({ outcome: 'unknown', reason: 'it is away' });
      const fault = this.faults.shift();
      switch (fault) {
        case undefined:
          return done(this.put(key, value, expected));
        case 'conflict':
          return done({ outcome: 'conflict' });
        case 'unknown, written':
          this.put(key, value, expected);
          break;
        case 'unknown, late':
          this.#clock.setTimeout(() => this.put(key, value, expected), 500);
          break;
        case 'unknown, not written':
      }
      done({ outcome: 'unknown', reason: 'no answer' });
    });
  }

  list(
    prefix: string,
    done: (result: { keys: readonly string[] } | { unavailable: string }) => void,
  ): void {
    this.#later(() => {
      if (!this.isAvailable) return done({ unavailable: 'it is away' });
      done({ keys: [...this.values.keys()].filter((key) => key.startsWith(prefix)).sort() });
    });
  }

  put(key: string, value: string, expected: number): DatabaseWrite {
    if ((this.values.get(key)?.revision ?? 0) !== expected) return { outcome: 'conflict' };
    this.#revision++;
    this.values.set(key, { value, revision: this.#revision });
    this.written(key, value);
    return { outcome: 'written', revision: this.#revision };
  }

  #later(run: () => void): void {
    this.#clock.setTimeout(run, this.delayMs);
  }
}
