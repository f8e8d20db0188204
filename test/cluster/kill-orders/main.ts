/**
 * Carries kill orders out that are named on the command line; with `--moved` also each of them with a step moved into
 * everything that it met. Prints what all came to, as a line of JSON, and exits with 1 when anything was wrong.
 */
import { parseArgs } from 'node:util';
import { runKillOrder } from './kill-order-run.ts';
import { joined, sumOf } from './kill-order-sum.ts';
import { movedOrders } from './orders.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { moved: { type: 'boolean', default: false } },
});

const reports = positionals.flatMap((name) => {
  const report = runKillOrder(name);
  const moved = values.moved ? movedOrders(name, report.met).map(runKillOrder) : [];
  return [report, ...moved];
});
const sum = joined(reports.map(sumOf));
process.stdout.write(`${JSON.stringify(sum)}\n`);
if (sum.failed.length > 0) process.exitCode = 1;
