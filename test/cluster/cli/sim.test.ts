import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { MeasuredRun } from '../../../cluster/simulation/report.ts';

const program = fileURLToPath(new URL('../../../cluster/cli/main.js', import.meta.url));

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

function sim(...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'sim', ...words], (error, output, errors) =>
      resolve({ code: Number(error?.code ?? 0), output, errors }),
    );
  });
}

describe('sanctor sim', function () {
  this.timeout(60_000);

  it('runs one seed and says what it met', async () => {
    const { code, output } = await sim('--seed', '5', '--minutes', '0.1');
    expect(code, output).to.equal(0);
    expect(output).to.match(/^seed 5 on default: passed, \d+ of \d+ I\/Os succeeded/);
    expect(output).to.include('coordinator: settling > serving');
  });

  it('gives the same as JSON for programs', async () => {
    const { output } = await sim('--seed', '5', '--minutes', '0.1', '--json');
    const { report } = JSON.parse(output) as MeasuredRun;
    expect(report.verdict).to.equal('passed');
    expect(report.coverage.codes.ok).to.be.greaterThan(0);
  });

  it('runs a batch in several processes, and sums up', async () => {
    const { code, output } = await sim('--seeds', '5..7', '--jobs', '2', '--minutes', '0.1');
    expect(code, output).to.equal(0);
    expect(output).to.include('3 runs: crashed 0, passed 3, stuck 0, wrong 0; 0 of them count');
  });

  it('says what is missing or wrong in the command', async () => {
    const neither = await sim();
    expect(neither.code).to.equal(1);
    expect(neither.errors).to.include('either --seed N, or --seeds A..B');
    const backwards = await sim('--seeds', '9..3');
    expect(backwards.code).to.equal(1);
    expect(backwards.errors).to.include('not a range of seeds');
    const traced = await sim('--seeds', '1..2', '--trace', 'file');
    expect(traced.errors).to.include('--trace and --only-faults are for one seed');
  });

  it('tells in its help what each exit code means', async () => {
    const { output } = await sim('--help');
    for (const line of ['3  crash', '4  wrong result', '5  stuck']) expect(output).to.include(line);
  });
});
