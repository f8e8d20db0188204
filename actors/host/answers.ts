/**
 * What answers mean for the part that they belong to: done, to be tried again, to be held, or the end. Notes what
 * they prove about paths. When the next attempt is made is the sweep's; what ends with a part is the driver's.
 */
import { assertNever, Operation, Status } from '../../protocols/codes.ts';
import { decodeStretches } from '../../protocols/frames/allocation.ts';
import { type FrameData, isDataIntact } from '../../protocols/frames/frame.ts';
import type { Outcome, Reply } from '../../protocols/frames/reply.ts';
import type { DiskId, LinkId } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import { noteFlushed } from './flush-ledger.ts';
import type { Issuer } from './issuer.ts';
import type { MirrorRetries } from './mirror-retries.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import { noteEvidence, noteLateEvidence } from './path-evidence.ts';
import type { PathFailovers } from './path-failovers.ts';
import { linksFailed } from './path-failures.ts';
import type { Paths } from './paths.ts';
import { isBehind, laterDelayMs, recoveryOf } from './recovery.ts';
import { type Slot, SlotState, type SlotTable } from './slots.ts';

export interface AnswersParts {
  readonly clock: Clock;
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
  readonly issuer: Issuer;
  readonly paths: Paths;
  readonly mirrorRetries: MirrorRetries;
  readonly failovers: PathFailovers;
}

/** Damaged answers of one disk that are taken for the fault of the wire; more are the mirror's. */
const damagedByWireMax = 1;

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
    if (slot.isMeasure) {
      if (outcome.status === Status.ok) paths.measured(route, slot.sentAtMs, nowMs);
      this.endPart(slot, Status.ok);
      return;
    }
    noteEvidence(paths, slot, route, reply, nowMs);
    if (io === null) {
      if (outcome.status === Status.path) this.#blame(outcome.detail.links, false);
      this.endPart(slot, Status.ok);
    } else if (outcome.status === Status.ok) this.#succeeded(slot, io, driver, reply, data);
    else {
      this.#recover(slot, driver, outcome, reply.disk);
      // What is taken over lets go on what waits for it: this part is among that by now.
      if (outcome.status === Status.staleGeneration) this.#takeBrought(driver, reply, data);
    }
  }

  #takeBrought({ listener }: OptimizationDriver, { offset }: Reply, data: FrameData): void {
    const { bytes } = data;
    if (bytes.length > 0 && isDataIntact(data, offset)) listener.decisionBrought(bytes);
  }

  /** A reply that does not count any more. */
  late(slot: Slot, reply: Reply): void {
    const { clock, paths } = this.#parts;
    noteLateEvidence(paths, slot, reply, clock.now());
  }

  /** "Nobody listens" where the slot was sent. */
  unanswered(slot: Slot): void {
    const { counters } = this.#parts;
    const { route } = slot;
    if (route === null) return;
    counters.pathErrors++;
    const { link } = route.first;
    if (slot.io === null) {
      this.#blame([link], false);
      this.endPart(slot, Status.path);
    } else this.#reroute(slot, [link], true);
  }

  /**
   * Links failed under a part: it takes another way, and so does what else is under way over them, once they are known
   * to have failed. Where the code was bare none of it does before the virtualizer has been asked.
   */
  #reroute(slot: Slot, links: readonly LinkId[], isNamed: boolean): void {
    const { failovers, issuer } = this.#parts;
    const failure = linksFailed(links, isNamed, slot.route?.first.link);
    issuer.withdraw(slot);
    slot.state = SlotState.waiting;
    if (!isNamed) failovers.redirect(slot, failure);
    this.#blame(links, true);
    if (isNamed) failovers.redirect(slot, failure);
  }

  /** Ends a part: its slot is free afterwards, and its I/O has ended if this was the last of it. */
  endPart(slot: Slot, status: Status): void {
    const { io, driver, recovery, request } = slot;
    this.#parts.issuer.withdraw(slot);
    this.#parts.slots.release(slot);
    if (io === null || driver === null) return;
    io.partsOpen--;
    if (status !== Status.ok) io.fail(status);
    if (io.isOver) driver.finish(io);
    if (recovery !== null) recovery.partEnded(status, request.disk);
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
        this.#readArrived(slot, io, reply, data);
        return;
      case Operation.allocation:
        this.#allocationArrived(slot, io, reply, data);
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
      case Operation.repair:
      case Operation.mark:
      case Operation.unmark:
        this.endPart(slot, Status.ok);
        return;
      case Operation.probe:
      case Operation.tagDigest:
      case Operation.tags:
      case Operation.verify:
      case Operation.marks:
        throw new RangeError(`operation ${operation} has no I/O of a consumer`);
      default:
        assertNever(operation, 'operation');
    }
  }

  /** Checks what was read at this edge, the last one that can (DESIGN I10). */
  #readArrived(slot: Slot, io: ConsumerIo, reply: Reply, data: FrameData): void {
    const { request } = slot;
    if (data.bytes.length !== request.lengthBytes || !isDataIntact(data, request.offset)) {
      this.#damaged(slot, reply.disk);
      return;
    }
    io.results[slot.partIndex] = data.bytes;
    this.endPart(slot, Status.ok);
  }

  #allocationArrived(slot: Slot, io: ConsumerIo, reply: Reply, data: FrameData): void {
    const { request } = slot;
    const stretches = isDataIntact(data, request.offset)
      ? decodeStretches(data.bytes, request.lengthBytes)
      : null;
    if (stretches === null) {
      this.#damaged(slot, reply.disk);
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
    } else this.#hold(slot, driver);
  }

  /** Bytes that were damaged on their way are asked for again, elsewhere if that can be; the mirror is bad if it goes on. */
  #damaged(slot: Slot, disk: DiskId | ''): void {
    const { clock, counters, policy } = this.#parts;
    const before = slot.damagedBy.filter((other) => other === disk).length;
    counters.checksumErrors++;
    slot.damagedBy = [...slot.damagedBy, disk];
    if (before >= damagedByWireMax && disk !== '') this.#retryMirror(slot, disk, []);
    else this.#retryAt(slot, clock.now() + policy.retryDelayMs);
  }

  #recover(
    slot: Slot,
    driver: OptimizationDriver,
    outcome: Exclude<Outcome, { readonly status: typeof Status.ok }>,
    disk: DiskId | '',
  ): void {
    const { clock, counters, policy } = this.#parts;
    const nowMs = clock.now();
    const recovery = recoveryOf(slot.request, outcome, policy, disk);
    switch (recovery.kind) {
      case 'end':
        this.endPart(slot, recovery.status);
        return;
      case 'lose':
        this.#lose(slot, driver, recovery.what);
        return;
      case 'reroute':
        counters.pathErrors++;
        this.#reroute(slot, recovery.links, recovery.isNamed);
        return;
      case 'wait':
        counters.deferrals++;
        if (recovery.askControlData && driver.hasAdoptedSince(slot.request)) {
          this.#sendAnew(slot);
          return;
        }
        if (isBehind(slot.request, outcome)) slot.passedBy = slot.route?.mapper ?? '';
        this.#retryAt(slot, nowMs + recovery.delayMs);
        slot.awaitsDecision = recovery.askControlData;
        if (recovery.askControlData) driver.needControlData();
        return;
      case 'retryMirror':
        this.#retryMirror(slot, recovery.disk, recovery.alternates);
        return;
      case 'failDisk':
        this.#diskFailed(slot, driver, recovery.disk, recovery.what);
        return;
      case 'hold':
        counters.deferrals++;
        if (driver.hasAdoptedSince(slot.request)) this.#sendAnew(slot);
        else this.#hold(slot, driver);
        return;
      default:
        assertNever(recovery, 'recovery');
    }
  }

  /** At once: newer control data has come since it was sent, and what it was refused for may be over. */
  #sendAnew(slot: Slot): void {
    this.#retryAt(slot, this.#parts.clock.now());
    // One that is not one part any more is left to the sweep.
    this.#parts.issuer.reissue(slot);
  }

  /** Until there is newer control data. */
  #hold(slot: Slot, driver: OptimizationDriver): void {
    this.#parts.issuer.withdraw(slot);
    slot.state = SlotState.held;
    driver.needControlData();
  }

  /** A flush does not fail while others hold all that the disk holds: the disk is to be stale first (DESIGN I11, I3). */
  #diskFailed(slot: Slot, driver: OptimizationDriver, disk: DiskId, what: string): void {
    if (driver.ledger.isAnyLostWithout(disk, driver.view.data)) this.#lose(slot, driver, what);
    else {
      driver.listener.diskFailed(disk, what);
      this.#retryAt(slot, this.#parts.clock.now() + laterDelayMs(slot.request, this.#parts.policy));
      slot.awaitsDecision = true;
    }
  }

  #retryMirror(slot: Slot, disk: DiskId, alternates: readonly DiskId[]): void {
    this.#parts.issuer.withdraw(slot);
    this.#parts.mirrorRetries.failed(slot, disk, alternates);
  }

  /** The part ends with all the volume's open I/O; its own error is the first. */
  #lose(slot: Slot, driver: OptimizationDriver, what: string): void {
    slot.io?.fail(Status.media);
    driver.lose(what);
  }

  #blame(links: readonly LinkId[], byOwnIo: boolean): void {
    for (const id of links) {
      const link = this.#parts.paths.known(id);
      if (link !== undefined) this.#parts.paths.failed(link, byOwnIo);
    }
  }

  #retryAt(slot: Slot, atMs: number): void {
    this.#parts.issuer.withdraw(slot);
    slot.state = SlotState.waiting;
    slot.retryAtMs = atMs;
  }
}
