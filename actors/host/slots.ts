/**
 * Slots of the physical I/Os under way: reused records whose index is the reply subject, and the host's I/O numbers
 * with their watermark (DESIGN I6). What is sent, when and how often is left to others.
 */
import { Operation } from '../../protocols/codes.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { HostId, VolumeId } from '../../protocols/ids.ts';
import { type Incarnation, type IoNumber, unitOf } from '../../protocols/units.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { FlushEntry } from './flush-ledger.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { RouteEntry } from './route-table.ts';

export const SlotState = {
  free: 0,
  /** Sent, and an answer may come. */
  sent: 1,
  /** To be sent (again) from `retryAtMs` on; an answer to what was sent before may still come. */
  waiting: 2,
  /** To be sent again once there is newer control data. */
  held: 3,
} as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

export class Slot {
  readonly index: number;
  state: SlotState = SlotState.free;
  driver: OptimizationDriver | null = null;
  /** Null for a probe. */
  io: ConsumerIo | null = null;
  /** Place of this part among those of its I/O. */
  partIndex = 0;
  /** What is sent; filled anew at each attempt. */
  readonly request: Request;
  /** Of a write: the disks that will hold it; of a flush: the one that it goes to. */
  readonly flushEntries: FlushEntry[] = [];
  /** Of a flush: what the disk had acknowledged when it was begun. */
  flushMark = 0;
  /** The way that was taken last; null before the first. */
  route: RouteEntry | null = null;
  /** Taken from the route's HBA; 0 while nothing is under way. */
  creditBytes = 0;
  sentAtMs = 0;
  retryAtMs = 0;
  deadlineMs = 0;
  /** The last answer's bytes did not match their checksums. */
  damaged = false;
  older: Slot | null = null;
  newer: Slot | null = null;

  constructor(index: number, host: HostId, hostIncarnation: Incarnation) {
    this.index = index;
    this.request = blankRequest(index, host, hostIncarnation);
  }

  /** True when a reply is to what was sent last for this slot: exact match (DESIGN I6). */
  isAnsweredBy(reply: Reply): boolean {
    const { request } = this;
    return (
      this.state !== SlotState.free &&
      reply.ioNumber === request.ioNumber &&
      reply.attempt === request.attempt &&
      reply.hostIncarnation === request.hostIncarnation &&
      reply.host === request.host &&
      reply.operation === request.operation &&
      reply.offset === request.offset &&
      reply.volume === request.volume
    );
  }
}

export interface SlotLimits {
  readonly slotsMax: number;
  readonly windowMax: number;
}

export class SlotTable {
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #windowMax: number;
  #nextNumber = 1;
  #oldest: Slot | null = null;
  #newest: Slot | null = null;

  constructor(host: HostId, hostIncarnation: Incarnation, limits: SlotLimits) {
    this.#slots = Array.from(
      { length: limits.slotsMax },
      (_, index) => new Slot(index, host, hostIncarnation),
    );
    this.#free = this.#slots.toReversed();
    this.#windowMax = limits.windowMax;
  }

  /** All I/O numbers below this have ended. */
  get watermark(): IoNumber {
    return this.#oldest?.request.ioNumber ?? unitOf<IoNumber>(this.#nextNumber);
  }

  /** Of the I/O that will be begun next. */
  get nextNumber(): IoNumber {
    return unitOf<IoNumber>(this.#nextNumber);
  }

  /** The slot with the lowest I/O number in use; the others follow through `newer`. */
  get oldest(): Slot | null {
    return this.#oldest;
  }

  get inUse(): number {
    return this.#slots.length - this.#free.length;
  }

  /** False when no slot is free, or the I/O numbers are too far above the watermark. */
  get hasFree(): boolean {
    return this.#free.length > 0 && this.#nextNumber - this.watermark < this.#windowMax;
  }

  /** The slot of an index that came from outside. */
  at(index: number): Slot | undefined {
    return this.#slots[index];
  }

  /**
   * A slot with the next I/O number, attempt 0.
   *
   * @throws RangeError when there is none: ask `hasFree` before.
   */
  claim(driver: OptimizationDriver, io: ConsumerIo | null): Slot {
    const slot = this.#free.pop();
    if (slot === undefined) throw new RangeError('no slot is free');
    slot.state = SlotState.waiting;
    slot.driver = driver;
    slot.io = io;
    slot.request.ioNumber = unitOf<IoNumber>(this.#nextNumber++);
    slot.request.attempt = 0;
    slot.damaged = false;
    slot.older = this.#newest;
    if (this.#newest === null) this.#oldest = slot;
    else this.#newest.newer = slot;
    this.#newest = slot;
    return slot;
  }

  /** Ends the I/O number of a slot. */
  release(slot: Slot): void {
    if (slot.older === null) this.#oldest = slot.newer;
    else slot.older.newer = slot.newer;
    if (slot.newer === null) this.#newest = slot.older;
    else slot.newer.older = slot.older;
    slot.older = null;
    slot.newer = null;
    slot.state = SlotState.free;
    slot.driver = null;
    slot.io = null;
    slot.route = null;
    this.#free.push(slot);
  }
}

function blankRequest(slot: number, host: HostId, hostIncarnation: Incarnation): Request {
  return {
    operation: Operation.read,
    flags: 0,
    volume: '' as VolumeId,
    offset: unitOf(0),
    lengthBytes: 0,
    disk: '',
    diskOffset: unitOf(0),
    extentGeneration: unitOf(0),
    mirrorSet: '',
    generation: unitOf(0),
    controlEpoch: unitOf(0),
    attachEpoch: unitOf(0),
    eventCount: unitOf(0),
    partition: 0,
    partitionEpoch: unitOf(0),
    ownerIncarnation: unitOf(0),
    writeNumber: unitOf(0),
    lowestUnsettled: unitOf(0),
    host,
    hostIncarnation,
    ioNumber: unitOf(0),
    attempt: 0,
    watermark: unitOf(0),
    regionWrites: 0,
    replyKind: 'hba',
    replyId: '',
    replySlot: slot,
    route: [],
  };
}
