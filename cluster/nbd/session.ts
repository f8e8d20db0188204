/**
 * One NBD connection without its socket: bytes in, bytes out, and calls on the volume of the export that the client
 * chose. Knows nothing of sockets, time or other connections, except through what the connections of a volume share.
 */
import { NBD_FLAG_FIXED_NEWSTYLE, NBD_FLAG_NO_ZEROES } from '../../protocols/nbd/constants.ts';
import { encodeGreeting } from '../../protocols/nbd/handshake.ts';
import { type AfterTurn, Arrivals } from './arrival-order.ts';
import { blockSizesOf, isReadOnly } from './export-facts.ts';
import type { ExportCatalogue } from './exports.ts';
import type { SessionLimits } from './limits.ts';
import { type Choice, Negotiation } from './negotiation.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { Replies } from './replies.ts';
import { ReplyOutput } from './reply-output.ts';
import { Transmission } from './transmission.ts';
import type { VolumeShare, VolumeShares } from './volume-shares.ts';

/** What a session asks of its connection. */
export interface SessionPort {
  /** Call `turn` once the work at hand has returned. Called often: must cost nothing the second time. */
  wake(): void;
  /**
   * Close the connection: after what `takeOutput` gives has been sent, or at once if the client broke the protocol
   * (`violation` says how). Called at most once.
   */
  hangUp(violation: string | null): void;
  readonly afterTurn: AfterTurn;
}

export interface SessionParts {
  readonly catalogue: ExportCatalogue;
  readonly limits: SessionLimits;
  readonly shares: VolumeShares;
  readonly port: SessionPort;
}

type Phase =
  | { readonly name: 'negotiation'; readonly negotiation: Negotiation }
  /** An export is chosen, and older connections have not read up (arrival-order.ts). */
  | { readonly name: 'entering' }
  | { readonly name: 'transmission'; readonly transmission: Transmission }
  | { readonly name: 'over' };

export class NbdSession {
  readonly #parts: SessionParts;
  readonly #input = new ReceivedBytes();
  readonly #output = new ReplyOutput();
  readonly #arrivals: Arrivals;
  #phase: Phase;
  #exportName: string | null = null;
  #share: VolumeShare | null = null;
  /** Outlives its phase: its requests may still be under way when the connection is gone. */
  #transmission: Transmission | null = null;
  #unsentTooMuch = false;

  /** Begins with the greeting, which is ready to be taken. */
  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#arrivals = new Arrivals(parts.port.afterTurn);
    const negotiation = new Negotiation({ ...parts, input: this.#input, output: this.#output });
    this.#phase = { name: 'negotiation', negotiation };
    this.#output.append(encodeGreeting(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES));
  }

  /** False while limits forbid to read more: then stop reading the socket, and look again after each `turn`. */
  get wantsInput(): boolean {
    if (this.#unsentTooMuch || this.#phase.name === 'over') return false;
    const taking =
      this.#phase.name === 'negotiation' ||
      (this.#phase.name === 'transmission' && !this.#phase.transmission.limited);
    return taking || this.#input.lengthBytes < this.#parts.limits.readAheadBytesMax;
  }

  /** Requests under way, also after the connection was lost: what they hold is freed when there are none. */
  get unfinished(): number {
    return this.#transmission?.unfinished ?? 0;
  }

  /** Bytes received and not begun. */
  get heldBytes(): number {
    return this.#input.lengthBytes;
  }

  /** The name of the export in use, or null before one was chosen. */
  get exportName(): string | null {
    return this.#exportName;
  }

  /**
   * Bytes from the client, of any number; they must not change any more. `emptied` says that the socket had no more
   * than these when they were read.
   */
  receive(chunk: Uint8Array, emptied: boolean): void {
    if (this.#phase.name === 'over') return;
    this.#arrivals.received(emptied);
    this.#input.push(chunk);
    this.turn();
  }

  /** Goes on with what limits held back. To be called after `wake`. */
  turn(): void {
    if (this.#unsentTooMuch) return;
    if (this.#phase.name === 'negotiation') this.#negotiate(this.#phase.negotiation);
    if (this.#phase.name === 'transmission') this.#phase.transmission.pump();
    this.#arrivals.mayRead(this.wantsInput);
  }

  /** What is to be sent, in order; belongs to the taker, and nobody changes it. */
  takeOutput(): Uint8Array[] {
    return this.#output.take();
  }

  /** `unsentBytes` of the output that was taken have not left the process. */
  reportUnsent(unsentBytes: number): void {
    const tooMuch = unsentBytes > this.#parts.limits.unsentBytesMax;
    if (this.#unsentTooMuch === tooMuch) return;
    this.#unsentTooMuch = tooMuch;
    if (tooMuch) this.#arrivals.mayRead(true);
    else this.#parts.port.wake();
  }

  /** The server goes down: requests under way are answered, others refused; then the connection is hung up. */
  stop(): void {
    if (this.#phase.name === 'transmission') this.#phase.transmission.stop();
    else this.#end(null);
  }

  /** The connection is gone. Requests under way end into nothing. */
  connectionLost(): void {
    this.#transmission?.die();
    this.#leave();
    this.#output.take();
  }

  #negotiate(negotiation: Negotiation): void {
    const end = negotiation.pump();
    if (!this.#output.isEmpty) this.#parts.port.wake();
    if (end === null) return;
    if (end.kind === 'over') {
      this.#end(end.reason);
      return;
    }
    this.#exportName = end.chosen.name;
    this.#phase = { name: 'entering' };
    this.#share = this.#parts.shares.of(end.chosen.volume);
    this.#share.enter(this.#arrivals, () => this.#enter(end));
  }

  #enter(choice: Choice): void {
    if (this.#phase.name !== 'entering' || this.#share === null) return;
    const { chosen, structured } = choice;
    const { port, limits } = this.#parts;
    this.#transmission = new Transmission({
      volume: chosen.volume,
      terms: {
        sizeBytes: chosen.volume.sizeBytes,
        readOnly: isReadOnly(chosen),
        structured,
        alignmentBytes: choice.blockSizes ? blockSizesOf(chosen).minimumBytes : 1,
        ioBytesMax: chosen.volume.ioBytesMax,
        zeroesFast: chosen.zeroesFast === true,
        allocation: choice.allocation,
      },
      limits,
      order: this.#share.order,
      input: this.#input,
      replies: new Replies(this.#output, structured),
      wake: () => port.wake(),
      over: (violation) => this.#end(violation),
    });
    this.#phase = { name: 'transmission', transmission: this.#transmission };
    port.wake();
  }

  #end(violation: string | null): void {
    if (this.#phase.name === 'over') return;
    this.#leave();
    this.#parts.port.hangUp(violation);
  }

  #leave(): void {
    this.#phase = { name: 'over' };
    this.#input.clear();
    this.#share?.leave(this.#arrivals);
  }
}
