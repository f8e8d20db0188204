/**
 * What `cluster/nbd/connection.ts` is to a session, with a socket that does what a test says: it gives bytes when the
 * session wants them, and takes replies or leaves them. Holds the session to its limits at each turn.
 */
import { NbdSession, type SessionParts } from '../../../cluster/nbd/session.ts';

/** A socket is read in chunks of at most so many bytes. */
export const chunkBytesMax = 65_536;

export class FuzzedConnection {
  readonly session: NbdSession;
  /** How the server ended the session: the violation, or null for a clean end; undefined while it has not. */
  hungUp: string | null | undefined;
  isLost = false;
  /** Everything that the client got or will get. */
  readonly sent: Uint8Array[] = [];
  /** Replies that the client does not take; 0 while it takes them. */
  unsentBytes = 0;
  unsentBytesHighest = 0;
  heldBytesHighest = 0;
  unfinishedHighest = 0;
  /** Bytes of the client that the session has received. */
  receivedBytes = 0;
  #takesReplies = true;
  #arrived: Uint8Array[] = [];
  #awake = true;
  #afterTurn: (() => void)[] = [];

  constructor(parts: Omit<SessionParts, 'port'>) {
    this.session = new NbdSession({
      ...parts,
      port: {
        wake: () => {
          this.#awake = true;
        },
        hangUp: (violation) => {
          if (this.hungUp !== undefined) throw new Error('hung up twice');
          this.hungUp = violation;
          this.#awake = true;
        },
        afterTurn: (run) => this.#afterTurn.push(run),
      },
    });
    this.run();
  }

  get isOpen(): boolean {
    return this.hungUp === undefined && !this.isLost;
  }

  /** Bytes arrive at the socket. */
  arrive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += chunkBytesMax)
      this.#arrived.push(bytes.subarray(at, at + chunkBytesMax));
    this.run();
  }

  /** Does what the session wants to do, with all that has arrived. */
  run(): void {
    for (;;) {
      while (this.#awake) this.#turn();
      if (!this.isOpen || !this.session.wantsInput) return;
      const chunk = this.#arrived.shift();
      if (chunk === undefined) return;
      this.receivedBytes += chunk.length;
      this.session.receive(chunk, this.#arrived.length === 0);
      this.#watch();
    }
  }

  /** A turn of the event loop passes. */
  passTurn(): void {
    const due = this.#afterTurn;
    this.#afterTurn = [];
    for (const run of due) run();
    this.run();
  }

  stick(): void {
    this.#takesReplies = false;
  }

  drain(): void {
    this.#takesReplies = true;
    this.unsentBytes = 0;
    if (this.isOpen) this.session.reportUnsent(0);
    this.run();
  }

  lose(): void {
    if (this.isLost) return;
    this.isLost = true;
    this.#arrived = [];
    this.session.connectionLost();
    this.run();
  }

  /** As connection.ts: turn, send, report. */
  #turn(): void {
    this.#awake = false;
    if (this.isOpen) this.session.turn();
    const pieces = this.session.takeOutput();
    if (this.isLost) return;
    for (const piece of pieces) {
      this.sent.push(piece);
      if (!this.#takesReplies) this.unsentBytes += piece.length;
    }
    if (pieces.length > 0 && this.isOpen) this.session.reportUnsent(this.unsentBytes);
    this.#watch();
  }

  #watch(): void {
    const { heldBytes, unfinished } = this.session;
    this.heldBytesHighest = Math.max(this.heldBytesHighest, heldBytes);
    this.unfinishedHighest = Math.max(this.unfinishedHighest, unfinished);
    this.unsentBytesHighest = Math.max(this.unsentBytesHighest, this.unsentBytes);
  }
}
