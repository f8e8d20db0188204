/**
 * Turns a consumer's I/O into physical requests (DESIGN H1), chooses the path of each (H2, H3, H4) and sends it;
 * again with attempt + 1 when asked to. When to try again, and what answers mean, is left to others.
 */
import { Operation } from '../../protocols/codes.ts';
import { encodeRequest } from '../../protocols/frames/frame.ts';
import { RequestFlag, rangeBytesMax } from '../../protocols/frames/request.ts';
import type { DiskId } from '../../protocols/ids.ts';
import { type CutPart, PartList } from '../../protocols/layout/compiled-layout.ts';
import type { Clock } from '../../protocols/ports.ts';
import {
  blockBytes,
  type DiskOffset,
  type ExtentGeneration,
  roundDown,
  unitOf,
  type VolumeOffset,
} from '../../protocols/units.ts';
import { type ConsumerIo, Turn } from './consumer-io.ts';
import { carriesData, creditBytesOf, frameOverheadBytes } from './credit-cost.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import { needsFlush } from './flush-ledger.ts';
import { changesMarks, markPartOf } from './mark-part.ts';
import { noteSent } from './notices.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import { addressDisk, fillRange, stampRequest } from './request-fields.ts';
import { readableDisks, routeForPart, routeToDisk } from './route-choice.ts';
import type { RouteEntry } from './route-table.ts';
import { type Slot, SlotState, type SlotTable } from './slots.ts';

export interface IssuerParts {
  readonly clock: Clock;
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
}

export class Issuer {
  readonly #clock: Clock;
  readonly #policy: DriverPolicy;
  readonly #counters: DriverCounters;
  readonly #slots: SlotTable;
  /** Reused by every cut. */
  readonly #cut = new PartList();

  constructor(parts: IssuerParts) {
    this.#clock = parts.clock;
    this.#policy = parts.policy;
    this.#counters = parts.counters;
    this.#slots = parts.slots;
  }

  /** Sends parts of an I/O until its turn is over. One that was blocked in it goes on with the rest of it. */
  issueTurn(io: ConsumerIo): Turn {
    const { turnParts, rangePartsMax } = this.#policy;
    const partsEnd = (Math.floor(io.partsMade / turnParts) + 1) * turnParts;
    while (io.cursor < io.end) {
      if (io.partsMade >= partsEnd) return Turn.over;
      if (io.isRange && io.driver.rangePartsOpen >= rangePartsMax) return Turn.full;
      if (!this.#slots.hasFree) return Turn.blocked;
      const issued = io.operation === Operation.flush ? this.#issueFlush(io) : this.#issuePart(io);
      if (!issued) return Turn.blocked;
    }
    return Turn.sent;
  }

  /**
   * Sends a slot's request once more, under the numbers and on the best path of now.
   *
   * @returns false when the range is not one part any more: it cannot be re-issued as it is
   */
  reissue(slot: Slot): boolean {
    const { request, driver } = slot;
    if (driver === null) throw new RangeError('a free slot cannot be re-issued');
    this.withdraw(slot);
    if (driver.isSuspended) {
      slot.state = SlotState.held;
      return true;
    }
    const best = this.#nextRoute(slot, driver, slot.route);
    if (best === undefined) return false;
    const route = slot.failover?.verifiedWay(slot) ?? best;
    const creditBytes = creditBytesOf(request.operation, request.lengthBytes);
    if (route === null || !route.hba.credits.take(creditBytes)) {
      slot.state = SlotState.waiting;
      slot.retryAtMs = this.#clock.now() + this.#policy.retryDelayMs;
      return true;
    }
    slot.nextAttempt();
    this.#counters.reissues++;
    slot.failover?.reissued(route);
    this.#send(slot, driver, route, creditBytes);
    return true;
  }

  /** Undefined when the range is not one part any more; null when there is no way at all. */
  #nextRoute(
    slot: Slot,
    driver: OptimizationDriver,
    avoid: RouteEntry | null,
  ): RouteEntry | null | undefined {
    const { request } = slot;
    const { pathOrder } = this.#policy;
    if (request.operation === Operation.flush) {
      const [entry] = slot.flushEntries;
      const index = entry === undefined ? -1 : driver.ledger.entries.indexOf(entry);
      addressDisk(slot, driver, index);
      return routeToDisk(driver, index, pathOrder, avoid);
    }
    const limit = request.lengthBytes + blockBytes;
    const { layout, data } = driver.view;
    const isMark = changesMarks(request.operation);
    if (!isMark && layout.cut(request.offset, request.lengthBytes, limit, this.#cut, 2) !== 1)
      return undefined;
    const { offset, lengthBytes } = request;
    const part = isMark
      ? markPartOf(data.coordinatorMap, offset, offset + lengthBytes)
      : this.#cut.part(0);
    fillRange(slot, driver, part);
    if (slot.mirrors !== null) {
      const left = readableDisks(driver.view, part, slot.mirrors);
      slot.mirrors = left.length > 0 ? left : null;
    }
    return routeForPart(driver, request.operation, part, pathOrder, avoid, slot);
  }

  /** What was sent last for the slot is not under way any more: others may have its credits. */
  withdraw(slot: Slot): void {
    const { route, creditBytes } = slot;
    if (route === null || creditBytes === 0) return;
    slot.creditBytes = 0;
    route.first.outstanding--;
    route.target.outstanding--;
    route.hba.credits.give(creditBytes);
  }

  /** Sends a probe over a route, maybe only to measure; false when no slot or credit is free. */
  probe(
    driver: OptimizationDriver,
    route: RouteEntry,
    deadlineMs: number,
    isMeasure = false,
  ): boolean {
    if (!this.#slots.hasFree || !route.hba.credits.take(frameOverheadBytes)) return false;
    const slot = this.#slots.claim(driver, null);
    slot.isMeasure = isMeasure;
    const { request } = slot;
    request.operation = Operation.probe;
    request.flags = 0;
    request.volume = driver.name;
    request.offset = unitOf<VolumeOffset>(0);
    request.lengthBytes = 0;
    // A coordinator's id is not found: its probe names no disk.
    addressDisk(slot, driver, driver.view.disks.indexOf(route.target.id as DiskId));
    slot.deadlineMs = deadlineMs;
    this.#counters.probes++;
    this.#send(slot, driver, route, frameOverheadBytes);
    return true;
  }

  #issuePart(io: ConsumerIo): boolean {
    const { driver, operation } = io;
    const part = this.#nextPart(io);
    const route = driver.isSuspended
      ? null
      : routeForPart(driver, operation, part, this.#policy.pathOrder, null);
    const creditBytes = creditBytesOf(operation, part.lengthBytes);
    if (route !== null && !route.hba.credits.take(creditBytes)) return false;
    const slot = this.#claim(io);
    slot.request.diskOffset = unitOf<DiskOffset>(0);
    slot.request.extentGeneration = unitOf<ExtentGeneration>(0);
    fillRange(slot, driver, part);
    io.cursor += part.lengthBytes;
    this.#sendOrWait(slot, driver, route, creditBytes);
    return true;
  }

  #nextPart({ driver, operation, cursor, end: ioEnd }: ConsumerIo): CutPart {
    const { layout, data } = driver.view;
    if (changesMarks(operation)) return markPartOf(data.coordinatorMap, cursor, ioEnd);
    const limit = carriesData(operation) ? driver.frameBytesMax : rangeBytesMax;
    const end = Math.min(ioEnd, roundDown(cursor + limit, blockBytes));
    layout.cut(unitOf<VolumeOffset>(cursor), end - cursor, limit, this.#cut, 1);
    return this.#cut.part(0);
  }

  /** One disk's flush; disks that need none are passed over. */
  #issueFlush(io: ConsumerIo): boolean {
    const { driver, cursor } = io;
    const entry = driver.ledger.entries[cursor];
    if (entry === undefined || !needsFlush(entry, driver.readsThroughCoordinator)) {
      io.cursor++;
      return true;
    }
    const { pathOrder } = this.#policy;
    const route = driver.isSuspended ? null : routeToDisk(driver, cursor, pathOrder, null);
    if (route !== null && !route.hba.credits.take(frameOverheadBytes)) return false;
    const slot = this.#claim(io);
    slot.request.offset = unitOf<VolumeOffset>(0);
    slot.request.lengthBytes = 0;
    addressDisk(slot, driver, cursor);
    slot.flushEntries.length = 0;
    slot.flushEntries.push(entry);
    slot.flushMark = entry.acknowledged;
    io.cursor++;
    this.#sendOrWait(slot, driver, route, frameOverheadBytes);
    return true;
  }

  #claim(io: ConsumerIo): Slot {
    const slot = this.#slots.claim(io.driver, io);
    const { request } = slot;
    request.operation = io.operation;
    request.flags = io.fua ? RequestFlag.fua : 0;
    request.volume = io.driver.name;
    if (io.isRange) io.deadlineMs = this.#clock.now() + this.#policy.deadlineMs;
    slot.deadlineMs = io.deadlineMs;
    slot.partIndex = io.partsMade++;
    io.partsOpen++;
    this.#counters.parts++;
    return slot;
  }

  #sendOrWait(
    slot: Slot,
    driver: OptimizationDriver,
    route: RouteEntry | null,
    creditBytes: number,
  ): void {
    if (route !== null) this.#send(slot, driver, route, creditBytes);
    else if (driver.isSuspended) slot.state = SlotState.held;
    else slot.retryAtMs = this.#clock.now() + this.#policy.retryDelayMs;
  }

  #send(slot: Slot, driver: OptimizationDriver, route: RouteEntry, creditBytes: number): void {
    const { request, io } = slot;
    slot.route = route;
    slot.creditBytes = creditBytes;
    route.first.outstanding++;
    route.target.outstanding++;
    stampRequest(slot, driver, route, this.#slots.watermark);
    const frame =
      request.operation === Operation.write && io !== null
        ? encodeRequest(request, io.piecesOf(request.offset, request.lengthBytes))
        : encodeRequest(request);
    slot.sentAtMs = this.#clock.now();
    slot.unansweredSinceMs = slot.sentAtMs;
    if (route.hba.send(route.linkIndex, frame, this.#slots.returnPlaceOf(slot)) === 'sent') {
      slot.state = SlotState.sent;
      route.traffic.frames++;
      noteSent(route, request.route === route.rest);
    } else {
      this.withdraw(slot);
      slot.state = SlotState.waiting;
      slot.retryAtMs = slot.sentAtMs + this.#policy.retryDelayMs;
    }
  }
}
