/**
 * The NBD server: listens on TCP and unix sockets, and keeps the connections. What a connection does is its session's
 * affair; what there is to serve is the catalogue's.
 */

import { unlink } from 'node:fs';
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Log } from '../../protocols/ports.ts';
import { mebibyte } from '../../protocols/units.ts';
import { Connection } from './connection.ts';
import type { ExportCatalogue } from './exports.ts';
import { defaultSessionLimits, type SessionLimits } from './limits.ts';
import { VolumeShares } from './volume-shares.ts';

export interface NbdServerOptions {
  readonly catalogue: ExportCatalogue;
  readonly log: Log;
  /** Given to several servers when a volume is served by more than one of them. */
  readonly shares?: VolumeShares;
  readonly limits?: Partial<SessionLimits>;
  /**
   * Clients at once, with those that are gone and left requests unfinished. One more makes the oldest one leave that
   * has chosen no export; where all have, it is refused itself.
   */
  readonly connectionsMax?: number;
  /** Replies that all clients together have not taken; above it the one that leaves most is disconnected. */
  readonly unsentBytesTotalMax?: number;
  readonly handshakeMsMax?: number;
  readonly closingMsMax?: number;
}

/** Where to listen: a TCP port (0: any free one; on 127.0.0.1 unless a host is given), or a unix socket's path. */
export type ListenAt =
  | { readonly host?: string; readonly port: number }
  | { readonly path: string };

export type ListenResult =
  /** `at` with the port that was taken. */
  | { readonly outcome: 'listening'; readonly at: ListenAt }
  | { readonly outcome: 'failed'; readonly reason: string };

/** Linux: the room for a path in a socket address, less its final NUL. */
const socketPathBytesMax = 107;

export class NbdServer {
  readonly #options: NbdServerOptions;
  readonly #limits: SessionLimits;
  readonly #shares: VolumeShares;
  readonly #servers = new Set<Server>();
  readonly #connections = new Set<Connection>();
  /** Told of each connection that ends. */
  readonly #endings = new Set<(connection: Connection) => void>();
  #stopping = false;

  constructor(options: NbdServerOptions) {
    this.#options = options;
    this.#shares = options.shares ?? new VolumeShares();
    this.#limits = { ...defaultSessionLimits, ...options.limits };
  }

  /** Clients at present, with those that are gone and left requests unfinished. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Begins to listen; may be called again for another place. */
  listen(at: ListenAt, done: (result: ListenResult) => void): void {
    if ('path' in at && Buffer.byteLength(at.path) > socketPathBytesMax) {
      const reason = `the socket path ${at.path} is too long: at most ${socketPathBytesMax} bytes`;
      process.nextTick(done, { outcome: 'failed', reason });
      return;
    }
    if ('path' in at) removeStaleSocket(at.path, () => this.#listen(at, done));
    else this.#listen(at, done);
  }

  /**
   * Takes no new clients, answers what is under way, refuses the rest, and closes; what is not finished after
   * `closingMsMax` is cut.
   */
  close(done: () => void): void {
    this.#stopping = true;
    let open = this.#servers.size;
    const cut = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, this.#options.closingMsMax ?? closingMsDefault);
    const closed = (): void => {
      if (--open > 0) return;
      clearTimeout(cut);
      done();
    };
    if (open === 0) {
      open = 1;
      process.nextTick(closed);
    }
    for (const server of this.#servers) server.close(closed);
    this.#servers.clear();
    for (const connection of this.#connections) connection.stop();
  }

  /**
   * Ends the connections to one export, which the catalogue must not offer any more: what is under way is answered, the
   * rest is refused. `done` is called when all have ended; what is not finished after `closingMsMax` is cut.
   */
  disconnect(exportName: string, done: () => void): void {
    const open = new Set<Connection>();
    for (const connection of this.#connections)
      if (connection.exportName === exportName) open.add(connection);
    if (open.size === 0) {
      process.nextTick(done);
      return;
    }
    const over = (): void => {
      this.#endings.delete(ended);
      clearTimeout(cut);
      done();
    };
    const cut = setTimeout(() => {
      for (const connection of open) connection.destroy();
      over();
    }, this.#options.closingMsMax ?? closingMsDefault);
    const ended = (connection: Connection): void => {
      if (open.delete(connection) && open.size === 0) over();
    };
    this.#endings.add(ended);
    for (const connection of [...open]) connection.stop();
  }

  #listen(at: ListenAt, done: (result: ListenResult) => void): void {
    const server = createServer((socket) => this.#accept(socket));
    const failed = (error: NodeJS.ErrnoException): void => {
      done({ outcome: 'failed', reason: listenFailure(at, error) });
    };
    server.once('error', failed);
    const options: ListenOptions = 'path' in at ? at : { host: '127.0.0.1', ...at };
    server.listen(options, () => {
      server.off('error', failed);
      if (this.#stopping) {
        server.close();
        done({ outcome: 'failed', reason: 'the NBD server is closing' });
        return;
      }
      server.on('error', (error) => this.#options.log.error({ error }, 'an NBD listener failed'));
      this.#servers.add(server);
      const address = server.address();
      const taken =
        typeof address === 'object' && address !== null && !('path' in at)
          ? { ...at, port: address.port }
          : at;
      done({ outcome: 'listening', at: taken });
    });
  }

  #accept(socket: Socket): void {
    const { catalogue, log, handshakeMsMax, closingMsMax } = this.#options;
    if (this.#stopping || !this.#hasRoom()) {
      if (!this.#stopping) log.warn({}, 'refused an NBD client: too many are connected');
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const connection = new Connection({
      socket,
      catalogue,
      log,
      limits: this.#limits,
      shares: this.#shares,
      handshakeMsMax: handshakeMsMax ?? handshakeMsDefault,
      closingMsMax: closingMsMax ?? closingMsDefault,
      stuck: () => this.#limitUnsent(),
      ended: () => {
        this.#connections.delete(connection);
        for (const listener of this.#endings) listener(connection);
      },
    });
    this.#connections.add(connection);
  }

  /** Clients that connect and say nothing keep nobody out. */
  #hasRoom(): boolean {
    const connectionsMax = this.#options.connectionsMax ?? connectionsDefault;
    if (this.#connections.size < connectionsMax) return true;
    for (const connection of this.#connections) {
      if (!connection.isShakingHands) continue;
      connection.evict('that chose no export, because too many are connected');
      this.#connections.delete(connection);
      return true;
    }
    return false;
  }

  #limitUnsent(): void {
    let totalBytes = 0;
    let most: Connection | null = null;
    for (const connection of this.#connections) {
      totalBytes += connection.unsentBytes;
      if (most === null || connection.unsentBytes > most.unsentBytes) most = connection;
    }
    if (totalBytes > (this.#options.unsentBytesTotalMax ?? unsentBytesTotalDefault))
      most?.evict('that takes no replies, because too many of those wait');
  }
}

const connectionsDefault = 128;
const unsentBytesTotalDefault = 256 * mebibyte;
const handshakeMsDefault = 30_000;
const closingMsDefault = 5_000;

/** The NBD URI of an export of a server that listens `at`. */
export function nbdUri(at: ListenAt, exportName: string): string {
  const name = exportName.split('/').map(encodeURIComponent).join('/');
  if ('path' in at) return `nbd+unix:///${name}?socket=${encodeURI(at.path)}`;
  const host = at.host ?? '127.0.0.1';
  return `nbd://${host.includes(':') ? `[${host}]` : host}:${at.port}/${name}`;
}

/** A socket that a killed server left behind refuses connections, and its name cannot be used until it is removed. */
function removeStaleSocket(path: string, done: () => void): void {
  const probe = connect({ path });
  probe.once('connect', () => {
    probe.destroy();
    done();
  });
  probe.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') unlink(path, () => done());
    else done();
  });
}

function listenFailure(at: ListenAt, error: NodeJS.ErrnoException): string {
  const place = 'path' in at ? `the socket ${at.path}` : `${at.host ?? '127.0.0.1'}:${at.port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `NBD cannot listen on ${place}: it is in use; choose another one, or stop what uses it`;
    case 'EACCES':
      return `NBD cannot listen on ${place}: permission denied`;
    case 'ENOENT':
      return `NBD cannot listen on ${place}: its folder does not exist`;
    default:
      return `NBD cannot listen on ${place}: ${error.message}`;
  }
}
