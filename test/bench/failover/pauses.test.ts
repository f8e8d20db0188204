import { expect } from 'chai';
import { pauseTable, peersText } from './failover-report.ts';
import type { InjectionResult } from './injection.ts';
import { kinds } from './kinds.ts';
import { type AskedOf, percentileOf, summaryOf, verdictsOf } from './pauses.ts';

function result(pauseMs: number, more: Partial<InjectionResult> = {}): InjectionResult {
  const what = `link:s1-d1 down, ${pauseMs}`;
  return {
    what,
    pauseMs,
    longest: 'read',
    healingPauseMs: 2,
    ios: 700,
    reissues: 0,
    linkDowns: 0,
    ...more,
  };
}

/** 1, 2, 3 … */
function results(count: number): readonly InjectionResult[] {
  return Array.from({ length: count }, (_, index) => result(index + 1));
}

const asked: AskedOf = {
  title: 'link\ndown',
  pauseMsMax: 50,
  healingMsMax: null,
  metShareMin: null,
};

describe('the pauses of many injections', () => {
  it('have percentiles that are pauses which occurred', () => {
    expect(percentileOf([5, 1, 4, 2, 3], 50)).to.equal(3);
    expect(percentileOf([1, 2], 50)).to.equal(1);
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentileOf(hundred, 99)).to.equal(99);
    expect(percentileOf(hundred, 100)).to.equal(100);
    expect(percentileOf([], 99)).to.equal(0);
  });

  it('are summed up with the target of the longest, and with how many of them met any I/O', () => {
    const met = [result(3, { reissues: 2 }), result(9, { linkDowns: 1 }), result(1)];
    const summary = summaryOf(asked, met);
    expect(summary).to.include({ injections: 3, met: 2, worst: 'link:s1-d1 down, 9' });
    expect(summary.pauseMs).to.deep.equal({ p50: 3, p99: 9, max: 9 });
  });

  it('are judged by their 99th percentile where there are 200 of them, and else by the longest', () => {
    const long = { ...asked, pauseMsMax: 198 };
    expect(verdictsOf(summaryOf(long, results(200)), undefined)).to.deep.equal([
      { passed: true, text: 'ok      link down: p99 of 200 is 198.0 ms, 198 ms asked' },
    ]);
    const short = { ...asked, pauseMsMax: 18 };
    const [verdict] = verdictsOf(summaryOf(short, results(20)), summaryOf(asked, results(4)));
    expect(verdict?.passed).to.equal(false);
    expect(verdict?.text).to.equal(
      'missed  link down: the longest of 20 is 20.0 ms, 18 ms asked; ' +
        'the longest was 20.0 ms, link:s1-d1 down, 20; undisturbed: 4.0 ms',
    );
  });

  it('are judged while it heals, too, by what is asked of that', () => {
    const healed = { ...asked, pauseMsMax: null, healingMsMax: 5 };
    const quiet = summaryOf(asked, [result(9)]);
    expect(verdictsOf(summaryOf(healed, results(20)), quiet)).to.deep.equal([
      {
        passed: true,
        text: 'ok      link down, while it heals: the longest of 20 is 2.0 ms, 5 ms asked; undisturbed: 2.0 ms',
      },
    ]);
    const late = [...results(20), result(3, { healingPauseMs: 7 })];
    expect(verdictsOf(summaryOf(healed, late), undefined)).to.deep.equal([
      {
        passed: false,
        text:
          'missed  link down, while it heals: the longest of 21 is 7.0 ms, 5 ms asked; ' +
          'the longest was 7.0 ms, link:s1-d1 down, 3',
      },
    ]);
  });

  it('show nothing when fewer injections were met by I/O than are asked', () => {
    const half = { ...asked, pauseMsMax: null, metShareMin: 0.5 };
    const met = (count: number) =>
      results(4).map((each, index) => ({ ...each, reissues: index < count ? 3 : 0 }));
    expect(verdictsOf(summaryOf(half, met(2)), undefined)).to.deep.equal([
      { passed: true, text: 'ok      link down: 2 of 4 met by I/O, 50 % asked' },
    ]);
    expect(verdictsOf(summaryOf(half, met(1)), undefined)).to.deep.equal([
      { passed: false, text: 'missed  link down: 1 of 4 met by I/O, 50 % asked' },
    ]);
  });

  it('are not judged where nothing is asked, or where nothing could be struck', () => {
    const nothingAsked = summaryOf({ ...asked, pauseMsMax: null }, results(2));
    const nothingDone = summaryOf({ ...asked, healingMsMax: 50, metShareMin: 0.5 }, []);
    expect(verdictsOf(nothingAsked, nothingAsked)).to.deep.equal([]);
    expect(verdictsOf(nothingDone, nothingAsked)).to.deep.equal([]);
  });

  it('are to be met by I/O wherever something is lost', () => {
    const unasked = kinds.filter(({ metShareMin }) => metShareMin === null);
    expect(unasked.map(({ name }) => name)).to.deep.equal(['nothing', 'moved']);
  });

  it('are a table, with the published defaults of others below', () => {
    const table = pauseTable([summaryOf(asked, results(20)), summaryOf(asked, [])]);
    expect(table).to.match(/link down +│ +50 ms │ +10\.0 ms │ +20\.0 ms │ +20\.0 ms │/);
    expect(table).to.contain('not in use');
    expect(peersText()).to.match(/Ceph +an OSD is reported down after .* 20 s/);
  });
});
