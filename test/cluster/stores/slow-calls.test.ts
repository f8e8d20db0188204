import { expect } from 'chai';
import { SlowCalls } from '../../../cluster/stores/slow-calls.ts';

/** Calls one after the other for a second, every `slowEvery`-th of which is slow; the shares of the time. */
function second(slowEvery: number, slowMs = 8): { blocked: number; asynchronous: number } {
  const calls = new SlowCalls(1);
  let nowMs = 0;
  let blockedMs = 0;
  let asynchronousMs = 0;
  for (let call = 1; nowMs < 1000; ) {
    if (!calls.allows(nowMs)) {
      asynchronousMs += 0.1;
      nowMs += 0.1;
      continue;
    }
    const tookMs = call % slowEvery === 0 ? slowMs : 0.05;
    calls.ended(nowMs, nowMs + tookMs);
    if (tookMs === slowMs) blockedMs += tookMs;
    nowMs += tookMs + 0.05;
    call++;
  }
  return { blocked: blockedMs / nowMs, asynchronous: asynchronousMs / nowMs };
}

describe('slow calls of a store', () => {
  it('that are rare, as on a busy processor, cost little more than their own time', () => {
    const { asynchronous } = second(200, 3);
    expect(asynchronous).to.be.below(0.12);
  });

  it('that are usual, as with a cold file, block little of the time', () => {
    expect(second(1).blocked).to.be.below(0.15);
    expect(second(2).blocked).to.be.below(0.15);
    expect(second(8).blocked).to.be.below(0.15);
  });

  it('are over when calls are fast again', () => {
    const calls = new SlowCalls(1);
    for (let nowMs = 0; nowMs < 1000; nowMs += 200) calls.ended(nowMs, nowMs + 10);
    for (let nowMs = 2000; nowMs < 2030; nowMs += 0.1) calls.ended(nowMs, nowMs + 0.05);
    calls.ended(3000, 3005);
    expect(calls.allows(3006)).to.equal(false);
    expect(calls.allows(3005 + 2)).to.equal(true);
  });

  it('are not waited for where there are to be none', () => {
    expect(new SlowCalls(-1).allows(1e12)).to.equal(false);
  });
});
