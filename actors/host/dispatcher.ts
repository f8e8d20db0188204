/**
 * What the drivers of all volumes of a host share: slots, the queue of I/Os that wait for one, the sweep's timer, and
 * the way of answers from the HBAs to their slots. What an I/O is cut into, and what answers mean, is left to others.
 */
import { Status } from '../../protocols/codes.ts';
import type { FrameData } from '../../protocols/frames/frame.ts';
import type { Reply } from '../../protocols/frames/reply.ts';
import { pathHopsMax } from '../../protocols/paths.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import { blockBytes, type IoNumber } from '../../protocols/units.ts';
import type { Hba, HbaListener } from '../hba/hba.ts';
import { Answers } from './answers.ts';
import type { ConsumerIo } from './consumer-io.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import { IoQueue } from './io-queue.ts';
import { Issuer } from './issuer.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { Paths } from './paths.ts';
import type { PathLink, RouteEntry } from './route-table.ts';
import { SlotState, type SlotTable } from './slots.ts';
import { type SweepParts, sweepSlots } from './sweep.ts';

export interface DispatcherParts {
  readonly clock: Clock;
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
  readonly paths: Paths;
  readonly hbas: readonly Hba[];
}

/** Room that a frame needs beside its payload: prefix, header, and 4 bytes per 4 KiB. */
const headerBytesMax = 4608;
/** Longer than a bus takes to say that nobody listens. */
const probeTimeoutMs = 400;

export class Dispatcher implements HbaListener {
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly clock: Clock;
  readonly #slots: SlotTable;
  readonly #hbas: readonly Hba[];
  readonly #issuer: Issuer;
  readonly #answers: Answers;
  readonly #sweepParts: SweepParts;
  readonly #drivers = new Set<OptimizationDriver>();
  readonly #queue = new IoQueue();
  #endingSoon: ConsumerIo[] = [];
  #sweepTimer: Timer | null = null;
  readonly #runSweep = () => this.#sweep();
  readonly #runEnds = () => this.#endSoonNow();

  constructor(parts: DispatcherParts) {
    this.policy = parts.policy;
    this.counters = parts.counters;
    this.clock = parts.clock;
    this.#slots = parts.slots;
    this.#hbas = parts.hbas;
    this.#issuer = new Issuer(parts);
    this.#answers = new Answers({ ...parts, issuer: this.#issuer });
    this.#sweepParts = { ...parts, issuer: this.#issuer, answers: this.#answers };
  }

  /** Physical I/Os under way. */
  get partsInFlight(): number {
    return this.#slots.inUse;
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
    if (!this.#queue.isEmpty || !this.#issuer.issueParts(io)) this.#queue.push(io);
    else if (io.isOver) this.endSoon(io);
    this.#arm();
  }

  /** Ends an I/O that has nothing under way, once the work at hand has returned. */
  endSoon(io: ConsumerIo): void {
    this.#endingSoon.push(io);
    if (this.#endingSoon.length === 1) this.clock.soon(this.#runEnds);
  }

  /** Lets what was held for newer control data of this volume go on. */
  resume(driver: OptimizationDriver): void {
    for (let slot = this.#slots.oldest; slot !== null; slot = slot.newer)
      if (slot.driver === driver && slot.state === SlotState.held) {
        slot.state = SlotState.waiting;
        slot.retryAtMs = 0;
      }
    this.#arm();
  }

  /** Takes everything of a volume off slots and queue. What is not over by then was none of these. */
  abandon(driver: OptimizationDriver, into: Set<ConsumerIo>): void {
    let next = this.#slots.oldest;
    while (next !== null) {
      const slot = next;
      next = slot.newer;
      if (slot.driver !== driver) continue;
      const { io } = slot;
      this.#issuer.withdraw(slot);
      this.#slots.release(slot);
      if (io === null) continue;
      io.partsOpen--;
      into.add(io);
    }
    for (const io of this.#queue.removeOf(driver)) into.add(io);
  }

  replied(slotIndex: number, reply: Reply, data: FrameData): void {
    const slot = this.#slots.at(slotIndex);
    if (slot === undefined || !slot.isAnsweredBy(reply)) this.counters.lateReplies++;
    else {
      this.#answers.take(slot, reply, data);
      this.#pump();
    }
  }

  unanswered(hba: Hba, slotIndex: number): void {
    const slot = this.#slots.at(slotIndex);
    if (slot?.state !== SlotState.sent || slot.route?.hba !== hba) return;
    this.#answers.unanswered(slot);
    this.#pump();
  }

  /** An HBA came or went: what it had under way takes another way at the next sweep. */
  hbaChanged(hba: Hba): void {
    if (!hba.usable)
      for (let slot = this.#slots.oldest; slot !== null; slot = slot.newer)
        if (slot.route?.hba === hba && slot.state === SlotState.sent) {
          slot.state = SlotState.waiting;
          slot.retryAtMs = 0;
        }
    this.routesChanged();
  }

  /** Builds the route tables anew: a link's rank or an HBA changed. */
  routesChanged(): void {
    for (const driver of this.#drivers) driver.rebuildRoutes();
  }

  /** Sends a probe that ends as soon behind the link as any route does, by a way that works up to there. */
  probe(link: PathLink): void {
    let best: { readonly driver: OptimizationDriver; readonly route: RouteEntry } | null = null;
    for (const driver of this.#drivers)
      for (const list of [...driver.routes.disks, ...driver.routes.partitions])
        for (const route of list) {
          const isBetter = best === null || probeCost(route, link) < probeCost(best.route, link);
          if (route.links.includes(link) && route.hba.usable && isBetter) best = { driver, route };
        }
    if (best === null) return;
    this.#issuer.probe(best.driver, best.route, this.clock.now() + probeTimeoutMs);
    this.#arm();
  }

  stop(): void {
    if (this.#sweepTimer !== null) this.clock.clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
  }

  /** Sends what waits in the queue, as far as slots and credits allow. */
  #pump(): void {
    for (let io = this.#queue.first; io !== null; io = this.#queue.first) {
      if (io.status === Status.ok && !this.#issuer.issueParts(io)) return;
      this.#queue.shift();
      if (io.isOver) io.driver.finish(io);
    }
  }

  #arm(): void {
    if (this.#sweepTimer !== null) return;
    if (this.#slots.inUse === 0 && this.#queue.isEmpty) return;
    this.#sweepTimer = this.clock.setTimeout(this.#runSweep, this.policy.sweepIntervalMs);
  }

  #sweep(): void {
    this.#sweepTimer = null;
    const nowMs = this.clock.now();
    sweepSlots(this.#sweepParts, nowMs);
    for (
      let io = this.#queue.first;
      io !== null && nowMs >= io.deadlineMs;
      io = this.#queue.first
    ) {
      this.#queue.shift();
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

/** Links before it that do not work count most: what they swallow says nothing about the link. */
function probeCost(route: RouteEntry, link: PathLink): number {
  const place = route.links.indexOf(link);
  const before = route.links.slice(0, place).reduce<number>((sum, { rank }) => sum + rank, 0);
  return before * pathHopsMax + route.links.length - 1 - place;
}
