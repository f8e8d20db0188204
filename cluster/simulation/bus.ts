/**
 * One simulated connection to a NATS server: the Bus port of a simulated process, and the faults that can befall a
 * connection. Which way a message takes, and how long, is left to `server.ts`.
 */
import type {
  Bus,
  BusState,
  Cancel,
  Log,
  PublishOutcome,
  Subscriber,
} from '../../protocols/ports.ts';
import { checkPublishSubject, checkSubscribeSubject } from '../bus-subject.ts';
import type { ScheduledEvent } from './event-queue.ts';
import type { DeliveryKind, Message } from './message.ts';
import type { NetworkParts, Receiver, Session, SimulatedSubscription } from './network-parts.ts';
import type { SimulatedProcess } from './process.ts';

export interface SimulatedConnectOptions {
  readonly process: SimulatedProcess;
  /** Tells the connections of a process apart: `io`, `command`. */
  readonly role: string;
  readonly log: Log;
}

/** What a connection asks of its server. */
export interface Exchange {
  readonly name: string;
  readonly up: boolean;
  carry(publisher: SimulatedBus, session: Session, message: Message): void;
  add(subscription: SimulatedSubscription): void;
  remove(subscription: SimulatedSubscription): void;
  leave(bus: SimulatedBus): void;
}

/** How long a client may take to notice that its connection is gone; what it publishes meanwhile is lost. */
const noticeMsMax = 20;
const reconnectMsMin = 100;
const reconnectMsMax = 350;
/** Two unanswered pings: after this a client gives up a connection that is silent. */
const staleMsMin = 4000;
const staleMsMax = 6000;
/** What a killed process had handed to its kernel still goes out. */
const lastWordsMsMax = 0.5;
/** More than this waiting for one receiver, and a server hangs up on it. The default of nats-server. */
const waitingBytesMax = 64 * 1024 * 1024;

export class SimulatedBus implements Bus, Receiver {
  readonly name: string;
  readonly role: string;
  readonly process: SimulatedProcess;
  readonly payloadBytesMax: number;
  /** Not null while the server knows this connection. */
  session: Session | null = null;
  /** True while nothing gets through, in either direction, and nobody has noticed. */
  stalled = false;
  readonly #parts: NetworkParts;
  readonly #server: Exchange;
  readonly #log: Log;
  #state: BusState = 'disconnected';
  #subscriptions: SimulatedSubscription[] = [];
  #listeners: ((state: BusState) => void)[] = [];
  #downUntilMs = 0;
  #waitingBytes = 0;
  /** Held back while stalled. */
  #outbox: Message[] = [];
  #inbox: ScheduledEvent[] = [];
  #stallCount = 0;

  constructor(parts: NetworkParts, server: Exchange, connection: SimulatedConnectOptions) {
    this.process = connection.process;
    this.role = connection.role;
    this.name = `${connection.process.name}/${connection.role}`;
    this.payloadBytesMax = parts.payloadBytesMax;
    this.#parts = parts;
    this.#server = server;
    this.#log = connection.log;
    this.process.onStop(() => this.#die());
    if (server.up) this.#begin();
    else this.#retryLater();
  }

  get state(): BusState {
    return this.#state;
  }

  publish(subject: string, data: Uint8Array, replySubject = ''): PublishOutcome {
    checkPublishSubject(subject);
    if (replySubject !== '') checkPublishSubject(replySubject);
    if (this.#state !== 'connected') return 'disconnected';
    if (data.length > this.payloadBytesMax) return 'too-large';
    const bytes = this.#parts.memory.store(data);
    const message: Message = { from: this.name, subject, replySubject, bytes };
    this.#parts.counters.published += 1;
    this.#parts.watch(message, data);
    if (this.session === null) this.#parts.note('cut', message, '');
    else if (this.stalled) this.#outbox.push(message);
    else this.#server.carry(this, this.session, message);
    return 'sent';
  }

  subscribe(subject: string, subscriber: Subscriber): Cancel {
    checkSubscribeSubject(subject);
    this.#parts.subscriptionCount += 1;
    const order = this.#parts.subscriptionCount;
    const subscription = { subject, order, bus: this, subscriber, cancelled: false };
    this.#subscriptions.push(subscription);
    if (this.session !== null) this.#server.add(subscription);
    return () => {
      if (subscription.cancelled) return;
      subscription.cancelled = true;
      this.#subscriptions = this.#subscriptions.filter((each) => each !== subscription);
      if (this.session !== null) this.#server.remove(subscription);
    };
  }

  onState(listener: (state: BusState) => void): Cancel {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener);
    };
  }

  close(done: () => void): void {
    const wasOpen = this.#state !== 'closed';
    this.#end(Number.POSITIVE_INFINITY);
    this.#state = 'closed';
    this.#server.leave(this);
    this.#parts.clock.setTimeoutFor(
      this.process,
      () => {
        if (wasOpen) this.#tell('closed');
        done();
      },
      0,
    );
  }

  /** Ends the connection as a network does: what is under way is lost. It may come back after `downMs`. */
  cut(downMs = 0): void {
    this.#downUntilMs = Math.max(this.#downUntilMs, this.#parts.clock.now() + downMs);
    if (this.session === null) return;
    this.#parts.counters.disconnects += 1;
    this.#end(this.#parts.clock.now());
    this.#later(0, noticeMsMax, () => this.#notice());
  }

  /** Lets the connection come back before the time that `cut` said. */
  mend(): void {
    this.#downUntilMs = 0;
  }

  /** From now on nothing gets through, and nobody is told; the client gives up after some seconds. */
  stall(): void {
    if (this.stalled) return;
    this.stalled = true;
    this.#stallCount += 1;
    const stall = this.#stallCount;
    this.#later(staleMsMin, staleMsMax, () => {
      if (this.stalled && this.#stallCount === stall) this.cut();
    });
  }

  /** Ends `stall`: what waited arrives late, unless the connection was given up meanwhile. */
  release(): void {
    if (!this.stalled) return;
    this.stalled = false;
    const outbox = this.#outbox.splice(0);
    const inbox = this.#inbox.splice(0);
    for (const delivery of inbox) this.#parts.clock.scheduleOverdue(delivery);
    for (const message of outbox) {
      if (this.session === null) this.#parts.note('cut', message, '');
      else this.#server.carry(this, this.session, message);
    }
  }

  holdBack(delivery: ScheduledEvent, lengthBytes: number): void {
    this.#inbox.push(delivery);
    this.#limitWaiting(lengthBytes);
  }

  addWaiting(bytes: number): number {
    this.#limitWaiting(bytes);
    return this.#waitingBytes;
  }

  hear(subscription: SimulatedSubscription, message: Message, kind: DeliveryKind): void {
    const { subscriber } = subscription;
    try {
      if (kind === 'no-responders') subscriber.noResponders?.(message.replySubject);
      else subscriber.message(message.bytes.data, message.subject, message.replySubject);
    } catch (error) {
      this.#log.error({ bus: this.name, subject: message.subject, error }, 'a subscriber threw');
      this.#parts.noteHandlerError(error, this.name, message.subject);
    }
  }

  #begin(): void {
    this.#parts.counters.connects += 1;
    const process = this.process.name;
    const endedAtMs = Number.POSITIVE_INFINITY;
    this.session = { process, endedAtMs, lastAtServerMs: 0, lastDueMs: new Map() };
    this.#waitingBytes = 0;
    for (const subscription of this.#subscriptions) this.#server.add(subscription);
    this.#state = 'connected';
    this.#tell('connected');
  }

  #end(endedAtMs: number): void {
    if (this.session === null) return;
    this.session.endedAtMs = endedAtMs;
    this.session = null;
    for (const subscription of this.#subscriptions) this.#server.remove(subscription);
    for (const message of this.#outbox.splice(0)) this.#parts.note('cut', message, '');
  }

  #notice(): void {
    if (this.#state !== 'connected') return;
    this.#state = 'disconnected';
    this.#tell('disconnected');
    this.#retryLater();
  }

  #retryLater(): void {
    this.#later(reconnectMsMin, reconnectMsMax, () => {
      if (this.#state !== 'disconnected') return;
      const reachable = this.#server.up && !this.stalled;
      if (reachable && this.#parts.clock.now() >= this.#downUntilMs) this.#begin();
      else this.#retryLater();
    });
  }

  #die(): void {
    this.#end(this.#parts.clock.now() + this.#parts.random.between(0, lastWordsMsMax));
    this.#state = 'closed';
    this.#server.leave(this);
    for (const delivery of this.#inbox.splice(0)) delivery.abandoned();
  }

  #limitWaiting(bytes: number): void {
    this.#waitingBytes = Math.max(0, this.#waitingBytes + bytes);
    if (this.#waitingBytes <= waitingBytesMax || this.session === null) return;
    this.#parts.counters.slowReceivers += 1;
    this.cut();
  }

  #later(msMin: number, msMax: number, run: () => void): void {
    const delayMs = this.#parts.random.between(msMin, msMax);
    this.#parts.clock.setTimeoutFor(this.process, run, delayMs);
  }

  #tell(state: BusState): void {
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#log.error({ bus: this.name, state, error }, 'a listener to the bus state threw');
        this.#parts.noteHandlerError(error, this.name, `state ${state}`);
      }
    }
  }
}
