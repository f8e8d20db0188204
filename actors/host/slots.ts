/**
 * Slots of the physical I/Os under way: reused records whose index is the reply subject, and the host's I/O numbers
 * with their watermark (DESIGN I6). What is sent, when and how often is left to others.
 */
import { Operation, type Status } from '../../protocols/codes.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Request } from '../../protocols/frames/request.ts';
import type { DiskId, HostId, SwitchId, VolumeId } from '../../protocols/ids.ts';
import { type Incarnation, type IoNumber, unitOf } from '../../protocols/units.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { FlushEntry } from './flush-ledger.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { PathFailover } from './path-failover.ts';
import type { RouteEntry } from './route-table.ts';

export const SlotState = {
  free: 0,
  /** Sent, and an answer may come. */
  sent: 1,
  /** To be sent (again) from `retryAtMs` on; an answer to what was sent before may still come. */
  waiting: 2,
  /** To be sent again once there is newer control data. */
  held: 3,
  /** A machine says how it goes on; what was sent before does not count any more. */
  recovering: 4,
} as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

const nobody: readonly DiskId[] = [];

/** What steers a part that met trouble, until the part has ended. */
export interface PartRecovery {
  /** @param disk the one that it was sent to last; '' when that was a switch's choice */
  partEnded(status: Status, disk: DiskId | ''): void;
}
/** More earlier frames of a slot than these are not told apart. */
const sendTags = 8;

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
  /** When the first was sent of the attempts that were made since because no answer came, and for nothing else. */
  unansweredSinceMs = 0;
  /** The way of the attempt before, and when it was sent. */
  earlierRoute: RouteEntry | null = null;
  earlierSentAtMs = 0;
  retryAtMs = 0;
  deadlineMs = 0;
  /** While it waits: others have to hear of a decision, so that newer control data ends the wait. */
  awaitsDecision = false;
  /** Whose answers had bytes that did not match their checksums. */
  damagedBy: readonly (DiskId | '')[] = nobody;
  /** The disks that it may be read from; null: any that is in sync. */
  mirrors: readonly DiskId[] | null = null;
  /** A switch that lacks what was decided: reads pass it by where they can; '' for none. */
  passedBy: SwitchId | '' = '';
  /** Null while it meets no trouble that a machine must handle. */
  recovery: PartRecovery | null = null;
  /** Whose it is since its way failed. */
  failover: PathFailover | null = null;
  /** Ways that failed under it in that failover. */
  waysTried = 0;
  /** What was sent of it is fenced by newer control data: no answer to that counts, and it is sent anew. */
  isOutdated = false;
  /** Its silence was looked into, since it was sent last. */
  isProbed = false;
  /** A small frame that only measures how long the answer takes: whether one comes, says nothing of anybody. */
  isMeasure = false;
  /** Steps with each re-issue, so that "nobody listens" to an earlier one is told from one to the last. */
  sendTag = 0;
  older: Slot | null = null;
  newer: Slot | null = null;

  constructor(index: number, host: HostId, hostIncarnation: Incarnation) {
    this.index = index;
    this.request = blankRequest(index, host, hostIncarnation);
  }

  /** The next frame is another attempt. */
  nextAttempt(): void {
    this.earlierRoute = this.route;
    this.earlierSentAtMs = this.sentAtMs;
    this.request.attempt++;
    this.awaitsDecision = false;
    this.isOutdated = false;
    this.sendTag = (this.sendTag + 1) % sendTags;
    this.isProbed = false;
  }

  /** True for a flush of a disk that is no member any more: the other mirrors answer for what it was to make durable. */
  get isMoot(): boolean {
    const [entry] = this.flushEntries;
    return this.request.operation === Operation.flush && entry?.isMember === false;
  }

  /** True when a reply is to what was sent last for this slot: exact match (DESIGN I6). */
  isAnsweredBy(reply: Reply): boolean {
    const { request } = this;
    return (
      this.state !== SlotState.free &&
      this.state !== SlotState.recovering &&
      !this.isOutdated &&
      reply.ioNumber === request.ioNumber &&
      reply.attempt === request.attempt &&
      reply.hostIncarnation === request.hostIncarnation &&
      reply.host === request.host &&
      reply.operation === request.operation &&
      reply.offset === request.offset &&
      reply.volume === request.volume
    );
  }

  /** True when a reply is to the attempt before: it does not count, but shows how slow its way is. */
  isAnsweredLateBy(reply: Reply): boolean {
    return this.isAnsweredBy({ ...reply, attempt: reply.attempt + 1 });
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

  /** The slot that something came back to: to its index, or to where one of its frames had to return. */
  at(place: number): Slot | undefined {
    return this.#slots[place % this.#slots.length];
  }

  /** Where "nobody listens" to what is sent for the slot now comes back; answers of the other end go to its index. */
  returnPlaceOf(slot: Slot): number {
    return slot.index + slot.sendTag * this.#slots.length;
  }

  /** The slot whose last frame had this place to return to; undefined when that was an earlier one. */
  returnedTo(place: number): Slot | undefined {
    const slot = this.#slots[place % this.#slots.length];
    return slot !== undefined && this.returnPlaceOf(slot) === place ? slot : undefined;
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
    if (io?.isRange === true) driver.rangePartsOpen++;
    slot.request.ioNumber = unitOf<IoNumber>(this.#nextNumber++);
    slot.request.attempt = 0;
    slot.damagedBy = nobody;
    slot.mirrors = null;
    slot.passedBy = '';
    slot.recovery = null;
    slot.awaitsDecision = false;
    slot.isOutdated = false;
    slot.isProbed = false;
    slot.isMeasure = false;
    slot.older = this.#newest;
    if (this.#newest === null) this.#oldest = slot;
    else this.#newest.newer = slot;
    this.#newest = slot;
    return slot;
  }

  /** Ends the I/O number of a slot. */
  release(slot: Slot): void {
    const { failover, io, driver } = slot;
    if (io?.isRange === true && driver !== null) driver.rangePartsOpen--;
    slot.failover = null;
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
    slot.earlierRoute = null;
    slot.recovery = null;
    this.#free.push(slot);
    if (failover !== null) failover.partEnded();
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
