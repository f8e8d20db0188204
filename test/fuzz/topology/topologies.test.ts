/** Topology files as mistaken people and broken disks write them. */
import { expect } from 'chai';
import { TopologyCampaign } from './campaign.ts';

const filesInEveryRun = 800;

describe('topology files that nobody would write on purpose', () => {
  it(`${filesInEveryRun} of them are refused at their lines, or make clusters that start`, () => {
    const campaign = new TopologyCampaign();
    for (let number = 0; number < filesInEveryRun; number++)
      expect(campaign.play('suite', number)).to.equal(null);
    const { refused, accepted, started } = campaign.counts;
    expect(refused).to.be.above(filesInEveryRun / 2);
    expect(accepted).to.be.above(filesInEveryRun / 20);
    expect(started).to.be.above(3);
  }).timeout(120_000);

  it('776 of seed proof-9 loses its last line, and is refused as an empty file', () => {
    const campaign = new TopologyCampaign();
    expect(campaign.play('proof-9', 776)).to.equal(null);
    expect(campaign.counts.refused).to.equal(1);
  });
});
