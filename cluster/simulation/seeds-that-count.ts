/** What a run must have met for its verdict to count (DESIGN §8). The only place that says so. */
import { sumOf } from './coverage.ts';
import type { RunReport } from './run-report.ts';

export const countingMinutesMin = 2;
export const countingHostsMin = 2;
export const countingIosMin = 3000;
/** Of the I/Os that succeeded. */
export const countingHotShareMin = 0.5;
/** Faults that hit I/O in flight. */
export const countingFaultsMin = 30;

/** Why a run does not count, as phrases; none when it does. */
export function whyNotCounting(report: RunReport): readonly string[] {
  const { minutes, hosts, ios, coverage } = report;
  const faults = sumOf(coverage.faultsInFlight);
  const reasons: string[] = [];
  if (minutes < countingMinutesMin)
    reasons.push(`${minutes} virtual minutes, fewer than ${countingMinutesMin}`);
  if (hosts < countingHostsMin) reasons.push(`${hosts} hosts, fewer than ${countingHostsMin}`);
  if (ios.succeeded < countingIosMin)
    reasons.push(`${ios.succeeded} I/Os succeeded, fewer than ${countingIosMin}`);
  if (ios.succeededHot < countingHotShareMin * ios.succeeded)
    reasons.push(`only ${ios.succeededHot} of ${ios.succeeded} I/Os on the hot set`);
  if (faults < countingFaultsMin)
    reasons.push(`${faults} faults met I/O under way, fewer than ${countingFaultsMin}`);
  return reasons;
}
