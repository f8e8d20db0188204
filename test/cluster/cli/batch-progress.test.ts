import { expect } from 'chai';
import { BatchProgress } from '../../../cluster/cli/batch-progress.ts';

function progressOn(isTTY: boolean) {
  const time = { ms: 0 };
  const written: string[] = [];
  const write = (text: unknown) => written.push(String(text)) > 0;
  const progress = new BatchProgress(10, { write, isTTY }, () => time.ms);
  return { progress, time, written };
}

describe('progress of a batch', () => {
  it('says how many are done, how many failed, how fast it goes and how long it will take', () => {
    const { progress, time } = progressOn(true);
    time.ms = 4000;
    progress.ended(true);
    progress.ended(false);
    expect(progress.text).to.equal('2 of 10 runs, 1 failed, 0.50 per second, 16 s left');
  });

  it('on a terminal is one line that is written over, and makes room for results', () => {
    const { progress, written } = progressOn(true);
    progress.ended(true);
    progress.clear();
    const eraseLine = '\r\x1b[K';
    expect(written).to.deep.equal([`${eraseLine}${progress.text}`, eraseLine]);
  });

  it('elsewhere is a plain line now and then', () => {
    const { progress, time, written } = progressOn(false);
    for (const ms of [10_000, 20_000, 31_000, 40_000, 62_000]) {
      time.ms = ms;
      progress.clear();
      progress.ended(true);
    }
    expect(written.map((line) => line.slice(0, 12))).to.deep.equal([
      '3 of 10 runs',
      '5 of 10 runs',
    ]);
    expect(written.every((line) => line.endsWith('left\n'))).to.equal(true);
  });
});
