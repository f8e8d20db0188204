/**
 * What the drivers of all volumes of a host share: slots, the queue of I/Os that wait for one, the sweep's timer, and
 * the way of answers from the HBAs to their slots. What an I/O is cut into, and what answers mean, is left to others.
 */
import { Status } from '../../protocols/codes.ts';
import type { UnfinishedAnswer, UnfinishedWrite } from '../../protocols/commands.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import { blockBytes, type IoNumber } from '../../protocols/units.ts';
import type { Hba, HbaListener } from '../hba/hba.ts';
import { Answers } from './answers.ts';
import { type ConsumerIo, Turn } from './consumer-io.ts';
import type { DispatcherParts } from './dispatcher-parts.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import { type DriverRoute, DriverRoutes } from './driver-routes.ts';
import { IoQueue } from './io-queue.ts';
import { Issuer } from './issuer.ts';
import { MirrorRetries } from './mirror-retries.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { PathFailover } from './path-failover.ts';
import { PathFailovers } from './path-failovers.ts';
import { fabricLost, linksFailed, type PathFailure } from './path-failures.ts';
import { LinkRank, type PathLink } from './route-table.ts';
import { type Slot, SlotState, type SlotTable } from './slots.ts';
import { probeTimeoutMs, type SweepParts, sweepSlots } from './sweep.ts';

/** Room that a frame needs beside its payload: prefix, header, and 4 bytes per 4 KiB. */
const headerBytesMax = 4608;

export class Dispatcher implements HbaListener {
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly clock: Clock;
  /** What becomes of reads that met a bad mirror. */
  readonly mirrorRetries: MirrorRetries;
  readonly #slots: SlotTable;
  readonly #hbas: readonly Hba[];
  readonly #issuer: Issuer;
  readonly #answers: Answers;
  readonly #failovers: PathFailovers;
  readonly #sweepParts: SweepParts;
  readonly #drivers = new Set<OptimizationDriver>();
  /** Those of all volumes. */
  readonly routes = new DriverRoutes(this.#drivers);
  readonly #preferenceChanged: () => void;
  readonly #queue = new IoQueue();
  #endingSoon: ConsumerIo[] = [];
  #sweepTimer: Timer | null = null;
  #sweepDueMs = 0;
  readonly #runSweep = () => this.#sweep();
  readonly #runEnds = () => this.#endSoonNow();

  constructor(parts: DispatcherParts) {
    this.policy = parts.policy;
    this.counters = parts.counters;
    this.clock = parts.clock;
    this.#slots = parts.slots;
    this.#hbas = parts.hbas;
    this.#preferenceChanged = parts.preferenceChanged;
    this.#issuer = new Issuer(parts);
    const issuer = this.#issuer;
    this.mirrorRetries = new MirrorRetries({
      ...parts,
      reissue: (slot) => issuer.reissue(slot),
      endPart: (slot, status) => this.#answers.endPart(slot, status),
    });
    this.#failovers = new PathFailovers({ ...parts, issuer });
    const carriers = { ...parts, issuer, failovers: this.#failovers };
    this.#answers = new Answers({ ...carriers, mirrorRetries: this.mirrorRetries });
    this.#sweepParts = { ...carriers, answers: this.#answers };
  }

  /** Physical I/Os under way, and I/Os of consumers that wait for a slot or credits. */
  get open(): { readonly parts: number; readonly queuedIos: number } {
    return { parts: this.#slots.inUse, queuedIos: this.#queue.count };
  }

  /** The number of the physical I/O that will be begun next. */
  get nextIo(): IoNumber {
    return this.#slots.nextNumber;
  }

  /** The most payload that every HBA's connection carries in one frame. */
  get payloadBytesMax(): number {
    const frameBytes = Math.min(...this.#hbas.map((hba) => hba.payloadBytesMax));
    const blocks = Math.floor((frameBytes - headerBytesMax) / (blockBytes + 4));
    return Math.max(blocks, 1) * blockBytes;
  }

  add(driver: OptimizationDriver): void {
    this.#drivers.add(driver);
  }

  remove(driver: OptimizationDriver): void {
    this.#drivers.delete(driver);
  }

  /** Sends an I/O, or queues what cannot be sent yet. Nothing ends before this returns. */
  submit(io: ConsumerIo): void {
    const turn = this.#queue.isEmpty ? this.#issuer.issueTurn(io) : Turn.over;
    if (turn !== Turn.sent) this.#queue.push(io);
    else if (io.isOver) this.endSoon(io);
    if (turn === Turn.over) this.#pump();
    this.#arm();
  }

  /** Ends an I/O that has nothing under way, once the work at hand has returned. */
  endSoon(io: ConsumerIo): void {
    this.#endingSoon.push(io);
    if (this.#endingSoon.length === 1) this.clock.soon(this.#runEnds);
  }

  /**
   * Lets what waited for newer control data of this volume, or for want of a way, go on.
   *
   * @param again everything is to be sent anew: what was sent before is fenced, or its receiver coordinates no more
   */
  resume(driver: OptimizationDriver, again: boolean): void {
    let isAny = false;
    for (let slot = this.#slots.oldest; slot !== null; slot = slot.newer) {
      if (slot.driver !== driver) continue;
      if (again) slot.isOutdated = true;
      const isSentAnew = again && slot.state === SlotState.sent;
      const hasWaited = slot.state === SlotState.waiting && slot.awaitsDecision;
      if (slot.state !== SlotState.held && !isSentAnew && !hasWaited) continue;
      slot.state = SlotState.waiting;
      slot.retryAtMs = 0;
      isAny = true;
    }
    this.#newRoutes();
    if (isAny) this.#sweepSoon();
  }

  /** The writes of a volume that have not ended, and the number below which all have; null: of none. */
  unfinishedWrites(driver: OptimizationDriver | null): UnfinishedAnswer {
    const writes: UnfinishedWrite[] = [];
    for (let slot = this.#slots.oldest; slot !== null; slot = slot.newer) {
      if (driver === null || slot.driver !== driver || slot.io?.isWrite !== true) continue;
      const { ioNumber, offset, lengthBytes } = slot.request;
      writes.push({ ioNumber, offset, lengthBytes, fua: slot.io.fua });
    }
    return { watermark: this.#slots.watermark, writes };
  }

  /** Takes everything of a volume off slots and queue. What is not over by then was none of these. */
  abandon(driver: OptimizationDriver, into: Set<ConsumerIo>): void {
    let next = this.#slots.oldest;
    while (next !== null) {
      const slot = next;
      next = slot.newer;
      if (slot.driver !== driver) continue;
      const { io, recovery } = slot;
      this.#issuer.withdraw(slot);
      this.#slots.release(slot);
      recovery?.partEnded(Status.path, '');
      if (io === null) continue;
      io.partsOpen--;
      into.add(io);
    }
    for (const io of this.#queue.removeOf(driver)) into.add(io);
  }

  replied(slotIndex: number, reply: Reply, data: FrameData): void {
    const slot = this.#slots.at(slotIndex);
    if (slot?.isAnsweredBy(reply) === true) {
      this.#answers.take(slot, reply, data);
      this.#pump();
      return;
    }
    this.counters.lateReplies++;
    if (slot?.isAnsweredLateBy(reply) === true) this.#answers.late(slot, reply);
  }

  unanswered(hba: Hba, place: number): void {
    const slot = this.#slots.returnedTo(place);
    if (slot?.state !== SlotState.sent || slot.route?.hba !== hba) return;
    this.#answers.unanswered(slot);
    this.#pump();
  }

  /** An HBA came or went: what it had under way takes another way at once. */
  hbaChanged(hba: Hba): void {
    this.routesChanged();
    if (hba.usable) return;
    this.#redirect(({ route }) => route?.hba === hba, fabricLost(hba.id));
  }

  /**
   * The rank of a link changed. When it failed, what is under way over it takes another way at once: what was delivered
   * to a process that is gone is never answered, and a copy of what is answered after all does no harm (DESIGN I6).
   */
  linkChanged(link: PathLink): void {
    this.routesChanged();
    if (link.rank !== LinkRank.failed) return;
    const failure = linksFailed([link.link], true);
    this.#redirect(({ route }) => route?.links.includes(link) === true, failure);
  }

  /** Builds the route tables anew. */
  routesChanged(): void {
    for (const driver of this.#drivers) driver.rebuildRoutes();
    this.#newRoutes();
  }

  /** The failovers under way. */
  get failovers(): Iterable<PathFailover> {
    return this.#failovers.live;
  }

  /** Sends a small frame over the link, by a way that works up to there. */
  probe(link: PathLink): void {
    const best = this.routes.bestOver(link);
    if (best !== null) this.measure(best);
  }

  /** Sends a small frame over a route, to see whether an answer comes, or only how soon. */
  measure({ driver, route }: DriverRoute, isMeasure = false): void {
    this.#issuer.probe(driver, route, this.clock.now() + probeTimeoutMs, isMeasure);
    this.#arm();
  }

  /** Sends a small frame to each of the switches that the HBAs are linked to, or past it, if there are several. */
  tryFirsts(): void {
    const ways = [...this.routes.byFirstSwitch().values()];
    if (ways.length >= 2) for (const way of ways) this.measure(way);
  }

  #newRoutes(): void {
    this.#failovers.waysChanged();
    this.#preferenceChanged();
  }

  /** Takes what was sent another way. Probes are left to their answers. */
  #redirect(isHit: (slot: Slot) => boolean, failure: PathFailure): void {
    for (let slot = this.#slots.oldest; slot !== null; slot = slot.newer)
      if (slot.state === SlotState.sent && slot.io !== null && isHit(slot))
        this.#failovers.redirect(slot, failure);
    this.#arm();
  }

  stop(): void {
    this.mirrorRetries.stop();
    if (this.#sweepTimer !== null) this.clock.clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    this.#failovers.stop();
  }

  /** Sends what waits in the queue, in turns, as far as slots and credits allow. */
  #pump(): void {
    let passed = 0;
    for (let io = this.#queue.first; io !== null; io = this.#queue.first) {
      const turn = io.status === Status.ok ? this.#issuer.issueTurn(io) : Turn.sent;
      if (turn === Turn.blocked) return;
      this.#queue.endTurn(turn);
      if (io.isOver) this.endSoon(io);
      passed = turn === Turn.full ? passed + 1 : 0;
      if (passed > 0 && passed >= this.#queue.lineCount) return;
    }
  }

  #arm(): void {
    if (this.#sweepTimer !== null) return;
    if (this.#slots.inUse === 0 && this.#queue.isEmpty) return;
    this.#sweepIn(this.policy.sweepIntervalMs);
  }

  #sweepSoon(): void {
    if (this.#sweepTimer !== null) this.clock.clearTimeout(this.#sweepTimer);
    this.#sweepIn(0);
  }

  #sweepIn(delayMs: number): void {
    this.#sweepDueMs = this.clock.now() + delayMs;
    this.#sweepTimer = this.clock.setTimeout(this.#runSweep, delayMs);
  }

  #sweep(): void {
    this.#sweepTimer = null;
    const nowMs = this.clock.now();
    sweepSlots(this.#sweepParts, nowMs, this.#sweepDueMs);
    for (const io of this.#queue.takeExpired(nowMs)) {
      io.fail(Status.path);
      if (io.isOver) io.driver.finish(io);
    }
    for (const driver of this.#drivers) driver.expireHeld(nowMs);
    this.#pump();
    this.#arm();
  }

  #endSoonNow(): void {
    const ending = this.#endingSoon;
    this.#endingSoon = [];
    for (const io of ending) io.driver.finish(io);
  }
}
