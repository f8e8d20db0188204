/** Commands that make no sense, to every actor of a running SAN. */
import { expect } from 'chai';
import { CommandCampaign } from './campaign.ts';

const commandsInEveryRun = 4000;

describe('commands that make no sense', () => {
  it(`${commandsInEveryRun} of them are refused with a reason, and leave every actor as it was`, () => {
    const campaign = new CommandCampaign('suite');
    expect(campaign.run(commandsInEveryRun)).to.equal(null);
    const rarest = [...campaign.counts].toSorted(([, a], [, b]) => a - b)[0];
    expect(campaign.counts.size, 'verbs').to.be.above(10);
    expect(rarest?.[1], rarest?.[0]).to.be.above(10);
    expect(campaign.end()).to.deep.equal([]);
  }).timeout(120_000);
});
