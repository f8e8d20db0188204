/**
 * One client's socket, and its session: reads while the session wants to, sends what it says in one batch per turn,
 * closes. A socket's trouble is its own: nothing here throws into the server.
 */
import type { Socket } from 'node:net';
import type { Log } from '../../protocols/ports.ts';
import type { ExportCatalogue } from './exports.ts';
import type { SessionLimits } from './limits.ts';
import { NbdSession, type SessionPort } from './session.ts';
import type { VolumeShares } from './volume-shares.ts';

/** Node reads a socket in chunks of at most this many bytes: a shorter one emptied it. */
const chunkBytesMax = 65_536;

export interface ConnectionParts {
  readonly socket: Socket;
  readonly catalogue: ExportCatalogue;
  readonly limits: SessionLimits;
  readonly shares: VolumeShares;
  readonly log: Log;
  /** A client that has not chosen an export after this time is disconnected. */
  readonly handshakeMsMax: number;
  /** A client that does not take its last replies within this time does not get them. */
  readonly closingMsMax: number;
  /** The client leaves more replies than it may. */
  readonly stuck: () => void;
  /** The socket is closed and no request is under way. */
  readonly ended: () => void;
}

/** `closing`: what is in the output is sent, then the socket is closed. `ended`: and its requests have ended too. */
type State = 'open' | 'closing' | 'closed' | 'ended';

export class Connection implements SessionPort {
  readonly #parts: ConnectionParts;
  readonly #socket: Socket;
  readonly #session: NbdSession;
  #state: State = 'open';
  #turnPending = false;
  #reading = true;
  /** Bytes that were read from the socket before reading was stopped, and are still to come. */
  #staleBytes = 0;
  #timer: NodeJS.Timeout | null;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#socket = parts.socket;
    this.#session = new NbdSession({ ...parts, port: this });
    this.#timer = setTimeout(() => this.#tooSlow(), parts.handshakeMsMax);
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true);
    this.#socket.on('data', (chunk) => this.#received(chunk));
    this.#socket.on('drain', () => this.#session.reportUnsent(this.#socket.writableLength));
    this.#socket.on('error', (error) => {
      parts.log.debug({ export: this.#session.exportName, error }, 'an NBD connection broke');
    });
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#lost());
    this.wake();
  }

  /** The client has not chosen an export yet. */
  get isShakingHands(): boolean {
    return this.#state === 'open' && this.#session.exportName === null;
  }

  /** Replies that the client has not taken. */
  get unsentBytes(): number {
    return this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  wake(): void {
    if (this.#turnPending) return;
    this.#turnPending = true;
    process.nextTick(turn, this);
  }

  hangUp(violation: string | null): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    if (violation === null) {
      this.wake();
      return;
    }
    const fields = { export: this.#session.exportName, violation };
    this.#parts.log.warn(fields, `disconnected an NBD client that sent ${violation}`);
    this.#socket.destroy();
  }

  afterTurn(run: () => void): void {
    setImmediate(() => setImmediate(run));
  }

  /** The name of the export in use, or null before one was chosen. */
  get exportName(): string | null {
    return this.#session.exportName;
  }

  /** Answers what is under way, then closes. */
  stop(): void {
    this.#session.stop();
  }

  /** Closes at once: another client needs what this one takes. */
  evict(why: string): void {
    this.#parts.log.warn({ export: this.#session.exportName }, `disconnected an NBD client ${why}`);
    this.#socket.destroy();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** To be called by `wake` only. */
  runTurn(): void {
    this.#turnPending = false;
    if (this.#state === 'open') this.#session.turn();
    if (this.#state === 'open' || this.#state === 'closing') this.#send();
    if (this.#state === 'open') this.#adjustReading();
    if (this.#state === 'closed') this.#endIfIdle();
  }

  #received(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    const stale = this.#staleBytes > 0;
    if (stale) this.#staleBytes -= chunk.length;
    this.#session.receive(chunk, !stale && chunk.length < chunkBytesMax);
    if (this.#timer !== null && this.#session.exportName !== null) this.#clearTimer();
    this.#adjustReading();
  }

  #send(): void {
    const socket = this.#socket;
    const pieces = this.#session.takeOutput();
    if (pieces.length > 0) {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
      this.#session.reportUnsent(socket.writableLength);
      if (socket.writableLength > this.#parts.limits.unsentBytesMax) this.#parts.stuck();
    }
    if (this.#state !== 'closing') return;
    this.#clearTimer();
    this.#timer = setTimeout(() => socket.destroy(), this.#parts.closingMsMax);
    socket.destroySoon();
  }

  #adjustReading(): void {
    const wanted = this.#session.wantsInput;
    if (wanted === this.#reading || this.#state !== 'open') return;
    this.#reading = wanted;
    if (wanted) {
      this.#staleBytes = this.#socket.readableLength;
      this.#socket.resume();
    } else {
      this.#socket.pause();
    }
  }

  #tooSlow(): void {
    this.evict('that chose no export in time');
  }

  #lost(): void {
    this.#clearTimer();
    this.#state = 'closed';
    this.#session.connectionLost();
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#session.unfinished > 0) return;
    this.#state = 'ended';
    this.#parts.ended();
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function turn(connection: Connection): void {
  connection.runTurn();
}
