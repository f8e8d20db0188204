/** The requests that one connection has under way, and the limits on them. */
import type { RequestHeader } from '../../protocols/nbd/transmission.ts';
import type { SessionLimits } from './limits.ts';
import type { Lane } from './overlap-order.ts';
import { carriesPayload, changesData } from './request-check.ts';
import { RequestSlot, type SlotOwner } from './request-slot.ts';

const nothing: readonly Uint8Array[] = [];

export class SlotTable implements Lane {
  /** Every slot ever made; at most `requestsMax`. */
  readonly requests: RequestSlot[] = [];
  unfinishedWrites = 0;
  readonly #owner: SlotOwner;
  readonly #limits: SessionLimits;
  readonly #free: RequestSlot[] = [];
  #chargedBytes = 0;

  constructor(owner: SlotOwner, limits: SessionLimits) {
    this.#owner = owner;
    this.#limits = limits;
  }

  /** Requests under way. */
  get used(): number {
    return this.requests.length - this.#free.length;
  }

  /** A slot for the request, in state `receiving`; null when a limit is reached. */
  acquire(request: Readonly<RequestHeader>): RequestSlot | null {
    if (this.used >= this.#limits.requestsMax) return null;
    const chargedBytes = carriesPayload(request.command) ? request.lengthBytes : 0;
    const full = this.#chargedBytes + chargedBytes > this.#limits.inFlightBytesMax;
    if (full && this.#chargedBytes > 0) return null;
    const slot = this.#free.pop() ?? this.#make();
    slot.state = 'receiving';
    slot.command = request.command;
    slot.flags = request.flags;
    slot.cookieHigh = request.cookieHigh;
    slot.cookieLow = request.cookieLow;
    slot.offset = request.offset;
    slot.lengthBytes = request.lengthBytes;
    slot.chargedBytes = chargedBytes;
    slot.changesData = changesData(request.command);
    this.#chargedBytes += chargedBytes;
    if (slot.changesData) this.unfinishedWrites++;
    return slot;
  }

  release(slot: RequestSlot): void {
    slot.state = 'free';
    slot.payload = nothing;
    slot.blocker = null;
    this.#chargedBytes -= slot.chargedBytes;
    if (slot.changesData) this.unfinishedWrites--;
    this.#free.push(slot);
  }

  #make(): RequestSlot {
    const slot = new RequestSlot(this.#owner, this);
    this.requests.push(slot);
    return slot;
  }
}
