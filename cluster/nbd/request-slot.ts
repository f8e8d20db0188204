/**
 * One request while it is under way. Slots are made as they are needed, kept and used again, with the callbacks that
 * the volume gets: an I/O allocates none of them.
 */
import type { AllocationStretch, ConsumerDone } from '../../protocols/attached-volume.ts';
import type { Status } from '../../protocols/codes.ts';
import type { RequestHeader } from '../../protocols/nbd/transmission.ts';
import type { Lane, OrderedRequest } from './overlap-order.ts';

/**
 * - `free`: nobody's.
 * - `receiving`: a WRITE whose payload has not arrived.
 * - `waiting`: behind a write of another connection; the volume knows nothing of it.
 * - `running`: the volume has it, and will end it.
 */
export type SlotState = OrderedRequest['state'];

/** Whose slots these are: told what becomes of a request. */
export interface SlotOwner {
  begin(slot: RequestSlot): void;
  ioEnded(slot: RequestSlot, status: Status, pieces: readonly Uint8Array[]): void;
  allocationEnded(slot: RequestSlot, status: Status, stretches: readonly AllocationStretch[]): void;
}

export class RequestSlot implements RequestHeader, OrderedRequest {
  state: SlotState = 'free';
  command = 0;
  flags = 0;
  cookieHigh = 0;
  cookieLow = 0;
  offset = 0;
  lengthBytes = 0;
  changesData = false;
  /** What it takes of the connection's `inFlightBytesMax`. */
  chargedBytes = 0;
  /** A WRITE's bytes, as views into what was received. */
  payload: readonly Uint8Array[] = [];
  arrival = 0;
  blocker: OrderedRequest | null = null;
  waiters: OrderedRequest[] | null = null;

  readonly lane: Lane;
  readonly ioDone: ConsumerDone;
  readonly allocationDone: (status: Status, stretches: readonly AllocationStretch[]) => void;
  readonly #owner: SlotOwner;

  constructor(owner: SlotOwner, lane: Lane) {
    this.#owner = owner;
    this.lane = lane;
    this.ioDone = (status, pieces) => owner.ioEnded(this, status, pieces);
    this.allocationDone = (status, stretches) => owner.allocationEnded(this, status, stretches);
  }

  proceed(): void {
    this.#owner.begin(this);
  }
}
