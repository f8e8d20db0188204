/** Frames that nobody should send, into running switches, disks and hosts. */
import { expect } from 'chai';
import { FrameCampaign } from './campaign.ts';

const messagesInEveryRun = 20_000;

describe('frames that nobody should send, into a whole SAN', () => {
  it(`${messagesInEveryRun} of them change no byte, end no machine, and stop no host’s I/O`, () => {
    const campaign = new FrameCampaign('suite');
    expect(campaign.run(messagesInEveryRun)).to.equal(null);
    for (const [kind, count] of Object.entries(campaign.counts))
      expect(count, kind).to.be.above(messagesInEveryRun / 20);
    expect(campaign.end()).to.deep.equal([]);
  }).timeout(120_000);
});
