/**
 * How much a sender may have on its way to one destination. NATS stalls every producer of a server for the sake of
 * one receiver that is half of `max_pending` (64 MiB) behind, and hangs up on one that is behind it all; so each
 * sender keeps well below. Bytes are taken before they are published and given back when the answer came, or when
 * the I/O was given up. Whoever gets none waits here by the number of its slot; nothing is allocated per I/O.
 */
import { mebibyte } from '../protocols/units.ts';

/** On the way from one sender to one destination. */
export const creditBytesMax = 8 * mebibyte;
/** Slots that may wait at one destination; a driver has fewer slots than this. */
export const creditWaitersMax = 65_536;

const waitersAtFirst = 64;

/** Called with the slot that waited, once its bytes have been taken for it. May take, give and wait in turn. */
export type CreditGranted = (slot: number) => void;

export class Credits {
  readonly limitBytes: number;
  #takenBytes = 0;
  readonly #granted: CreditGranted | null;
  /** A ring of (slot, bytes): the eldest at `#head`; 0 bytes stand for a slot that gave up waiting. */
  #slots = new Float64Array(waitersAtFirst);
  #bytes = new Float64Array(waitersAtFirst);
  #head = 0;
  #waitingCount = 0;
  #isGranting = false;

  /** @param granted left out by a sender that only takes and gives, and keeps its own queue. */
  constructor(limitBytes: number = creditBytesMax, granted: CreditGranted | null = null) {
    this.limitBytes = limitBytes;
    this.#granted = granted;
  }

  /** Bytes on the way. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Slots in the queue, with those that gave up. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /**
   * Takes `bytes` if they are free and nobody waits: true, and the caller may publish. False: `wait`, or refuse.
   *
   * @throws RangeError when `bytes` is more than could ever be free, or not above zero: frames are cut far below.
   */
  take(bytes: number): boolean {
    this.#check(bytes);
    if (this.#waitingCount > 0 || this.#takenBytes + bytes > this.limitBytes) return false;
    this.#takenBytes += bytes;
    return true;
  }

  /**
   * Gives back what was taken. Lets those waiting have it, first come first served, before it returns.
   *
   * @throws RangeError when more comes back than was taken: something is given back twice.
   */
  give(bytes: number): void {
    if (!(bytes > 0 && bytes <= this.#takenBytes))
      throw new RangeError(`${bytes} bytes of credit came back, ${this.#takenBytes} were taken`);
    this.#takenBytes -= bytes;
    this.#grant();
  }

  /**
   * Queues a slot that needs `bytes`. False when too many wait already: the I/O must be refused.
   *
   * @throws RangeError when nobody would be told of the grant, or as `take` does.
   */
  wait(slot: number, bytes: number): boolean {
    if (this.#granted === null) throw new RangeError('these credits have nobody to grant to');
    this.#check(bytes);
    if (this.#waitingCount === creditWaitersMax) return false;
    if (this.#waitingCount === this.#slots.length) this.#grow();
    const at = (this.#head + this.#waitingCount) % this.#slots.length;
    this.#slots[at] = slot;
    this.#bytes[at] = bytes;
    this.#waitingCount += 1;
    this.#grant();
    return true;
  }

  /** Takes a slot out of the queue: its I/O was given up. False when it does not wait. */
  forget(slot: number): boolean {
    const size = this.#slots.length;
    for (let index = 0; index < this.#waitingCount; index++) {
      const at = (this.#head + index) % size;
      if (this.#slots[at] !== slot || this.#bytes[at] === 0) continue;
      this.#bytes[at] = 0;
      this.#grant();
      return true;
    }
    return false;
  }

  /** Not nested: a grant that gives or waits in turn is served by the round that is going on. */
  #grant(): void {
    if (this.#isGranting) return;
    this.#isGranting = true;
    try {
      while (this.#waitingCount > 0) {
        const bytes = this.#bytes[this.#head] ?? 0;
        if (this.#takenBytes + bytes > this.limitBytes) return;
        const slot = this.#slots[this.#head] ?? 0;
        this.#head = (this.#head + 1) % this.#slots.length;
        this.#waitingCount -= 1;
        if (bytes === 0) continue;
        this.#takenBytes += bytes;
        this.#granted?.(slot);
      }
    } finally {
      this.#isGranting = false;
    }
  }

  #grow(): void {
    const size = this.#slots.length;
    const slots = new Float64Array(size * 2);
    const bytes = new Float64Array(size * 2);
    for (let index = 0; index < this.#waitingCount; index++) {
      const at = (this.#head + index) % size;
      slots[index] = this.#slots[at] ?? 0;
      bytes[index] = this.#bytes[at] ?? 0;
    }
    this.#slots = slots;
    this.#bytes = bytes;
    this.#head = 0;
  }

  #check(bytes: number): void {
    if (!(bytes > 0 && bytes <= this.limitBytes))
      throw new RangeError(`${bytes} bytes of credit asked for, of ${this.limitBytes} at most`);
  }
}
