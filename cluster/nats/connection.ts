/** How Sanctor connects to NATS, whatever the connection is for: quick to notice, tireless to come back. */
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';

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

/** Connects, and keeps connecting for ever once it was connected. @throws NatsError when no server can be reached. */
export function dialNats(options: NatsConnectionOptions): Promise<NatsConnection> {
  return connect({
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
