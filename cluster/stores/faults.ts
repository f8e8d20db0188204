/**
 * A block store with faults in it, around any other one. Without a fault it changes nothing, and costs next to
 * nothing. Composed only where a topology or a test asks for it; no store knows of it.
 *
 * Faults of a range last until they are healed, or for the next so many operations. Corrupt, lost and misdirected
 * operations succeed, as they do on real media: only checksums and tags can find them.
 */
import type {
  BlockStore,
  Cancel,
  Clock,
  Random,
  StoreDone,
  StoreError,
} from '../../protocols/ports.ts';
import { blockBytes } from '../../protocols/units.ts';

/**
 * - `read-error`, `write-error`: the medium fails.
 * - `no-space`: writes find no space.
 * - `corrupt`: reads get bytes of which one bit is flipped.
 * - `lost`: writes are acknowledged and not done.
 * - `misdirected`: writes go one block further.
 * - `sync-error`: flushes fail.
 * - `slow`: everything takes `delayMs` longer, or `times` as long.
 */
export type StoreFaultKind =
  | 'read-error'
  | 'write-error'
  | 'no-space'
  | 'corrupt'
  | 'lost'
  | 'misdirected'
  | 'sync-error'
  | 'slow';

export interface StoreFault {
  readonly kind: StoreFaultKind;
  /** Operations that touch this range; all, when left out. */
  readonly atBytes?: number;
  readonly lengthBytes?: number;
  /** How many operations it hits; no end, when left out. */
  readonly operations?: number;
  /** For `slow`, one of them. */
  readonly delayMs?: number;
  readonly times?: number;
}

interface ActiveFault extends StoreFault {
  operationsLeft: number;
  /** Results that `slow` holds back: each call hands one out. */
  readonly heldBack: Set<() => void>;
}

export class FaultyStore implements BlockStore {
  readonly sizeBytes: number;
  readonly #inner: BlockStore;
  readonly #clock: Clock;
  readonly #random: Random;
  #faults: ActiveFault[] = [];
  /** How many operations each kind of fault has hit. */
  readonly hits: Partial<Record<StoreFaultKind, number>> = {};

  constructor(inner: BlockStore, clock: Clock, random: Random) {
    this.#inner = inner;
    this.sizeBytes = inner.sizeBytes;
    this.#clock = clock;
    this.#random = random;
  }

  /** Adds a fault; the result ends it, and nothing else. */
  inject(fault: StoreFault): Cancel {
    const operationsLeft = fault.operations ?? Number.POSITIVE_INFINITY;
    const active = { ...fault, operationsLeft, heldBack: new Set<() => void>() };
    this.#faults.push(active);
    return () => this.#end(active);
  }

  /** Ends all faults. What they have done to the medium stays. */
  heal(): void {
    for (const fault of [...this.#faults]) this.#end(fault);
  }

  read(atBytes: number, into: Uint8Array, done: StoreDone): void {
    if (this.#faults.length === 0) {
      this.#inner.read(atBytes, into, done);
      return;
    }
    const delayed = this.#delayed(atBytes, into.length, done);
    if (this.#hits('read-error', atBytes, into.length)) {
      this.#fail(delayed, { kind: 'media', detail: `injected read error at ${atBytes}` });
      return;
    }
    const isCorrupt = this.#hits('corrupt', atBytes, into.length);
    this.#inner.read(atBytes, into, (error) => {
      if (isCorrupt && into.length > 0) {
        const at = this.#random.integer(into.length);
        into[at] = (into[at] ?? 0) ^ (1 << this.#random.integer(8));
      }
      delayed(error);
    });
  }

  write(atBytes: number, pieces: readonly Uint8Array[], done: StoreDone): void {
    if (this.#faults.length === 0) {
      this.#inner.write(atBytes, pieces, done);
      return;
    }
    let lengthBytes = 0;
    for (const piece of pieces) lengthBytes += piece.length;
    const delayed = this.#delayed(atBytes, lengthBytes, done);
    if (this.#hits('write-error', atBytes, lengthBytes))
      this.#fail(delayed, { kind: 'media', detail: `injected write error at ${atBytes}` });
    else if (this.#hits('no-space', atBytes, lengthBytes))
      this.#fail(delayed, { kind: 'no-space', detail: `injected lack of space at ${atBytes}` });
    else if (this.#hits('lost', atBytes, lengthBytes)) this.#clock.soon(() => delayed(null));
    else {
      const fits = atBytes + lengthBytes + blockBytes <= this.sizeBytes;
      const isElsewhere = fits && this.#hits('misdirected', atBytes, lengthBytes);
      this.#inner.write(isElsewhere ? atBytes + blockBytes : atBytes, pieces, delayed);
    }
  }

  flush(done: StoreDone): void {
    const delayed = this.#delayed(0, this.sizeBytes, done);
    if (this.#hits('sync-error', 0, this.sizeBytes))
      this.#fail(delayed, { kind: 'sync-failed', detail: 'injected sync error' });
    else this.#inner.flush(delayed);
  }

  close(done: () => void): void {
    this.#inner.close(done);
  }

  #delayed(atBytes: number, lengthBytes: number, done: StoreDone): StoreDone {
    const slow = this.#find('slow', atBytes, lengthBytes);
    if (slow === undefined) return done;
    const startMs = this.#clock.now();
    return (error) => {
      const tookMs = this.#clock.now() - startMs;
      const handOut = () => {
        if (slow.heldBack.delete(handOut)) done(error);
      };
      slow.heldBack.add(handOut);
      this.#clock.setTimeout(handOut, slow.delayMs ?? tookMs * ((slow.times ?? 1) - 1));
    };
  }

  /** What it holds back is handed out: nobody waits longer than the fault lasts. */
  #end(fault: ActiveFault): void {
    this.#faults = this.#faults.filter((each) => each !== fault);
    for (const handOut of fault.heldBack) this.#clock.soon(handOut);
  }

  #fail(done: StoreDone, error: StoreError): void {
    this.#clock.soon(() => done(error));
  }

  #hits(kind: StoreFaultKind, atBytes: number, lengthBytes: number): boolean {
    return this.#find(kind, atBytes, lengthBytes) !== undefined;
  }

  /** The fault that hits this operation, counted. */
  #find(kind: StoreFaultKind, atBytes: number, lengthBytes: number): ActiveFault | undefined {
    const hit = this.#faults.find(
      (fault) => fault.kind === kind && touches(fault, atBytes, lengthBytes),
    );
    if (hit === undefined) return undefined;
    this.hits[kind] = (this.hits[kind] ?? 0) + 1;
    hit.operationsLeft -= 1;
    if (hit.operationsLeft <= 0) this.#faults = this.#faults.filter((each) => each !== hit);
    return hit;
  }
}

function touches(fault: StoreFault, atBytes: number, lengthBytes: number): boolean {
  const start = fault.atBytes ?? 0;
  const end = start + (fault.lengthBytes ?? Number.POSITIVE_INFINITY);
  return atBytes < end && start < atBytes + lengthBytes;
}
