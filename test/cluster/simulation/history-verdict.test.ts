import { expect } from 'chai';
import { VolumeHistory } from '../../../cluster/history/volume-history.ts';
import { verdictOn, whyNoVerdict } from '../../../cluster/simulation/history-verdict.ts';

/** A sector that was written and read. */
function judgedHistory(sector: number, isWrong: boolean): VolumeHistory {
  const history = new VolumeHistory();
  const write = history.beginWrite({ value: 7, firstSector: sector, sectorCount: 1, at: 0 });
  history.writeSucceeded(write, false, 1);
  const values = [isWrong ? 0 : 7];
  history.readSucceeded({ firstSector: sector, values, startedAt: 2, at: 3 });
  return history;
}

describe('the verdict on the histories of all volumes', () => {
  it('says how many sectors were judged, and names those that cannot be explained', () => {
    const { violations, judged } = verdictOn([
      ['vol0', judgedHistory(3, false)],
      ['vol1', judgedHistory(5, true)],
    ]);
    expect(judged).to.deep.equal({ sectors: 2, unclear: 0 });
    expect(violations).to.have.length(1);
    expect(violations[0]).to.match(/^volume vol1, sector 5: /);
  });

  it('is none when nothing can be said of more than one sector in two hundred', () => {
    expect(whyNoVerdict({ sectors: 1000, unclear: 5 })).to.equal(null);
    expect(whyNoVerdict({ sectors: 1000, unclear: 6 })).to.match(/6 of 1000 sectors/);
    expect(whyNoVerdict({ sectors: 0, unclear: 0 })).to.equal(null);
  });
});
