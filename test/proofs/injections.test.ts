import { expect } from 'chai';
import { injectedTopologies } from './injection-kinds.ts';
import type { KindCount } from './injection-round.ts';
import { concludeInjections } from './injections.ts';
import type { StepResult } from './proof.ts';
import { isMet, signsSince, signsText } from './strike-signs.ts';

const rounds = 4;

/** Rounds on all topologies, in which each kind is struck once; `met` says whether that was met. */
function results(met: (kind: string, round: number) => boolean): readonly StepResult[] {
  return injectedTopologies.flatMap(({ shipped, kinds }) =>
    Array.from({ length: rounds }, (_, round) => {
      const counts = kinds.map(({ name }): [string, KindCount] => [
        name,
        { times: 1, met: met(name, round) ? 1 : 0, signs: {} },
      ]);
      const data = Object.fromEntries(counts);
      return { id: `${shipped} ${round}`, said: '', problems: [], seconds: 1, data };
    }),
  );
}

describe('rounds of injections', () => {
  it('say how often each kind was struck and met, and show something when half of the strikes were', () => {
    const { problems, lines } = concludeInjections(
      results((_, round) => round < rounds / 2),
      { length: 'long' },
    );
    expect(problems).to.deep.equal([]);
    expect(lines).to.have.length(injectedTopologies.length);
    expect(lines[0]).to.match(/^default: link down 4 \(2 met\), HBA down 4 \(2 met\)/);
  });

  it('show nothing when a kind was met in fewer than half of them', () => {
    const seldom = results((kind, round) => kind !== 'read errors' || round === 0);
    const { problems } = concludeInjections(seldom, { length: 'long' });
    expect(problems).to.have.length(injectedTopologies.length);
    expect(problems[0]).to.equal(
      'default: 1 of 4 strikes of the kind read errors were met by I/O: too few to show anything',
    );
    expect(concludeInjections(seldom, { length: 'short' }).problems, 'one round').to.deep.equal([]);
  });

  it('show nothing of a kind that no round came to, nor where a round threw', () => {
    const [first, ...others] = results(() => true);
    if (first === undefined) throw new Error('there are no results');
    const { data: _, ...thrown } = first;
    const all = { length: 'long' } as const;
    expect(concludeInjections([thrown, ...others], all).lines[0]).to.contain('link down 3');
    const elsewhere = others.filter(({ id }) => !id.startsWith('default '));
    expect(concludeInjections(elsewhere, all).problems).to.contain(
      'default: 0 of 0 strikes of the kind slow disk were met by I/O: too few to show anything',
    );
  });
});

describe('the signs of a strike', () => {
  it('are what was counted since, and none when nothing was', () => {
    const before = { 're-issues': 4, failovers: 1, 'dead links': 7 };
    expect(isMet(signsSince(before, before))).to.equal(false);
    expect(signsText(signsSince(before, before))).to.equal('not met');
    const since = signsSince(before, { 're-issues': 9, failovers: 2, 'dead links': 7 });
    expect(isMet(since)).to.equal(true);
    expect(signsText(since)).to.equal('5 re-issues, 1 failovers');
  });

  it('are not what a busy machine does now and then', () => {
    expect(isMet({ 're-issues': 0, retransmissions: 2 })).to.equal(false);
    expect(isMet({ 're-issues': 0, retransmissions: 20 })).to.equal(true);
  });

  it('are not made of a count that began anew with its process', () => {
    expect(isMet(signsSince({ repairs: 12 }, { repairs: 3 }))).to.equal(false);
  });
});
