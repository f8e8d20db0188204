/** What the parts of one simulated network share: time, chance, memory of messages, partitions, counters. */
import type { Subscriber } from '../../protocols/ports.ts';
import type { VirtualClock } from './clock.ts';
import type { EventOwner, ScheduledEvent } from './event-queue.ts';
import type { Listener } from './interest.ts';
import {
  type DeliveryKind,
  type Message,
  type MessageFate,
  type NetworkCounters,
  type NetworkObserver,
  newNetworkCounters,
} from './message.ts';
import { BytesChanged, MessageMemory } from './message-bytes.ts';
import type { SeededRandom } from './random.ts';

/** One connected period of one connection. */
export interface Session {
  /** The process whose connection it is. */
  readonly process: string;
  /** What reaches the server later than this is lost; Infinity while it lasts, and after a clean end. */
  endedAtMs: number;
  /** When the last message so far reached the server: later ones do not overtake it. */
  lastAtServerMs: number;
  /** Per publishing connection, when its last message to this one arrives: later ones do not overtake it. */
  readonly lastDueMs: Map<string, number>;
}

/** A subscription of one connection. */
export interface SimulatedSubscription extends Listener {
  readonly bus: Receiver;
  readonly subscriber: Subscriber;
  cancelled: boolean;
}

/** A connection, as deliveries and the server see it. */
export interface Receiver {
  readonly name: string;
  readonly process: EventOwner & { readonly name: string };
  /** null while the server does not know it. */
  readonly session: Session | null;
  /** True while nothing gets through to it. */
  readonly stalled: boolean;
  /** Keeps a delivery that came while stalled. */
  holdBack(delivery: ScheduledEvent, lengthBytes: number): void;
  /** Counts what waits for a paused process. Returns how much that is now. */
  addWaiting(bytes: number): number;
  /** Hands a message to its subscriber. */
  hear(subscription: SimulatedSubscription, message: Message, kind: DeliveryKind): void;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly payloadBytesMax?: number;
  readonly observer?: NetworkObserver;
  /** A subscriber threw: always a bug. Called besides logging it. */
  readonly onHandlerError?: (error: unknown, bus: string, subject: string) => void;
}

/** The default of nats-server. */
const payloadBytesMaxDefault = 1024 * 1024;

export class NetworkParts {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly payloadBytesMax: number;
  readonly memory = new MessageMemory();
  readonly counters: NetworkCounters = newNetworkCounters();
  /** Subscriptions made so far: the order of the next one. */
  subscriptionCount = 0;
  readonly #observer: NetworkObserver | null;
  readonly #onHandlerError: NonNullable<NetworkOptions['onHandlerError']> | null;
  /** Receiving process to the publishing ones that it cannot hear. */
  readonly #partitions = new Map<string, Set<string>>();
  /** Subjects on which nothing arrives. */
  readonly #silenced = new Set<string>();
  /** What is lost, whoever publishes it. */
  readonly #losses = new Set<(message: Message) => boolean>();
  readonly #unsent: Message[] = [];
  readonly #unsentSources: Uint8Array[] = [];

  constructor(options: NetworkOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.payloadBytesMax = options.payloadBytesMax ?? payloadBytesMaxDefault;
    this.#observer = options.observer ?? null;
    this.#onHandlerError = options.onHandlerError ?? null;
    this.clock.afterEach(() => this.#checkUnsent());
  }

  note(fate: MessageFate, message: Message, to: string): void {
    this.counters[fate] += 1;
    if (this.#observer !== null) this.#observer(fate, message, to, this.clock.now());
  }

  noteHandlerError(error: unknown, bus: string, subject: string): void {
    this.counters.handlerErrors += 1;
    if (this.#onHandlerError !== null) this.#onHandlerError(error, bus, subject);
  }

  /** @throws BytesChanged always. */
  accuse(what: string, message: Message): never {
    const to = message.subject;
    throw new BytesChanged(`${what}: from ${message.from}, subject ${to}, at ${this.clock.now()}`);
  }

  /** A message leaves its publisher when the work at hand ends: until then `source` must not change. */
  watch(message: Message, source: Uint8Array): void {
    this.#unsent.push(message);
    this.#unsentSources.push(source);
  }

  setPartition(way: { from: string; to: string }, cut: boolean): void {
    const deafTo = this.#partitions.get(way.to) ?? new Set();
    if (cut) deafTo.add(way.from);
    else deafTo.delete(way.from);
    if (deafTo.size > 0) this.#partitions.set(way.to, deafTo);
    else this.#partitions.delete(way.to);
  }

  setSilence(subject: string, isSilent: boolean): void {
    if (isSilent) this.#silenced.add(subject);
    else this.#silenced.delete(subject);
  }

  setLoss(isLost: (message: Message) => boolean, lasts: boolean): void {
    if (lasts) this.#losses.add(isLost);
    else this.#losses.delete(isLost);
  }

  clearPartitions(): void {
    this.#partitions.clear();
    this.#silenced.clear();
    this.#losses.clear();
  }

  get hasPartitions(): boolean {
    return this.#partitions.size > 0;
  }

  isSilenced(subject: string): boolean {
    return this.#silenced.size > 0 && this.#silenced.has(subject);
  }

  isLost(message: Message): boolean {
    for (const isLost of this.#losses) if (isLost(message)) return true;
    return false;
  }

  isPartitioned(from: string, to: string): boolean {
    return this.#partitions.size > 0 && (this.#partitions.get(to)?.has(from) ?? false);
  }

  #checkUnsent(): void {
    const count = this.#unsent.length;
    if (count === 0) return;
    const messages = this.#unsent.splice(0, count);
    const sources = this.#unsentSources.splice(0, count);
    for (const [at, message] of messages.entries()) {
      const source = sources[at];
      if (source !== undefined && !this.memory.isUnchanged(message.bytes, source))
        this.accuse(`${message.from} changed bytes that it had just published`, message);
    }
  }
}
