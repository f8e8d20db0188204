/**
 * What answers mean for the part that they belong to: done, to be tried again, to be held, or the end. Notes what
 * they prove about paths. When the next attempt is made is the sweep's; what ends with a part is the driver's.
 */

import { assertNever, Operation, Status } from '../../protocols/codes.ts';
import { decodeStretches } from '../../protocols/frames/allocation.ts';
import { type FrameData, isDataIntact } from '../../protocols/frames/frame.ts';
import type { Outcome, Reply } from '../../protocols/frames/reply.ts';
import type { LinkId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import { noteFlushed } from './flush-ledger.ts';
import type { Issuer } from './issuer.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { Paths } from './paths.ts';
import { laterDelayMs, recoveryOf } from './recovery.ts';
import { type Slot, SlotState, type SlotTable } from './slots.ts';

export interface AnswersParts {
  readonly clock: Clock;
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
  readonly issuer: Issuer;
  readonly paths: Paths;
}

export class Answers {
  readonly #parts: AnswersParts;

  constructor(parts: AnswersParts) {
    this.#parts = parts;
  }

  /** Takes the reply to what was sent last for the slot. */
  take(slot: Slot, reply: Reply, data: FrameData): void {
    const { clock, paths } = this.#parts;
    const { driver, route, io } = slot;
    const nowMs = clock.now();
    if (driver === null || route === null) return;
    const { outcome } = reply;
    // A switch that answers for a disk, from its cache or because it refuses, shows that no link behind it works.
    const isOnTheWay = reply.disk === '' && route.target.kind === 'disk';
    if (isOnTheWay || outcome.status === Status.path)
      paths.answeredByFirst(route, slot.sentAtMs, nowMs);
    else paths.answered(route, slot.sentAtMs, nowMs);
    if (io === null) {
      if (outcome.status === Status.path) this.#blame(outcome.detail.links);
      this.endPart(slot, Status.ok);
    } else if (outcome.status === Status.ok) this.#succeeded(slot, io, driver, reply, data);
    else this.#recover(slot, driver, outcome, nowMs);
  }

  /** "Nobody listens" where the slot was sent. */
  unanswered(slot: Slot): void {
    const { clock, counters, paths, policy } = this.#parts;
    if (slot.route === null) return;
    counters.pathErrors++;
    paths.failed(slot.route.first);
    if (slot.io === null) this.endPart(slot, Status.path);
    else this.#retryAt(slot, clock.now() + laterDelayMs(slot.request, policy));
  }

  /** Ends a part: its slot is free afterwards, and its I/O has ended if this was the last of it. */
  endPart(slot: Slot, status: Status): void {
    const { io, driver } = slot;
    this.#parts.issuer.withdraw(slot);
    this.#parts.slots.release(slot);
    if (io === null || driver === null) return;
    io.partsOpen--;
    if (status !== Status.ok) io.fail(status);
    if (io.isOver) driver.finish(io);
  }

  #succeeded(
    slot: Slot,
    io: ConsumerIo,
    driver: OptimizationDriver,
    reply: Reply,
    data: FrameData,
  ): void {
    if (reply.generation > driver.view.data.generation) driver.needControlData();
    const { operation } = slot.request;
    switch (operation) {
      case Operation.read:
        this.#readArrived(slot, io, data);
        return;
      case Operation.allocation:
        this.#allocationArrived(slot, io, data);
        return;
      case Operation.write:
      case Operation.writeZeroes:
      case Operation.trim:
        if (!io.fua) for (const entry of slot.flushEntries) entry.acknowledged++;
        this.endPart(slot, Status.ok);
        return;
      case Operation.flush:
        this.#flushed(slot, driver, reply);
        return;
      case Operation.probe:
      case Operation.tagDigest:
      case Operation.tags:
        throw new RangeError(`operation ${operation} has no I/O of a consumer`);
      default:
        assertNever(operation, 'operation');
    }
  }

  /** Checks what was read at this edge, the last one that can (DESIGN I10). */
  #readArrived(slot: Slot, io: ConsumerIo, data: FrameData): void {
    const { request } = slot;
    if (data.bytes.length !== request.lengthBytes || !isDataIntact(data, request.offset)) {
      this.#damaged(slot);
      return;
    }
    io.results[slot.partIndex] = data.bytes;
    this.endPart(slot, Status.ok);
  }

  #allocationArrived(slot: Slot, io: ConsumerIo, data: FrameData): void {
    const { request } = slot;
    const stretches = isDataIntact(data, request.offset)
      ? decodeStretches(data.bytes, request.lengthBytes)
      : null;
    if (stretches === null) {
      this.#damaged(slot);
      return;
    }
    io.stretches[slot.partIndex] = stretches;
    this.endPart(slot, Status.ok);
  }

  /** Another instance of the disk's process cannot speak for what the one before it acknowledged (DESIGN I11). */
  #flushed(slot: Slot, driver: OptimizationDriver, reply: Reply): void {
    const [entry] = slot.flushEntries;
    if (entry === undefined) throw new RangeError('a flush without a disk');
    if (reply.disk === entry.disk && reply.diskInstance === entry.instance) {
      noteFlushed(entry, slot.flushMark);
      this.endPart(slot, Status.ok);
    } else this.#lose(slot, driver, `disk ${entry.disk} answered a flush as another instance`);
  }

  #damaged(slot: Slot): void {
    const { clock, counters, policy } = this.#parts;
    counters.checksumErrors++;
    slot.damaged = true;
    this.#retryAt(slot, clock.now() + policy.retryDelayMs);
  }

  #recover(
    slot: Slot,
    driver: OptimizationDriver,
    outcome: Exclude<Outcome, { readonly status: typeof Status.ok }>,
    nowMs: number,
  ): void {
    const { counters, policy } = this.#parts;
    const recovery = recoveryOf(slot.request, outcome, policy);
    switch (recovery.kind) {
      case 'end':
        this.endPart(slot, recovery.status);
        return;
      case 'lose':
        this.#lose(slot, driver, recovery.what);
        return;
      case 'reroute':
        counters.pathErrors++;
        this.#blame(recovery.links);
        this.#retryAt(slot, nowMs + laterDelayMs(slot.request, policy));
        return;
      case 'wait':
        counters.deferrals++;
        this.#retryAt(slot, nowMs + recovery.delayMs);
        if (recovery.askControlData) driver.needControlData();
        return;
      case 'hold':
        counters.deferrals++;
        if (driver.hasAdoptedSince(slot.request)) {
          this.#retryAt(slot, nowMs);
          return;
        }
        this.#parts.issuer.withdraw(slot);
        slot.state = SlotState.held;
        driver.needControlData();
        return;
      default:
        assertNever(recovery, 'recovery');
    }
  }

  /** The part ends with all the volume's open I/O; its own error is the first. */
  #lose(slot: Slot, driver: OptimizationDriver, what: string): void {
    slot.io?.fail(Status.media);
    driver.lose(what);
  }

  #blame(links: readonly LinkId[]): void {
    for (const id of links) {
      const link = this.#parts.paths.known(id);
      if (link !== undefined) this.#parts.paths.failed(link);
    }
  }

  #retryAt(slot: Slot, atMs: number): void {
    this.#parts.issuer.withdraw(slot);
    slot.state = SlotState.waiting;
    slot.retryAtMs = atMs;
  }
}
