import { expect } from 'chai';
import { driverPolicyDefault } from '../../../actors/host/driver-policy.ts';
import { LoadPolicy } from '../../../actors/host/load-policy.ts';

const { balance } = driverPolicyDefault;
const tickMs = 500;

/** Switches with the answer times that `metricsAt` gives, for a time; what changed, and when. */
function play(
  policy: LoadPolicy,
  seconds: number,
  metricsAt: (ms: number) => Readonly<Record<string, number>>,
  answersAt: (ms: number) => number = () => 1,
): readonly string[] {
  const changes: string[] = [];
  for (let ms = 0; ms <= seconds * 1000; ms += tickMs) {
    const measured = Object.entries(metricsAt(ms)).map(([id, metricMs]) => ({ id, metricMs }));
    for (const { id, isAvoided } of policy.judge(measured, answersAt(ms), ms))
      changes.push(`${ms} ${isAvoided ? 'leaves' : 'returns to'} ${id}`);
  }
  return changes;
}

describe('the policy of load imbalance (H7)', () => {
  it('leaves a switch that is much slower for the dwell time, and returns once it was healed for as long', () => {
    const policy = new LoadPolicy(balance);
    const isSlow = (ms: number) => ms >= 10_000 && ms < 30_000;
    const changes = play(
      policy,
      60,
      (ms) => ({ s1: isSlow(ms) ? 40 : 1, s2: 1 }),
      (ms) => (isSlow(ms) && !policy.isAvoided('s1') ? 40 : 1),
    );
    expect(changes).to.deep.equal(['13000 leaves s1', '33000 returns to s1']);
  });

  it('a short slowness changes nothing', () => {
    const changes = play(new LoadPolicy(balance), 60, (ms) => ({
      s1: ms % 4000 < 2500 ? 40 : 1,
      s2: 1,
    }));
    expect(changes).to.be.empty;
  });

  it('differences below the floor never count, however many times as long they are', () => {
    const changes = play(new LoadPolicy(balance), 60, () => ({ s1: 4, s2: 0.1 }));
    expect(changes).to.be.empty;
  });

  it('what is slow because of its load alone is left seldom, and ever more seldom: that it does not help is noted', () => {
    const policy = new LoadPolicy(balance);
    // Whoever has the traffic is slow by it.
    const changes = play(
      policy,
      600,
      () => ({ s1: policy.isAvoided('s1') ? 1 : 30, s2: policy.isAvoided('s1') ? 30 : 1 }),
      () => 30,
    );
    const moves = changes.filter((change) => change.includes('leaves'));
    expect(moves.length).to.be.within(1, 10);
    const times = moves.map((move) => Number(move.split(' ')[0]));
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const [index, gap] of gaps.slice(1).entries())
      expect(gap).to.be.at.least(gaps[index] ?? 0);
  });

  it('a move that helped is kept as long as the switch is slow', () => {
    const policy = new LoadPolicy(balance);
    const changes = play(
      policy,
      600,
      () => ({ s1: 40, s2: 2 }),
      () => (policy.isAvoided('s1') ? 3 : 40),
    );
    expect(changes).to.deep.equal(['3000 leaves s1']);
  });

  it('the last switch is not left, however slow', () => {
    expect(play(new LoadPolicy(balance), 60, () => ({ s1: 500 }))).to.be.empty;
    const both = play(new LoadPolicy(balance), 60, () => ({ s1: 500, s2: 400 }));
    expect(both).to.be.empty;
  });
});
