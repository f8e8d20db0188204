/**
 * Whether consumers' I/O was given up too soon (DESIGN I12). While a volume is served, a read for which there is no way
 * is tried for as long as the policy says, and a write or flush never ends for want of a way by itself: its result would
 * be unknown, so that the whole attachment is lost with it, and not before its deadline.
 */
import type { OptimizationDriver } from '../../actors/host/optimization-driver.ts';
import type { Loss } from '../../actors/host/writes-in-doubt.ts';
import { Status } from '../../protocols/codes.ts';
import type { Topology } from '../../protocols/topology.ts';

export interface Patience {
  /** A read without any way is tried for so long. */
  readonly noPathMs: number;
  readonly deadlineMs: number;
  /** Of any I/O: what ends sooner for want of a way must really have had none. */
  readonly ioDeadlineMs: number;
}

export type RequestKind = 'read' | 'write' | 'other';

/** A request that ended with an error, and began while its volume was served. */
export interface FailedRequest {
  readonly kind: RequestKind;
  readonly status: Status;
  readonly startedMs: number;
  /** Of a write that was in doubt: when that began. */
  readonly endedMs: number;
  /** By this way the volume has been served ever since, and is. */
  readonly isServed: boolean;
  /** There really were ways, and they worked, for `waysFoundMs` until then. */
  readonly hadWays: boolean;
  /** Why the volume is not served by this way any more, as its host says; '' when it is, or nobody says. */
  readonly reason: string;
  /** When the oldest request of this way began that is still open, a write in doubt too; Infinity when there is none. */
  readonly openSinceMs: number;
}

/** A way that works again is found within this: hosts look at what has failed each half second. */
export const waysFoundMs = 900;

/** Clocks of processes begin anywhere: what they measure differs by roundings. */
const toleranceMs = 1;
/** How a host says that a write or flush of its own has had no result until its deadline; reports of others name them. */
const ownDeadline = /^a (write|flush) had no result within/;
const hadWaysText = `there really had been ways for ${waysFoundMs} ms`;

export class GivenUp {
  /** In words. */
  readonly problems: string[] = [];
  readonly #patience: Patience;
  /** The longest of those that ended at the same moment. */
  #longest = { endedMs: -1, tookMs: 0, hadWays: false };
  #isJudged = true;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Of one way to the volume, in the order in which they ended. */
  ended(request: FailedRequest): void {
    const { kind, status, startedMs, endedMs, isServed, hadWays, reason, openSinceMs } = request;
    const tookMs = endedMs - startedMs;
    const isExcused = this.#isExcused(hadWays);
    if (isServed && status === Status.path) {
      if (kind === 'write')
        this.problems.push(
          `a write ended for want of a way after ${tookMs.toFixed(0)} ms, and its volume is served all the same`,
        );
      else if (kind === 'read' && tookMs < this.#patience.noPathMs - toleranceMs && !isExcused)
        this.problems.push(
          `a read ended for want of a way after ${tookMs.toFixed(0)} ms, while the volume was served`,
        );
      else if (kind === 'read' && hadWays && this.#isEarly(tookMs))
        this.problems.push(`a read ended for want of a way, and ${hadWaysText}`);
    }
    if (!ownDeadline.test(reason)) return;
    const longestMs = endedMs - Math.min(startedMs, openSinceMs);
    if (Math.abs(this.#longest.endedMs - endedMs) > toleranceMs) {
      this.judge();
      this.#longest = { endedMs, tookMs: longestMs, hadWays };
      this.#isJudged = false;
    } else this.#longest.tookMs = Math.max(this.#longest.tookMs, longestMs);
  }

  /** All that has ended so far has been told. */
  judge(): void {
    const { tookMs, hadWays } = this.#longest;
    if (this.#isJudged) return;
    this.#isJudged = true;
    if (tookMs < this.#patience.deadlineMs - toleranceMs && !this.#isExcused(hadWays))
      this.problems.push(
        `an attachment was lost although its oldest request had been open for only ${tookMs.toFixed(0)} ms`,
      );
    else if (hadWays && this.#isEarly(tookMs))
      this.problems.push(`an attachment was lost before its deadline, and ${hadWaysText}`);
  }

  /** Where I/O ends before its deadline, what comes when there has been no way for long is held for less long. */
  #isExcused(hadWays: boolean): boolean {
    const { noPathMs, ioDeadlineMs } = this.#patience;
    return noPathMs < ioDeadlineMs && !hadWays;
  }

  #isEarly(tookMs: number): boolean {
    return tookMs < this.#patience.ioDeadlineMs - toleranceMs;
  }
}

/** As a topology's policies have it. */
export function patienceOf({ policies }: Topology): Patience {
  const { ioDeadlineMs, noPathRetry } = policies;
  const noPathMs = Math.min(ioDeadlineMs, noPathRetry * 1000);
  // What waits without any way ends with what the policy says of that, whatever it is.
  return { noPathMs, deadlineMs: noPathMs, ioDeadlineMs };
}

/** Why a volume takes no I/O, as its host says, or why its writes were in doubt; '' when it does, or there is none. */
export function refusalOf(volume: OptimizationDriver | null): Loss {
  const loss = volume?.inDoubt.loss ?? null;
  if (loss !== null) return loss;
  const admission = volume?.admission ?? { open: true };
  return { reason: admission.open ? '' : admission.reason, agoMs: 0 };
}
