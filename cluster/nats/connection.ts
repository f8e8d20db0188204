/** How Sanctor connects to NATS, whatever the connection is for: quick to notice, tireless to come back. */
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';
import { isAtLeast, parseNatsServerVersion, versionMin } from './server-version.ts';

export interface NatsConnectionOptions {
  /** `nats://host:port` of one server, or of several of one cluster. */
  readonly servers: string | readonly string[];
  /** Who this is, `process/role`: shown by the server's monitoring, and in the log. */
  readonly name: string;
  /** True: waits for a server that is not up yet. False: fails at once, as a command should. */
  readonly waitForServer: boolean;
  /** Credentials, TLS: what the connection needs besides. */
  readonly security?: Pick<ConnectionOptions, 'authenticator' | 'tls' | 'user' | 'pass' | 'token'>;
}

const dialTimeoutMs = 2000;
const reconnectDelayMs = 100;
const reconnectJitterMs = 150;
/** A peer that says nothing is given up after three of these. */
const pingIntervalMs = 2000;
const pingsUnansweredMax = 2;

/** A server answers that Sanctor cannot work with; the message says why and what to do. */
export class NatsServerTooOld extends Error {}

/**
 * Connects, and keeps connecting for ever once it was connected.
 *
 * @throws NatsError when no server can be reached; NatsServerTooOld.
 */
export async function dialNats(options: NatsConnectionOptions): Promise<NatsConnection> {
  const connection = await connect({
    ...options.security,
    servers: serversOf(options),
    name: options.name,
    waitOnFirstConnect: options.waitForServer,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    timeout: dialTimeoutMs,
    reconnectTimeWait: reconnectDelayMs,
    reconnectJitter: reconnectJitterMs,
    reconnectJitterTLS: reconnectJitterMs,
    pingInterval: pingIntervalMs,
    maxPingOut: pingsUnansweredMax,
    noAsyncTraces: true,
  });
  const tooOld = explainOldServer(connection, serversOf(options));
  if (tooOld === null) return connection;
  await connection.close();
  throw new NatsServerTooOld(tooOld);
}

/** null when the server is new enough, or does not tell its version. */
function explainOldServer({ info }: NatsConnection, servers: readonly string[]): string | null {
  const version = parseNatsServerVersion(info?.version ?? '');
  if (version === null || isAtLeast(version, versionMin)) return null;
  return (
    `the NATS server at ${servers.join(', ')} is version ${version.text}; Sanctor needs ${versionMin.text} or newer: ` +
    'replace it, or leave --nats out so that Sanctor starts one of its own'
  );
}

/** The servers of a connection, as a list. */
export function serversOf(options: Pick<NatsConnectionOptions, 'servers'>): string[] {
  return typeof options.servers === 'string' ? [options.servers] : [...options.servers];
}

/**
 * Ends a connection whose server is silent. `nats` has by now asked for that, but first waits until the socket has
 * taken what was written, which a full socket of a stopped server never does; it offers no way to reach the socket.
 */
export function closeSocketOf(connection: NatsConnection): void {
  const inside = connection as {
    protocol?: { transport?: { socket?: { destroy?: () => unknown } } };
  };
  inside.protocol?.transport?.socket?.destroy?.();
}
