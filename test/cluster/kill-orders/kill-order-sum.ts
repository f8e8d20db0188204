/** What many kill orders came to. */
import type { KillOrderReport } from './kill-order-run.ts';
import { orderNamed } from './orders.ts';

export interface KillOrderSum {
  readonly orders: number;
  readonly steps: number;
  /** Steps after which nothing was served. */
  readonly refusals: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly virtualMs: number;
  /** By moment, orders with a step that was moved there. */
  readonly moved: Readonly<Record<string, number>>;
  readonly failed: readonly Pick<KillOrderReport, 'name' | 'problems'>[];
}

export function sumOf(report: KillOrderReport): KillOrderSum {
  const { name, problems, met: _, ...counts } = report;
  const moment = orderNamed(name).moved?.moment;
  return {
    orders: 1,
    ...counts,
    moved: moment === undefined ? {} : { [moment]: 1 },
    failed: problems.length > 0 ? [{ name, problems }] : [],
  };
}

export function joined(sums: readonly KillOrderSum[]): KillOrderSum {
  const total = (of: (sum: KillOrderSum) => number) => sums.reduce((all, sum) => all + of(sum), 0);
  const moved: Record<string, number> = {};
  for (const sum of sums)
    for (const [moment, count] of Object.entries(sum.moved))
      moved[moment] = (moved[moment] ?? 0) + count;
  return {
    orders: total(({ orders }) => orders),
    steps: total(({ steps }) => steps),
    refusals: total(({ refusals }) => refusals),
    acknowledged: total(({ acknowledged }) => acknowledged),
    reads: total(({ reads }) => reads),
    virtualMs: total(({ virtualMs }) => virtualMs),
    moved,
    failed: sums.flatMap(({ failed }) => failed),
  };
}

/** For people: one line. */
export function sumText(sum: KillOrderSum): string {
  const { orders, steps, refusals, acknowledged, reads, virtualMs, failed } = sum;
  const hours = (virtualMs / 3_600_000).toFixed(1);
  return (
    `${orders} orders, ${failed.length} of them wrong; ${steps} kills and restarts, after ${refusals} of which nothing ` +
    `was served; ${acknowledged} writes acknowledged, ${reads} reads, ${hours} virtual hours`
  );
}
