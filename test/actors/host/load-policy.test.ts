import { expect } from 'chai';
import { driverPolicyDefault } from '../../../actors/host/driver-policy.ts';
import { type Judgement, LoadPolicy } from '../../../actors/host/load-policy.ts';

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
  for (const { ms, id, isAvoided, gain } of judgements(policy, seconds, metricsAt, answersAt))
    if (gain === null || !isAvoided)
      changes.push(`${ms} ${isAvoided ? 'leaves' : 'returns to'} ${id}`);
  return changes;
}

/** All that was judged, and when. There is a way past each switch, through the best one that is not avoided. */
function judgements(
  policy: LoadPolicy,
  seconds: number,
  metricsAt: (ms: number) => Readonly<Record<string, number>>,
  answersAt: (ms: number) => number,
) {
  const judged: (Judgement & { readonly ms: number })[] = [];
  for (let ms = 0; ms <= seconds * 1000; ms += tickMs) {
    const metrics = Object.entries(metricsAt(ms));
    const measured = metrics.map(([id, metricMs]) => {
      const others = metrics.filter(([other]) => other !== id && !policy.isAvoided(other));
      const otherMs = others.length === 0 ? null : Math.min(...others.map(([, each]) => each));
      return { id, metricMs, otherMs, answersMs: answersAt(ms) };
    });
    const answers = { averageMs: answersAt(ms), count: ms / 10 };
    judged.push(...policy.judge(measured, answers, ms).map((each) => ({ ...each, ms })));
  }
  return judged;
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

  it('a move has an end: what answers took before and since, and how many I/Os went other ways', () => {
    const slow = () => ({ s1: 40, s2: 2 });
    const helped = new LoadPolicy(balance);
    const faster = judgements(helped, 20, slow, () => (helped.isAvoided('s1') ? 4 : 40));
    const [left, judged] = faster;
    expect(faster).to.have.length(2);
    expect(left).to.include({ ms: 3000, id: 's1', isAvoided: true, gain: null });
    expect(judged).to.include({ ms: 9000, id: 's1', isAvoided: true });
    expect(judged?.gain).to.deep.equal({ beforeMs: 40, sinceMs: 4, ios: 600 });
    expect(judged?.reason).to.equal('answers took 40.0 ms before, 4.0 ms since');
    const [, takenBack] = judgements(new LoadPolicy(balance), 20, slow, () => 40);
    expect(takenBack).to.include({ ms: 9000, isAvoided: false });
    expect(takenBack?.gain).to.deep.equal({ beforeMs: 40, sinceMs: 40, ios: 600 });
    const [, unused, ...more] = judgements(new LoadPolicy(balance), 20, slow, () => 0);
    expect(unused, 'nobody reads').to.include({ isAvoided: true, reason: 'no reads to compare' });
    expect(more).to.be.empty;
  });

  it('the last switch is not left, however slow', () => {
    expect(play(new LoadPolicy(balance), 60, () => ({ s1: 500 }))).to.be.empty;
    const both = play(new LoadPolicy(balance), 60, () => ({ s1: 500, s2: 400 }));
    expect(both).to.be.empty;
  });
});
