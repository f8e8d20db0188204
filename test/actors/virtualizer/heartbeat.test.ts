import { expect } from 'chai';
import { Heartbeat } from '../../../actors/virtualizer/heartbeat.ts';
import { at } from './samples.ts';

/** @param gapsMs between one beat and the next. @returns how late it may usually be by then, in whole ms */
function usuallyLateMs(gapsMs: readonly number[], deviations = 4): number {
  const heartbeat = new Heartbeat();
  let nowMs = 0;
  heartbeat.beat(at(nowMs));
  for (const gapMs of gapsMs) {
    nowMs += gapMs;
    heartbeat.beat(at(nowMs));
  }
  return Math.round(heartbeat.usuallyLateMs(deviations));
}

const times = (count: number, gapsMs: readonly number[]) =>
  Array.from({ length: count }, () => gapsMs).flat();

describe('a heartbeat', () => {
  it('that is punctual is granted nothing', () => {
    expect(usuallyLateMs([])).to.equal(0);
    expect(usuallyLateMs(times(50, [1000]))).to.equal(0);
  });

  it('that is always late by the same is granted that, and no more', () => {
    expect(usuallyLateMs(times(100, [1300]))).to.be.within(299, 301);
  });

  it('that is irregular is granted much more than it is late on average', () => {
    expect(usuallyLateMs(times(50, [1000, 1400]))).to.be.within(800, 1200);
    expect(usuallyLateMs(times(50, [1000, 1400]), 0)).to.be.within(150, 250);
  });

  it('that comes early after a late one is not late', () => {
    expect(usuallyLateMs(times(50, [1100, 900]))).to.be.below(300);
  });

  it('that was late once is trusted again by and by', () => {
    const calm = (beats: number) => usuallyLateMs([2500, ...times(beats, [1000])]);
    expect(calm(0)).to.be.above(1500);
    expect(calm(5)).to.be.within(500, 1500);
    expect(calm(30)).to.be.below(50);
  });

  it('learns nothing from a time in which it could not be heard', () => {
    const heartbeat = new Heartbeat();
    heartbeat.beat(at(0));
    heartbeat.interrupt();
    heartbeat.beat(at(60_000));
    expect(heartbeat.usuallyLateMs(4)).to.equal(0);
  });
});
