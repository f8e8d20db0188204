import { expect } from 'chai';
import { emptyCoverage } from '../../../cluster/simulation/coverage.ts';
import type { StruckFault } from '../../../cluster/simulation/fault-schedule.ts';
import type { RunOrder } from '../../../cluster/simulation/measured-run.ts';
import {
  type DoRun,
  type Reduction,
  reduceFailure,
  reductionText,
  replayCommand,
} from '../../../cluster/simulation/reduction.ts';
import type { RunReport, Verdict } from '../../../cluster/simulation/run-report.ts';

const order: RunOrder = { seed: 7, topology: 'default', minutes: 2 };

function fault(number: number): StruckFault {
  return { number, name: 'crashDisk', what: 'd1', atMs: number * 1000, openIos: 3 };
}

function reportOf(verdict: Verdict, { minutes, onlyFaults }: RunOrder): RunReport {
  const numbers = onlyFaults ?? Array.from({ length: 100 }, (_, index) => index + 1);
  const faults = numbers.filter((number) => number * 1000 < minutes * 60_000).map(fault);
  const ios = { started: 0, succeeded: 0, succeededHot: 0, failed: 0 };
  const problems = verdict === 'passed' ? [] : ['it is so'];
  return {
    ...{ seed: 7, minutes, verdict, problems, virtualMs: 1, hosts: 2 },
    ...{ ios, faults, judged: { sectors: 0, unclear: 0 }, coverage: emptyCoverage() },
  };
}

/** A program that fails when it meets all of `needed`. */
function failsWith(...needed: readonly number[]): DoRun {
  return (asked) => {
    const report = reportOf('wrong', asked);
    const met = report.faults.map(({ number }) => number);
    return needed.every((number) => met.includes(number)) ? report : reportOf('passed', asked);
  };
}

function reduced(doRun: DoRun, runsMax = 200): Reduction {
  return reduceFailure(order, doRun(order), doRun, { runsMax, onProgress: () => {} });
}

describe('reduction of a failed seed', () => {
  it('finds the faults that it takes, and the load that it takes', () => {
    const { order: smallest } = reduced(failsWith(3, 40));
    expect(smallest.onlyFaults).to.deep.equal([3, 40]);
    expect(smallest.minutes).to.be.within(40 / 60, 50 / 60);
  });

  it('comes to no fault at all where none is needed', () => {
    const reduction = reduced(failsWith());
    expect(reduction.order.onlyFaults).to.deep.equal([]);
    expect(reductionText(reduction)).to.include('--only-faults none');
  });

  it('does not take another failure for the one that is reduced', () => {
    const doRun: DoRun = (asked) => {
      const report = failsWith(20)(asked);
      return report.verdict === 'passed' ? reportOf('stuck', asked) : report;
    };
    expect(reduced(doRun).order.onlyFaults).to.deep.equal([20]);
  });

  it('ends after as many runs as are allowed, with what it has by then', () => {
    let runs = 0;
    const doRun: DoRun = (asked) => {
      runs += 1;
      return failsWith(3, 40)(asked);
    };
    const { order: smallest, runs: counted } = reduced(doRun, 9);
    expect(runs).to.equal(10);
    expect(counted).to.equal(9);
    expect(smallest.onlyFaults).to.include.members([3, 40]);
  });

  it('says in one command how to see it again', () => {
    expect(replayCommand({ ...order, topology: 'two-tier', onlyFaults: [3, 17] })).to.equal(
      'sanctor sim --seed 7 --topology two-tier --minutes 2 --only-faults 3,17',
    );
  });
});
