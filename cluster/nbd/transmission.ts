/**
 * One connection in its transmission phase: takes requests out of the received bytes, hands them to the volume, and
 * says how they ended. Bounded by the session's limits: when one is reached it takes no further request. No I/O of
 * its own; no promise, timer or closure per request.
 */
import type { AllocationStretch, AttachedVolume } from '../../protocols/attached-volume.ts';
import { Status, statusName } from '../../protocols/codes.ts';
import {
  NBD_CMD_CACHE,
  NBD_CMD_DISC,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_WRITE,
  NBD_ESHUTDOWN,
} from '../../protocols/nbd/constants.ts';
import { nbdErrorOf } from '../../protocols/nbd/errors.ts';
import {
  type RequestHeader,
  readRequest,
  requestHeaderBytes,
} from '../../protocols/nbd/transmission.ts';
import { blockDescriptors } from './block-status.ts';
import { execute } from './execution.ts';
import type { SessionLimits } from './limits.ts';
import { allocationContextId } from './negotiation.ts';
import type { OverlapOrder } from './overlap-order.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import type { Replies } from './replies.ts';
import { refusalOf, type Terms } from './request-check.ts';
import type { RequestSlot, SlotOwner } from './request-slot.ts';
import { SlotTable } from './slot-table.ts';

/**
 * - `serving`: requests are taken.
 * - `stopping`: the server goes down; what is under way is finished, new requests get NBD_ESHUTDOWN.
 * - `leaving`: the client said goodbye; what is under way is finished.
 * - `over`: all of it is finished, and the connection may be closed.
 * - `dead`: the connection is gone or broke the protocol; what is under way ends into nothing.
 */
type Mode = 'serving' | 'stopping' | 'leaving' | 'over' | 'dead';

export interface TransmissionParts {
  readonly volume: AttachedVolume;
  readonly terms: Terms;
  readonly limits: SessionLimits;
  readonly order: OverlapOrder;
  readonly input: ReceivedBytes;
  readonly replies: Replies;
  /** A reply is ready, or a request may be taken that could not: to be called often, so it must cost nothing. */
  readonly wake: () => void;
  /** The connection is to be closed; `violation` says how the client broke the protocol, if it did. */
  readonly over: (violation: string | null) => void;
}

export class Transmission implements SlotOwner {
  readonly #parts: TransmissionParts;
  readonly #input: ReceivedBytes;
  readonly #slots: SlotTable;
  #mode: Mode = 'serving';
  /** The request that stands first in the input, until it has a slot; overwritten by the next one. */
  readonly #header: RequestHeader = {
    command: 0,
    flags: 0,
    cookieHigh: 0,
    cookieLow: 0,
    offset: 0,
    lengthBytes: 0,
  };
  /** A WRITE whose payload has not arrived. */
  #incoming: RequestSlot | null = null;
  /** Payload of a refused WRITE still to be thrown away. */
  #skipBytes = 0;
  #limited = false;

  constructor(parts: TransmissionParts) {
    this.#parts = parts;
    this.#input = parts.input;
    this.#slots = new SlotTable(this, parts.limits);
    parts.order.join(this.#slots);
  }

  /** Requests taken and not ended. */
  get unfinished(): number {
    return this.#slots.used;
  }

  /** True while a limit keeps it from taking requests until some of those under way have ended. */
  get limited(): boolean {
    return this.#limited;
  }

  /**
   * Takes as many requests as have arrived and may begin. Stops when there is a lot to say: a refusal is longer than
   * what it refuses, and a client that takes none of them must not make the server write them all down.
   */
  pump(): void {
    this.#limited = false;
    while (this.#mode === 'serving' || this.#mode === 'stopping') {
      if (this.#skipBytes > 0) {
        this.#skipBytes -= this.#input.skip(this.#skipBytes);
        if (this.#skipBytes > 0) return;
      }
      const incoming = this.#incoming;
      if (incoming !== null) {
        if (this.#input.lengthBytes < incoming.lengthBytes) return;
        incoming.payload = this.#input.take(incoming.lengthBytes);
        this.#incoming = null;
        this.#submit(incoming);
        continue;
      }
      if (this.#parts.replies.waitingBytes > this.#parts.limits.unsentBytesMax) {
        this.#limited = true;
        this.#parts.wake();
        return;
      }
      if (!this.#input.contiguous(requestHeaderBytes)) return;
      if (!readRequest(this.#input.bytes, this.#input.at, this.#header)) {
        this.#depart('dead');
        this.#parts.over('a request without its magic');
        return;
      }
      if (!this.#take()) return;
    }
    this.#input.clear();
  }

  /** The connection is gone: what the volume has not begun is dropped, what it has ends into nothing. */
  die(): void {
    if (this.#mode !== 'dead') this.#depart('dead');
  }

  /** The server goes down: finishes what the volume has begun and refuses the rest. */
  stop(): void {
    if (this.#mode !== 'serving') return;
    this.#mode = 'stopping';
    if (this.#incoming !== null) this.#skipBytes = this.#incoming.lengthBytes;
    this.#dropUnbegun((slot) => this.#refuseStopping(slot));
    this.#parts.wake();
    this.#endWhenIdle();
  }

  begin(slot: RequestSlot): void {
    slot.state = 'running';
    execute(slot, this.#parts.volume);
  }

  ioEnded(slot: RequestSlot, status: Status, pieces: readonly Uint8Array[]): void {
    if (this.#mode !== 'dead') {
      if (status !== Status.ok) this.#failed(slot, status);
      else if (slot.command === NBD_CMD_READ) this.#parts.replies.data(slot, pieces);
      else this.#parts.replies.done(slot);
    }
    this.#ended(slot);
  }

  allocationEnded(
    slot: RequestSlot,
    status: Status,
    stretches: readonly AllocationStretch[],
  ): void {
    if (this.#mode !== 'dead') {
      if (status !== Status.ok) this.#failed(slot, status);
      else {
        const descriptors = blockDescriptors(slot, stretches, this.#parts.limits.descriptorsMax);
        this.#parts.replies.blockStatus(slot, allocationContextId, descriptors);
      }
    }
    this.#ended(slot);
  }

  /** Takes the request whose header was read; false when it has to wait, or nothing may follow it. */
  #take(): boolean {
    const header = this.#header;
    if (header.command === NBD_CMD_DISC) {
      this.#depart('leaving');
      this.#endWhenIdle();
      return false;
    }
    if (this.#mode === 'stopping') {
      this.#refuseStopping(header);
      return this.#passRefused();
    }
    const refusal = refusalOf(header, this.#parts.terms);
    if (refusal !== null) {
      this.#parts.replies.failed(header, refusal.error, refusal.message);
      return this.#passRefused();
    }
    if (this.#isNoWork(header)) {
      this.#input.skip(requestHeaderBytes);
      this.#parts.replies.done(header);
      this.#parts.wake();
      return true;
    }
    const slot = this.#slots.acquire(header);
    if (slot === null) {
      this.#limited = true;
      return false;
    }
    this.#input.skip(requestHeaderBytes);
    if (slot.command === NBD_CMD_WRITE) this.#incoming = slot;
    else this.#submit(slot);
    return true;
  }

  /** Nothing to do for no bytes, nor for a hint that is larger than a volume reads at once. */
  #isNoWork({ command, lengthBytes }: Readonly<RequestHeader>): boolean {
    if (lengthBytes === 0) return command !== NBD_CMD_FLUSH;
    return command === NBD_CMD_CACHE && lengthBytes > this.#parts.terms.ioBytesMax;
  }

  /** Goes on behind a refused request; a WRITE's payload is thrown away, or ends the session when it is absurd. */
  #passRefused(): boolean {
    const { command, lengthBytes } = this.#header;
    this.#parts.wake();
    this.#input.skip(requestHeaderBytes);
    if (command !== NBD_CMD_WRITE) return true;
    if (lengthBytes > this.#parts.limits.skippedPayloadBytesMax) {
      this.#depart('dead');
      this.#parts.over(`a write of ${lengthBytes} bytes`);
      return false;
    }
    this.#skipBytes = lengthBytes;
    return true;
  }

  #submit(slot: RequestSlot): void {
    if (slot.command === NBD_CMD_FLUSH) {
      this.begin(slot);
      return;
    }
    slot.state = 'waiting';
    if (this.#parts.order.admit(slot)) this.begin(slot);
  }

  #ended(slot: RequestSlot): void {
    if (slot.state !== 'running') throw new Error('the volume ended an I/O twice');
    this.#release(slot);
    this.#parts.wake();
    this.#endWhenIdle();
  }

  #release(slot: RequestSlot): void {
    this.#slots.release(slot);
    this.#parts.order.ended(slot);
    const gone = this.#mode === 'dead' || this.#mode === 'over';
    if (gone && this.#slots.used === 0) this.#parts.order.leave(this.#slots);
  }

  /** Takes no further request. A client that said goodbye still gets done what it asked for before. */
  #depart(mode: 'leaving' | 'dead'): void {
    this.#mode = mode;
    this.#limited = false;
    this.#input.clear();
    if (mode === 'leaving') return;
    this.#dropUnbegun(() => {});
    if (this.#slots.used === 0) this.#parts.order.leave(this.#slots);
  }

  #dropUnbegun(dropping: (slot: RequestSlot) => void): void {
    this.#incoming = null;
    for (const slot of this.#slots.requests) {
      if (slot.state !== 'waiting' && slot.state !== 'receiving') continue;
      dropping(slot);
      this.#release(slot);
    }
  }

  #endWhenIdle(): void {
    if (this.#slots.used > 0 || (this.#mode !== 'stopping' && this.#mode !== 'leaving')) return;
    this.#mode = 'over';
    this.#parts.order.leave(this.#slots);
    this.#parts.over(null);
  }

  #failed(slot: RequestSlot, status: Status): void {
    const error = nbdErrorOf(status, slot.command);
    const message = `volume ${this.#parts.volume.name}: ${statusName(status)}`;
    this.#parts.replies.failed(slot, error, message);
  }

  #refuseStopping(request: Readonly<RequestHeader>): void {
    this.#parts.replies.failed(request, NBD_ESHUTDOWN, 'the server is going down');
  }
}
