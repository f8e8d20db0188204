/** What may be tuned in the optimization driver, with its defaults. All limits of the driver have their names here. */
import { ioWindowMax } from '../../protocols/io-window.ts';
import { mebibyte } from '../../protocols/units.ts';
import type { PathOrder } from './path-policy.ts';
import type { RouteScope } from './route-table.ts';

/** What happens to a link or HBA that failed and works again (`policies.failover` in a topology). */
export interface FailbackPolicy {
  readonly failback: 'immediate' | 'manual' | 'followOver';
  /** It must have worked for so long first. */
  readonly dwellMs: number;
  /** One that failed so often within a time is in quarantine for a time. */
  readonly quarantineFailures: number;
  readonly quarantineWithinMs: number;
  readonly quarantineForMs: number;
}

/** When load alone makes a host leave a switch (`policies.imbalance`). */
export interface BalancePolicy {
  readonly metric: 'answerTime' | 'queueDelay' | 'none';
  readonly threshold: number;
  readonly hysteresis: number;
  readonly floorMs: number;
  readonly dwellMs: number;
  readonly minimumGain: number;
}

export interface DriverPolicy {
  /** Physical I/Os of a host under way at a time. Few, so that reply subjects are few (and cached by servers). */
  readonly slotsMax: number;
  /** How far I/O numbers may run ahead of the watermark, at most `ioWindowMax`: what others can remember. */
  readonly windowMax: number;
  /** Parts that an I/O sends before another one that waits has its turn. */
  readonly turnParts: number;
  /** Parts of TRIM and WRITE_ZEROES that a volume may have under way: those of one request fill no queue of others. */
  readonly rangePartsMax: number;
  /** The most bytes of one read or write. */
  readonly ioBytesMax: number;
  /** How much of a volume one `allocation` asks for. */
  readonly allocationBytesMax: number;
  /** Time-outs are found by a sweep, this often while anything is under way. */
  readonly sweepIntervalMs: number;
  /**
   * The least time without an answer after which an I/O is re-issued; doubles with each attempt, up to
   * `answerTimeoutMsMax`.
   */
  readonly answerTimeoutMs: number;
  readonly answerTimeoutMsMax: number;
  /** The most that the first attempt waits where answers usually take long (see `answer-time`), and no large part of `deadlineMs`. */
  readonly usualTimeoutMsMax: number;
  /** The least time-out where the target has answered others meanwhile, and of flushes: slow, not dead. */
  readonly slowTimeoutMs: number;
  /** A link that has been silent for so long under something sent is probed. */
  readonly probeAfterMs: number;
  /** A switch that owes an answer for so long, and for much longer than usual, is reported to the virtualizers. */
  readonly reportAfterMs: number;
  /** Between attempts where no way is known to work; doubles with each. */
  readonly retryDelayMs: number;
  /** Between attempts that wait for somebody else to learn of a decision; bounds `busy` too. */
  readonly waitDelayMsMax: number;
  /** An I/O that has no result by then ends with an error. */
  readonly deadlineMs: number;
  /** I/O is held for so long where no way is left at all; then it ends with an error. */
  readonly noPathRetryMs: number;
  /** A region that nobody has written to for so long is not dirty any more, once a flush has covered it. */
  readonly dirtyIdleMs: number;
  /** More dirty regions of a volume than this are flushed and taken back at once. */
  readonly dirtyRegionsMax: number;
  /** Changes of marks that a volume may have under way to take back what is clean. */
  readonly markChangesMax: number;
  readonly failback: FailbackPolicy;
  readonly balance: BalancePolicy;
  readonly pathOrder: PathOrder;
  readonly routeScope: RouteScope;
}

export const driverPolicyDefault: DriverPolicy = {
  slotsMax: 1024,
  windowMax: ioWindowMax,
  turnParts: 16,
  rangePartsMax: 64,
  ioBytesMax: 32 * mebibyte,
  allocationBytesMax: 16 * mebibyte,
  sweepIntervalMs: 20,
  answerTimeoutMs: 250,
  answerTimeoutMsMax: 1000,
  usualTimeoutMsMax: 2000,
  slowTimeoutMs: 500,
  probeAfterMs: 80,
  reportAfterMs: 300,
  retryDelayMs: 20,
  waitDelayMsMax: 500,
  deadlineMs: 10_000,
  noPathRetryMs: 10_000,
  dirtyIdleMs: 2000,
  dirtyRegionsMax: 1024,
  markChangesMax: 16,
  failback: {
    failback: 'immediate',
    dwellMs: 1000,
    quarantineFailures: 3,
    quarantineWithinMs: 30_000,
    quarantineForMs: 60_000,
  },
  balance: {
    metric: 'answerTime',
    threshold: 3,
    hysteresis: 0.5,
    floorMs: 5,
    dwellMs: 3000,
    minimumGain: 0.3,
  },
  pathOrder: 'hops',
  routeScope: 'whole',
};
