/**
 * The Bus port on a NATS server, through npm `nats` 2.29.3, whose habits are hidden here:
 * - an exception in a callback would silently end all receiving on the connection: every callback is wrapped;
 * - what is published while disconnected is silently dropped: `publish` says so instead;
 * - a space in a subject makes the server hang up: subjects are checked;
 * - a 503 is an ordinary message: it is told apart here;
 * - giving up a silent connection waits for its socket, possibly for ever: the socket is closed under it.
 */
import {
  DebugEvents,
  Events,
  type Msg,
  type NatsConnection,
  type NatsError,
  type PublishOptions,
} from 'nats';
import type {
  Bus,
  BusState,
  Cancel,
  Log,
  PublishOutcome,
  Subscriber,
} from '../../protocols/ports.ts';
import { checkPublishSubject, checkSubscribeSubject, hasWildcard } from '../bus-subject.ts';
import {
  closeSocketOf,
  dialNats,
  type NatsConnectionOptions,
  NatsServerTooOld,
  serversOf,
} from './connection.ts';

export interface NatsBusOptions extends NatsConnectionOptions {
  readonly log: Log;
}

/** No server could be reached; the message says which and what to do. */
export class NatsUnreachable extends Error {}

/** How long `close` waits for what was published to leave. */
const closeTimeoutMs = 2000;
/** Until the server has told its own limit. */
const payloadBytesMaxDefault = 1024 * 1024;
const noRespondersCode = 503;

/**
 * Connects, and keeps connecting for ever once it was connected.
 *
 * @throws NatsUnreachable when `waitForServer` is false and none of the servers answers; NatsServerTooOld.
 */
export async function connectNatsBus(options: NatsBusOptions): Promise<Bus> {
  try {
    const connection = await dialNats(options);
    return new NatsBus(connection, options.name, options.log);
  } catch (error) {
    if (error instanceof NatsServerTooOld) throw error;
    throw new NatsUnreachable(
      `no NATS server answers at ${serversOf(options).join(', ')} (${messageOf(error)}): start one, or name another with --nats`,
      { cause: error },
    );
  }
}

class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #log: Log;
  #state: BusState = 'connected';
  #payloadBytesMax = payloadBytesMaxDefault;
  #listeners: ((state: BusState) => void)[] = [];
  #closing: Promise<void> | null = null;
  /** Used for every publish with a reply subject; `nats` does not keep it. */
  readonly #withReply: PublishOptions = { reply: '' };

  constructor(connection: NatsConnection, name: string, log: Log) {
    this.#connection = connection;
    this.#name = name;
    this.#log = log;
    this.#learnLimits();
    void this.#followStatus();
    void connection.closed().then((error) => this.#closedByItself(error));
  }

  get state(): BusState {
    return this.#state;
  }

  get payloadBytesMax(): number {
    return this.#payloadBytesMax;
  }

  publish(subject: string, data: Uint8Array, replySubject = ''): PublishOutcome {
    checkPublishSubject(subject);
    if (replySubject !== '') checkPublishSubject(replySubject);
    if (this.#state !== 'connected') return 'disconnected';
    if (data.length > this.#payloadBytesMax) return 'too-large';
    if (replySubject === '') {
      this.#connection.publish(subject, data);
    } else {
      this.#withReply.reply = replySubject;
      this.#connection.publish(subject, data, this.#withReply);
    }
    return 'sent';
  }

  subscribe(subject: string, subscriber: Subscriber): Cancel {
    checkSubscribeSubject(subject);
    if (this.#state === 'closed') return () => {};
    const exactSubject = hasWildcard(subject) ? null : subject;
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => this.#receive(subscriber, exactSubject, error, message),
    });
    let cancelled = false;
    return () => {
      if (cancelled) return;
      cancelled = true;
      subscription.unsubscribe();
    };
  }

  onState(listener: (state: BusState) => void): Cancel {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener);
    };
  }

  close(done: () => void): void {
    const before = this.#state;
    this.#state = 'closed';
    void this.#closeConnection(before === 'connected').then(() => {
      if (before !== 'closed') this.#tell('closed');
      done();
    });
  }

  /** `subject` is null when the subscription has wildcards: decoding it costs, and mostly it is known. */
  #receive(
    subscriber: Subscriber,
    subject: string | null,
    refusal: NatsError | null,
    message: Msg,
  ): void {
    if (this.#state === 'closed') return;
    try {
      if (refusal !== null) {
        const fields = { bus: this.#name, subject, error: refusal };
        this.#log.error(fields, 'the NATS server refused a subscription: check its permissions');
        return;
      }
      const { data } = message;
      if (data.length === 0 && message.headers?.code === noRespondersCode)
        subscriber.noResponders?.(message.subject);
      else subscriber.message(data, subject ?? message.subject, message.reply ?? '');
    } catch (error) {
      const fields = { bus: this.#name, subject: subject ?? message.subject, error };
      this.#log.error(fields, 'a subscriber threw');
    }
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      const fields = { bus: this.#name, server: status.data };
      switch (status.type) {
        case Events.Disconnect:
          this.#become('disconnected');
          break;
        case DebugEvents.StaleConnection:
          this.#log.warn(fields, 'the NATS server does not answer; connecting again');
          this.#become('disconnected');
          closeSocketOf(this.#connection);
          break;
        case Events.Reconnect:
          this.#learnLimits();
          this.#become('connected');
          break;
        case Events.Error:
          this.#log.error(fields, 'the NATS server reported an error');
          break;
        default:
      }
    }
  }

  #become(state: 'connected' | 'disconnected'): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#log.info({ bus: this.#name, state }, 'bus state changed');
    this.#tell(state);
  }

  #closedByItself(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#log.error({ bus: this.#name, error }, 'the NATS connection ended for good');
    this.#state = 'closed';
    this.#tell('closed');
  }

  #learnLimits(): void {
    this.#payloadBytesMax = this.#connection.info?.max_payload ?? this.#payloadBytesMax;
  }

  #tell(state: BusState): void {
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#log.error({ bus: this.#name, state, error }, 'a listener to the bus state threw');
      }
    }
  }

  /** The same end for whoever asks for it again. */
  #closeConnection(mayFlush: boolean): Promise<void> {
    this.#closing ??= (mayFlush ? flushed(this.#connection) : Promise.resolve()).then(() =>
      this.#connection.close(),
    );
    return this.#closing;
  }
}

/** Resolves when all that was published has reached the server, or cannot any more, or took too long. */
function flushed(connection: NatsConnection): Promise<void> {
  return new Promise((resolve) => {
    const impatience = setTimeout(resolve, closeTimeoutMs);
    const end = () => {
      clearTimeout(impatience);
      resolve();
    };
    connection.flush().then(end, end);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
