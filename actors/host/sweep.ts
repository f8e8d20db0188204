/**
 * The sweep over everything under way: finds what got no answer in time, what is due for another attempt, and what is
 * past its deadline. One timer for all of it, armed by its owner only while something is under way.
 */
import { Operation, Status } from '../../protocols/codes.ts';
import type { Answers } from './answers.ts';
import type { DriverCounters } from './driver-counters.ts';
import type { DriverPolicy } from './driver-policy.ts';
import type { Issuer } from './issuer.ts';
import type { OptimizationDriver } from './optimization-driver.ts';
import type { PathFailovers } from './path-failovers.ts';
import { silenceOf } from './path-failures.ts';
import type { Paths } from './paths.ts';
import { type Slot, SlotState, type SlotTable } from './slots.ts';
import type { SuspectReports } from './suspect-reports.ts';

export interface SweepParts {
  readonly policy: DriverPolicy;
  readonly counters: DriverCounters;
  readonly slots: SlotTable;
  readonly issuer: Issuer;
  readonly answers: Answers;
  readonly failovers: PathFailovers;
  readonly paths: Paths;
  readonly suspects: SuspectReports;
}

/** Silence is looked into after so many times what answers usually take: a busy machine is not a dead one. */
const usualTimes = 4;
const probeIntervalMs = 100;
/** Longer than a bus takes to say that nobody listens. */
export const probeTimeoutMs = 400;

/** Looks at every slot once, the oldest first. @param dueMs when that was to be done */
export function sweepSlots(parts: SweepParts, nowMs: number, dueMs: number): void {
  const { suspects } = parts;
  suspects.sweepBegins(nowMs, dueMs);
  const lost = new Map<OptimizationDriver, string>();
  let next = parts.slots.oldest;
  while (next !== null) {
    const slot = next;
    // Ending an I/O may let its consumer begin another: that takes a place behind all these.
    next = slot.newer;
    suspects.look(slot, nowMs);
    if (slot.isMoot) parts.answers.endPart(slot, Status.ok);
    else if (nowMs >= slot.deadlineMs) expire(parts, slot, lost);
    // The question or its answer may have been lost; the driver does not ask too often.
    else if (slot.state === SlotState.held) slot.driver?.needControlData();
    else if (isSilent(parts, slot, nowMs)) probe(parts, slot, nowMs);
    else if (isDue(slot, nowMs)) sendAgain(parts, slot, lost);
    else if (isOverdue(parts, slot, nowMs)) {
      const { unansweredSinceMs } = slot;
      giveUpWay(parts, slot, nowMs);
      sendAgain(parts, slot, lost);
      slot.unansweredSinceMs = unansweredSinceMs;
    }
  }
  suspects.sweepEnds();
  for (const [driver, what] of lost) driver.lose(what);
}

/** Nothing has come from its target since it was sent: whether somebody listens shows sooner than a time-out. */
function isSilent({ policy }: SweepParts, slot: Slot, nowMs: number): boolean {
  const { route, sentAtMs } = slot;
  if (slot.state !== SlotState.sent || slot.io === null || slot.isProbed || route === null)
    return false;
  const patienceMs = Math.max(policy.probeAfterMs, usualTimes * route.service.answerMs);
  return nowMs - sentAtMs >= patienceMs && route.target.answeredAtMs <= sentAtMs;
}

/** One probe speaks for all that wait for the same answer. */
function probe({ issuer }: SweepParts, slot: Slot, nowMs: number): void {
  const { driver, route } = slot;
  slot.isProbed = true;
  if (driver === null || route === null || nowMs - route.service.probedAtMs < probeIntervalMs)
    return;
  route.service.probedAtMs = nowMs;
  issuer.probe(driver, route, nowMs + probeTimeoutMs);
}

function isDue({ io, state, retryAtMs }: Slot, nowMs: number): boolean {
  return io !== null && state === SlotState.waiting && nowMs >= retryAtMs;
}

function sendAgain(parts: SweepParts, slot: Slot, lost: Map<OptimizationDriver, string>): void {
  if (parts.issuer.reissue(slot)) return;
  const what = 'the layout changed under an I/O';
  if (slot.io?.isWrite === true && slot.driver !== null) lost.set(slot.driver, what);
  else parts.answers.endPart(slot, Status.path);
}

function isOverdue({ policy, paths, suspects }: SweepParts, slot: Slot, nowMs: number): boolean {
  const { io, state, route, sentAtMs } = slot;
  if (io === null || state !== SlotState.sent || route === null) return false;
  if (nowMs - sentAtMs < policy.answerTimeoutMs || suspects.isJustAwake) return false;
  return nowMs - sentAtMs >= timeoutMs(policy, slot, paths.patienceMs(route, nowMs));
}

/** However slow answers were of late: what is lost on one way must have time for so many others. */
const triesMin = 5;

/**
 * A target that has answered since is slow, not dead; a flush may be slow by nature.
 *
 * @param usualMs what answers take that are not later than usual
 */
function timeoutMs(policy: DriverPolicy, slot: Slot, usualMs: number): number {
  const { attempt, operation } = slot.request;
  const { answerTimeoutMs, answerTimeoutMsMax, usualTimeoutMsMax, slowTimeoutMs, deadlineMs } =
    policy;
  const shareMs = deadlineMs / triesMin;
  const firstMs = Math.max(answerTimeoutMs, Math.min(usualMs, usualTimeoutMsMax, shareMs));
  const mostMs = Math.max(answerTimeoutMsMax, Math.min(2 * firstMs, shareMs));
  const backedOffMs = Math.min(firstMs * 2 ** Math.min(attempt, 10), mostMs);
  const isSlow =
    operation === Operation.flush || (slot.route?.target.answeredAtMs ?? 0) > slot.sentAtMs;
  return isSlow ? Math.max(slowTimeoutMs, backedOffMs) : backedOffMs;
}

/** What was sent last is not waited for any longer. */
function giveUpWay({ counters, paths, failovers }: SweepParts, slot: Slot, nowMs: number): void {
  const { route, sentAtMs } = slot;
  if (route === null) return;
  counters.timeouts++;
  failovers.overdue(slot, silenceOf(route, sentAtMs, nowMs));
  paths.timedOut(route, sentAtMs);
}

/** Past its deadline: a read, repair or mark ends with an error; of a consumer's write or flush the result is unknown. */
function expire(parts: SweepParts, slot: Slot, lost: Map<OptimizationDriver, string>): void {
  const { io, driver } = slot;
  const { operation } = slot.request;
  if (io === null || io.endsAlone || driver === null)
    parts.answers.endPart(slot, slot.damagedBy.length > 0 ? Status.media : Status.path);
  else {
    const what = operation === Operation.flush ? 'a flush' : 'a write';
    lost.set(driver, `${what} had no result within ${parts.policy.deadlineMs} ms`);
  }
}
