import { expect } from 'chai';
import { newAnswerTime, noteAnswer, patienceMs } from '../../../actors/host/answer-time.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';

/** One that has taken these answers, a millisecond apart. */
function having(...tookMs: readonly number[]) {
  const time = newAnswerTime();
  for (const [at, ms] of tookMs.entries()) noteAnswer(time, ms, at);
  return time;
}

const times = (count: number, ms: number): readonly number[] => Array<number>(count).fill(ms);

describe('how long an answer is waited for', () => {
  const none = newAnswerTime();

  it('nothing is known before the first, and one says little about the next', () => {
    expect(patienceMs(none, none, 0)).to.equal(0);
    expect(patienceMs(having(100), none, 0)).to.equal(300);
  });

  it('answers that all take as long may take twice as long, and no more', () => {
    const time = having(...times(200, 600));
    expect(patienceMs(time, none, 200)).to.be.within(1200, 1210);
  });

  it('answers that take 400 to 800 ms are never late, as chance has it', () => {
    const random = new SeededRandom(7);
    const time = having(500);
    for (let count = 0; count < 5000; count++) {
      const tookMs = random.between(400, 800);
      expect(tookMs).to.be.below(patienceMs(time, none, count));
      noteAnswer(time, tookMs, count);
    }
  });

  it('load that grows is kept pace with: twice as long within ten answers is not late', () => {
    const time = having(...times(50, 10));
    let late = 0;
    for (let ms = 10, count = 50; ms < 900; ms *= 1.07, count++) {
      if (ms > Math.max(250, patienceMs(time, none, count))) late++;
      noteAnswer(time, ms, count);
    }
    expect(late).to.equal(0);
  });

  it('one slow answer among quick ones is soon forgotten', () => {
    const time = having(...times(50, 2), 1000, ...times(40, 2));
    expect(patienceMs(time, none, 91)).to.be.below(250);
  });

  it('of a way that nothing came by lately what is known of all others counts, if they are slower', () => {
    const quick = having(...times(50, 2));
    const slow = having(...times(50, 600));
    expect(patienceMs(quick, slow, 1000)).to.be.below(10);
    expect(patienceMs(quick, slow, 10_000)).to.be.above(1000);
    expect(patienceMs(slow, quick, 10_000)).to.be.above(1000);
    expect(patienceMs(none, slow, 0)).to.be.above(1000);
  });
});
