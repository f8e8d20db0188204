/** A hundred thousand NBD sessions that nobody would write by hand: each harms only itself, and leaves nothing behind. */
import { expect } from 'chai';
import { NbdSession } from '../../../cluster/nbd/session.ts';
import { Campaign, failureText } from './campaign.ts';
import { generatePlan } from './generate.ts';
import { planText } from './plan.ts';
import { Server } from './play.ts';
import { missedOf } from './reached.ts';

const sessionsInEveryRun = 100_000;

describe('NBD sessions that nobody would write by hand', () => {
  it(`${sessionsInEveryRun} of them harm nobody and leak nothing, and reach every option, command and error`, () => {
    const campaign = new Campaign();
    const { failure } = campaign.run({ seed: 'suite', first: 0, sessions: sessionsInEveryRun });
    expect(failure && failureText(failure)).to.equal(null);
    expect(missedOf(campaign.counts), 'never met').to.deep.equal([]);
  }).timeout(300_000);

  it('are the same ones again for the same seed and number', () => {
    const texts = [1, 1, 2].map((session) => planText(generatePlan('again', session)));
    expect(texts[0]).to.equal(texts[1]);
    expect(texts[0]).to.not.equal(texts[2]);
  });

  it('43890 of seed proof-5: what follows a last reply of few bytes is its data, not another reply', () => {
    expect(new Server().play(generatePlan('proof-5', 43_890), () => {})).to.equal(null);
  });

  it('one that finds a fault is told with its seed, its number and the few steps that show it', () => {
    const { stop } = NbdSession.prototype;
    NbdSession.prototype.stop = () => {
      throw new Error('it cannot be stopped');
    };
    try {
      const { failure } = new Campaign().run({ seed: 'told', first: 0, sessions: 1000 });
      if (failure === null) throw new Error('nothing was found');
      expect(failure.plan.steps).to.deep.equal([{ kind: 'stop' }]);
      const text = failureText(failure);
      expect(text).to.match(/session \d+ of seed told: Error: it cannot be stopped/);
      expect(text).to.contain('0: the server goes down');
      expect(text).to.contain(`--seed told --session ${failure.session}`);
      const again = new Server().play(generatePlan('told', failure.session), () => {});
      expect(again).to.contain('it cannot be stopped');
    } finally {
      NbdSession.prototype.stop = stop;
    }
  }).timeout(20_000);
});
