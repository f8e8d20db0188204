import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ordersOf, runBatch } from '../../../cluster/simulation/batch.ts';
import type { StruckFault } from '../../../cluster/simulation/fault-schedule.ts';
import { measuredRun } from '../../../cluster/simulation/measured-run.ts';
import { type MeasuredRun, runLine, summaryOf } from '../../../cluster/simulation/report.ts';
import { whyNotCounting } from '../../../cluster/simulation/seeds-that-count.ts';
import { topologyNames } from '../../../cluster/simulation/topology-names.ts';
import { temporaryFolder } from '../../tools/temporary-folder.ts';

const program = fileURLToPath(new URL('../../../cluster/cli/main.js', import.meta.url));
const shortOrder = { topology: 'default', minutes: 0.3 } as const;

function digestOfTrace(seed: number): { digest: string; lines: number } {
  const hash = createHash('sha256');
  let lines = 0;
  measuredRun({ ...shortOrder, seed }, (line) => {
    lines++;
    hash.update(`${line}\n`);
  });
  return { digest: hash.digest('hex'), lines };
}

describe('simulation of a whole cluster', function () {
  this.timeout(900_000);
  const folder = temporaryFolder();

  it('gives the same trace for the same seed, byte for byte, and another one for another seed', () => {
    const first = digestOfTrace(7);
    expect(first.lines).to.be.greaterThan(1000);
    expect(digestOfTrace(7)).to.deep.equal(first);
    expect(digestOfTrace(8).digest).to.not.equal(first.digest);
  });

  it('gives the same trace in another process', async () => {
    const file = join(folder(), 'trace.txt');
    const words = ['sim', '--seed', '7', '--minutes', String(shortOrder.minutes), '--trace', file];
    await promisify(execFile)(process.execPath, [program, ...words]);
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    expect(digest).to.equal(digestOfTrace(7).digest);
  });

  it('a seed of two minutes meets enough I/O and faults to count, on every topology', async () => {
    const orders = topologyNames.map((topology) => ({ seed: 21, topology, minutes: 2 }));
    const runs = await runBatch({ orders, jobs: 2, stopsAtFailure: false, onResult: () => {} });
    expect(runs).to.have.length(topologyNames.length);
    for (const { order, report } of runs) {
      expect(report.problems, order.topology).to.deep.equal([]);
      expect(whyNotCounting(report), order.topology).to.deep.equal([]);
    }
  });

  it('ten seeds on each topology pass every checker, and meet every fault and code', async () => {
    const failed: string[] = [];
    const onResult = (run: MeasuredRun) => {
      if (run.report.verdict !== 'passed') failed.push(runLine(run));
    };
    const orders = ordersOf({ first: 1020, last: 1029 }, 'both', 1);
    const runs = await runBatch({ orders, jobs: 2, stopsAtFailure: false, onResult });
    expect(failed).to.deep.equal([]);
    const { missing, untrueExemptions } = summaryOf(runs);
    // Some transitions are rarer than twenty runs show: `npm run proof:seeds` asks for them.
    expect(missing.filter((what) => !what.startsWith('transition'))).to.deep.equal([]);
    expect(untrueExemptions).to.deep.equal([]);
  });

  it('six seeds on two fabrics pass every checker, and take away or stop every NATS server', async () => {
    const failed: string[] = [];
    const struck: string[] = [];
    const onResult = (run: MeasuredRun) => {
      if (run.report.verdict !== 'passed') failed.push(runLine(run));
      for (const { name, what } of run.report.faults)
        if (name === 'serverRestart') struck.push(what);
    };
    const orders = ordersOf({ first: 1, last: 6 }, 'two-fabrics', 0.7);
    await runBatch({ orders, jobs: 2, stopsAtFailure: false, onResult });
    expect(failed).to.deep.equal([]);
    for (const server of ['n1', 'n2', 'c1'])
      for (const how of ['for', 'stands still'])
        expect(
          struck.some((what) => what.startsWith(`${server} ${how}`)),
          `${server} ${how}, among ${struck.join('; ')}`,
        ).to.equal(true);
  });

  it('a fault does the same when the others are left out', () => {
    const { faults } = measuredRun({ ...shortOrder, seed: 3 }).report;
    const spells = ['late', 'loss', 'delay', 'repeat', 'slowDisk'];
    const chosen = faults.filter(({ name }) => spells.includes(name));
    const onlyFaults = chosen.map(({ number }) => number);
    expect(onlyFaults).to.not.be.empty;
    const alone = measuredRun({ ...shortOrder, seed: 3, onlyFaults }).report.faults;
    const essence = ({ number, name, what }: StruckFault) => ({ number, name, what });
    expect(alone.map(essence)).to.deep.equal(chosen.map(essence));
  });
});
