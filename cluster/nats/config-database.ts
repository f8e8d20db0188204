/**
 * The ConfigDatabase port on a JetStream key-value bucket, `san_<cluster>_config`; the values are JSON, so that
 * `nats kv get` shows them. The server's answer to a compare-and-set decides; when there is none, the outcome is
 * unknown, also when the request may still be on its way. Has a connection of its own.
 */
import {
  DebugEvents,
  Events,
  type JetStreamManager,
  type KV,
  type NatsConnection,
  NatsError,
  StorageType,
} from 'nats';
import type { ClusterId } from '../../protocols/ids.ts';
import type { ConfigDatabase, DatabaseRead, DatabaseWrite } from '../../protocols/ports.ts';
import { checkDatabaseKey, checkDatabaseWrite } from '../database-key.ts';
import { closeSocketOf, dialNats, type NatsConnectionOptions, serversOf } from './connection.ts';

export interface ConfigDatabaseOptions extends Omit<NatsConnectionOptions, 'waitForServer'> {
  readonly cluster: ClusterId;
  /** Whether the server syncs each write before it answers: whoever started it knows (`RunningNatsServer`). */
  readonly syncsEveryWrite: boolean;
  /** How many servers of a NATS cluster keep the bucket: 1, 3 or 5. Counts only when the bucket is made. */
  readonly replicas?: number;
  /** After this the outcome of a request is unknown. */
  readonly requestTimeoutMs?: number;
  /** For looking only: the bucket is not made when it is not there. */
  readonly mustExist?: boolean;
  /** How long to wait for a server that is just starting. */
  readonly openTimeoutMs?: number;
}

export interface OpenConfigDatabase extends ConfigDatabase {
  /** What is under way ends as unknown or unavailable. */
  close(): Promise<void>;
}

/** The bucket could not be opened; the message says why and what to do. */
export class ConfigDatabaseUnavailable extends Error {}

/** Old values kept per key: for people who want to see what was decided. */
export const historyLength = 16;
const requestTimeoutMsDefault = 2000;
const openTimeoutMsDefault = 15_000;
const retryDelayMs = 100;
const requestsMax = 1024;

/** Both mean that the key's revision is another one: answers of servers before and after 2.12. */
const conflictCodes: readonly (number | undefined)[] = [10071, 10164];
const streamNotFoundCode = 10059;

/** The name of a cluster's bucket; `nats kv ls` shows it. */
export function bucketOf(cluster: ClusterId): string {
  return `san_${cluster}_config`;
}

/**
 * Connects, and makes the bucket when it is not there and may be made. Waits some seconds for a server that is just starting.
 *
 * @throws ConfigDatabaseUnavailable
 */
export async function openConfigDatabase(
  options: ConfigDatabaseOptions,
): Promise<OpenConfigDatabase> {
  const deadline = performance.now() + (options.openTimeoutMs ?? openTimeoutMsDefault);
  for (;;) {
    try {
      return await open(options);
    } catch (error) {
      if (performance.now() > deadline) throw unavailable(options, error);
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
    }
  }
}

async function open(options: ConfigDatabaseOptions): Promise<OpenConfigDatabase> {
  const timeout = options.requestTimeoutMs ?? requestTimeoutMsDefault;
  const connection = await dialNats({ ...options, waitForServer: false });
  try {
    const stream = connection.jetstream({ timeout });
    const manager = await stream.jetstreamManager();
    const bucket = bucketOf(options.cluster);
    const isThere = await hasStream(manager, streamOf(bucket));
    if (!isThere && options.mustExist === true) throw new Error('it is not there');
    const store = await stream.views.kv(bucket, {
      description: `Sanctor config of cluster ${options.cluster}`,
      storage: StorageType.File,
      history: historyLength,
      replicas: options.replicas ?? 1,
      bindOnly: isThere,
      ...(isThere ? { allow_direct: true } : {}),
    });
    return new JetStreamDatabase({
      connection,
      manager,
      store,
      bucket,
      syncsEveryWrite: options.syncsEveryWrite,
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** JetStream keeps a bucket in a stream of this name. */
function streamOf(bucket: string): string {
  return `KV_${bucket}`;
}

async function hasStream(manager: JetStreamManager, stream: string): Promise<boolean> {
  try {
    await manager.streams.info(stream);
    return true;
  } catch (error) {
    if (apiCodeOf(error) === streamNotFoundCode) return false;
    throw error;
  }
}

class JetStreamDatabase implements OpenConfigDatabase {
  readonly syncsEveryWrite: boolean;
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #store: KV;
  readonly #bucket: string;
  #connected = true;
  /** Ends each request that waits for an answer which a lost connection will not bring. */
  readonly #waiting = new Set<(reason: string) => void>();

  constructor(parts: {
    connection: NatsConnection;
    manager: JetStreamManager;
    store: KV;
    bucket: string;
    syncsEveryWrite: boolean;
  }) {
    this.syncsEveryWrite = parts.syncsEveryWrite;
    this.#connection = parts.connection;
    this.#manager = parts.manager;
    this.#store = parts.store;
    this.#bucket = parts.bucket;
    void this.#followStatus();
  }

  read(key: string, done: (result: DatabaseRead) => void): void {
    checkDatabaseKey(key);
    this.#ask(() => this.#read(key), readUnavailable, done);
  }

  write(
    key: string,
    value: string,
    expectedRevision: number,
    done: (result: DatabaseWrite) => void,
  ): void {
    checkDatabaseWrite(key, value, expectedRevision);
    this.#ask(() => this.#write(key, value, expectedRevision), writeUnknown, done);
  }

  list(
    prefix: string,
    done: (result: { keys: readonly string[] } | { unavailable: string }) => void,
  ): void {
    this.#ask<{ keys: readonly string[] } | { unavailable: string }>(
      () => this.#list(prefix),
      (reason) => ({ unavailable: reason }),
      done,
    );
  }

  async close(): Promise<void> {
    this.#loseConnection('the config database was closed');
    await this.#connection.close();
  }

  async #read(key: string): Promise<DatabaseRead> {
    const entry = await this.#store.get(key);
    if (entry === null || entry.operation !== 'PUT') return { outcome: 'absent' };
    return { outcome: 'found', value: entry.string(), revision: entry.revision };
  }

  async #write(key: string, value: string, expectedRevision: number): Promise<DatabaseWrite> {
    try {
      const revision =
        expectedRevision === 0
          ? await this.#store.create(key, value)
          : await this.#store.update(key, value, expectedRevision);
      return { outcome: 'written', revision };
    } catch (error) {
      if (conflictCodes.includes(apiCodeOf(error))) return { outcome: 'conflict' };
      throw error;
    }
  }

  /** Asks the stream for its subjects: one request, without a consumer that would have to be cleaned up. */
  async #list(prefix: string): Promise<{ keys: readonly string[] }> {
    const info = await this.#manager.streams.info(streamOf(this.#bucket), {
      subjects_filter: '>',
    });
    const subjectsStart = `$KV.${this.#bucket}.`.length;
    const keys = Object.keys(info.state.subjects ?? {}).map((subject) =>
      subject.slice(subjectsStart),
    );
    return { keys: keys.filter((key) => key.startsWith(prefix)).sort() };
  }

  /** Calls `done` once: with the answer, or with `failed` when there will be none. Never before this returns. */
  #ask<Result>(
    question: () => Promise<Result>,
    failed: (reason: string) => Result,
    done: (result: Result) => void,
  ): void {
    const finish = (result: Result): void => {
      if (!this.#waiting.delete(cut)) return;
      setImmediate(done, result);
    };
    const cut = (reason: string): void => finish(failed(reason));
    const isFull = this.#waiting.size >= requestsMax;
    this.#waiting.add(cut);
    if (isFull) cut(`more than ${requestsMax} requests wait for the config database`);
    else if (!this.#connected) cut('not connected to the NATS server of the config database');
    else question().then(finish, (error: unknown) => cut(reasonOf(error)));
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === Events.Reconnect) this.#connected = true;
      if (status.type === DebugEvents.StaleConnection) closeSocketOf(this.#connection);
      if (status.type === Events.Disconnect || status.type === DebugEvents.StaleConnection) {
        this.#loseConnection('the connection to the NATS server of the config database was lost');
      }
    }
  }

  #loseConnection(reason: string): void {
    this.#connected = false;
    for (const cut of [...this.#waiting]) cut(reason);
  }
}

function readUnavailable(reason: string): DatabaseRead {
  return { outcome: 'unavailable', reason };
}

function writeUnknown(reason: string): DatabaseWrite {
  return { outcome: 'unknown', reason };
}

function apiCodeOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

function reasonOf(error: unknown): string {
  if (error instanceof NatsError && error.code === 'TIMEOUT') {
    return 'the config database did not answer in time';
  }
  return error instanceof Error ? error.message : String(error);
}

function unavailable(options: ConfigDatabaseOptions, error: unknown): ConfigDatabaseUnavailable {
  return new ConfigDatabaseUnavailable(
    `the config database ${bucketOf(options.cluster)} at ${serversOf(options).join(', ')} cannot be opened: ${reasonOf(error)}. ` +
      'Check that this NATS server runs and has JetStream switched on.',
    { cause: error },
  );
}
