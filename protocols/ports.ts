/**
 * Ports: everything that Sanctor's actors may ask of the world. Each has an implementation for a real cluster and
 * one for the simulation, and one contract suite (`test/ports/`) that both pass. Results come by callback: promises
 * would run on microtasks that no virtual clock controls. Unless a port says otherwise, a callback is never called
 * before the call that took it has returned, and exactly once.
 */
import type { Instant } from './units.ts';

/** Ends what it stands for: a subscription, a listener. Calling it again does nothing. */
export type Cancel = () => void;

export interface Timer {
  readonly timer: unique symbol;
}

/** Time. Fits XState's `clock` option. */
export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  now(): Instant;
  /**
   * Milliseconds since 1970: for people, and for schedules of days that go on in other processes. It may jump: nothing
   * that must be right is decided by it.
   */
  wallTimeMs(): number;
  setTimeout(run: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
  /** Runs once the work at hand has returned, before any timer: how work is gathered into batches. */
  soon(run: () => void): void;
}

/** Chance. */
export interface Random {
  /** A whole number in [0, limit); `limit` is at most 2 ** 48. */
  integer(limit: number): number;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/**
 * - `sent`: handed to the connection. Proves nothing about delivery.
 * - `disconnected`: not sent, and will not be.
 * - `too-large`: not sent; larger than `payloadBytesMax`.
 */
export type PublishOutcome = 'sent' | 'disconnected' | 'too-large';

export interface Subscriber {
  /**
   * `data` belongs to the bus: it may share memory with other messages. Do not change it; copy what is kept long.
   * `replySubject` is '' when there is none.
   */
  message(data: Uint8Array, subject: string, replySubject: string): void;
  /**
   * A message that this connection published with the reply subject `subject` had no subscriber ("503"). Says
   * nothing about whether an earlier copy of the message was executed.
   */
  noResponders?(subject: string): void;
}

export type BusState = 'connected' | 'disconnected' | 'closed';

/**
 * One connection to a fabric or to the command network. At most once; in order per publishing connection; what is
 * published while disconnected is lost. Publishing with a reply subject that this connection subscribes to gets
 * `noResponders` when nobody listens; only the publishing connection is told. A subscriber that throws is logged
 * and harms nobody else. Subscriptions outlive reconnects.
 */
export interface Bus {
  readonly state: BusState;
  readonly payloadBytesMax: number;
  /** `data` must not change until the next macrotask. */
  publish(subject: string, data: Uint8Array, replySubject?: string): PublishOutcome;
  /** `subject` may end in wildcards (`*`, `>`). */
  subscribe(subject: string, subscriber: Subscriber): Cancel;
  /** Called at each change of `state`: a reconnect is the time to announce again what may have been lost. */
  onState(listener: (state: BusState) => void): Cancel;
  /** Sends what was published, then ends the connection. */
  close(done: () => void): void;
}

export type DatabaseRead =
  | { readonly outcome: 'found'; readonly value: string; readonly revision: number }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'unavailable'; readonly reason: string };

export type DatabaseWrite =
  | { readonly outcome: 'written'; readonly revision: number }
  /** Somebody else's write came first: read again, decide again. */
  | { readonly outcome: 'conflict' }
  /** It may have been written or not, or may yet be: read again and compare, and acknowledge nothing before (I3). */
  | { readonly outcome: 'unknown'; readonly reason: string };

/**
 * The config database: keys to JSON texts, changed by compare-and-set only. Keys are ids joined by `.`.
 * Reads may be old; only the outcome of a write decides.
 */
export interface ConfigDatabase {
  /** True when a written value survives a power cut: the server syncs every write (I4). */
  readonly syncsEveryWrite: boolean;
  read(key: string, done: (result: DatabaseRead) => void): void;
  /** Writes if the key's revision is `expectedRevision`; 0 means that the key must not exist. */
  write(
    key: string,
    value: string,
    expectedRevision: number,
    done: (result: DatabaseWrite) => void,
  ): void;
  /** All keys that begin with `prefix`, in order. */
  list(
    prefix: string,
    done: (result: { keys: readonly string[] } | { unavailable: string }) => void,
  ): void;
}

export type StoreError =
  /** The medium failed for this range. */
  | { readonly kind: 'media'; readonly detail: string }
  | { readonly kind: 'no-space'; readonly detail: string }
  /** After a failed sync nothing in the store can be believed (DESIGN I11). */
  | { readonly kind: 'sync-failed'; readonly detail: string };

export type StoreDone = (error: StoreError | null) => void;

/**
 * Bytes that survive: a file, a block device, or memory. A read sees every write that was submitted before it. What
 * was written survives a power cut only after a later flush succeeded; without one each sector of it may be there
 * or not. Never-written bytes read as zeros.
 */
export interface BlockStore {
  readonly sizeBytes: number;
  /** Fills `into`; its memory must not be touched until `done`. */
  read(atBytes: number, into: Uint8Array, done: StoreDone): void;
  /** Writes the pieces one behind the other; their memory must not change until `done`. */
  write(atBytes: number, pieces: readonly Uint8Array[], done: StoreDone): void;
  /** fdatasync: covers every write whose `done` was called before. */
  flush(done: StoreDone): void;
  /** Lets go of the store without flushing. */
  close(done: () => void): void;
}
