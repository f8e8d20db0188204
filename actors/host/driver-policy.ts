/** What may be tuned in the optimization driver, with its defaults. All limits of the driver have their names here. */
import { mebibyte } from '../../protocols/units.ts';
import type { PathOrder } from './path-policy.ts';
import type { RouteScope } from './route-table.ts';

export interface DriverPolicy {
  /** Physical I/Os of a host under way at a time. Few, so that reply subjects are few (and cached by servers). */
  readonly slotsMax: number;
  /** How far I/O numbers may run ahead of the watermark: bounds what coordinators and disks remember. */
  readonly windowMax: number;
  /** The most bytes of one read or write. */
  readonly ioBytesMax: number;
  /** How much of a volume one `allocation` asks for. */
  readonly allocationBytesMax: number;
  /** Time-outs are found by a sweep, this often while anything is under way. */
  readonly sweepIntervalMs: number;
  /** Without an answer for so long an I/O is re-issued; doubles with each attempt, up to `answerTimeoutMsMax`. */
  readonly answerTimeoutMs: number;
  readonly answerTimeoutMsMax: number;
  /** The least time-out where the target has answered others meanwhile, and of flushes: slow, not dead. */
  readonly slowTimeoutMs: number;
  /** Between a path's failure and the next attempt. */
  readonly retryDelayMs: number;
  /** Between attempts that wait for somebody else to learn of a decision; bounds `busy` too. */
  readonly waitDelayMsMax: number;
  /** `noPathRetry`: an I/O that has no result by then ends with an error. */
  readonly deadlineMs: number;
  readonly pathOrder: PathOrder;
  readonly routeScope: RouteScope;
}

export const driverPolicyDefault: DriverPolicy = {
  slotsMax: 1024,
  windowMax: 16_384,
  ioBytesMax: 32 * mebibyte,
  allocationBytesMax: 16 * mebibyte,
  sweepIntervalMs: 20,
  answerTimeoutMs: 250,
  answerTimeoutMsMax: 1000,
  slowTimeoutMs: 500,
  retryDelayMs: 20,
  waitDelayMsMax: 500,
  deadlineMs: 10_000,
  pathOrder: 'hops',
  routeScope: 'whole',
};
