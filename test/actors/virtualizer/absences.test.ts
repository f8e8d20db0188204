import { expect } from 'chai';
import { Absences } from '../../../actors/virtualizer/absences.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { at } from './samples.ts';

const [d1, d2] = ['d1', 'd2'] as DiskId[] as [DiskId, DiskId];

describe('how long a volume waits for disks', () => {
  it('as long as the policy says since each was first missed, whoever else comes and goes', () => {
    const absences = new Absences(2000);
    expect(absences.note([d1], [d1], at(100))).to.equal(2000);
    expect(absences.note([d1], [d1], at(1100))).to.equal(1000);
    expect(absences.note([d1, d2], [d1, d2], at(1100))).to.equal(2000);
    expect(absences.note([d1], [d1], at(2100))).to.equal(0);
    expect(absences.note([], [], at(2200))).to.equal(0);
    expect(absences.note([d1], [d1], at(2300)), 'missed anew').to.equal(2000);
  });

  it('not at all for one that failed, and each time longer until that one is tried again', () => {
    const absences = new Absences(2000);
    expect(absences.note([d1], [], at(0))).to.equal(0);
    expect(absences.failed(d1, 'no space', at(0))).to.equal(5000);
    expect(absences.failed(d1, 'no space', at(4000)), 'told again').to.equal(5000);
    expect(absences.failed(d1, 'no space', at(6000))).to.equal(16_000);
    expect(absences.reasonOf(d1)).to.equal('no space');
    absences.healed(d1);
    expect(absences.reasonOf(d1)).to.equal('');
    expect(absences.failed(d1, 'no space', at(20_000))).to.equal(25_000);
  });

  it('for one that refuses as long as it does so seldom', () => {
    const absences = new Absences(2000);
    expect([absences.refused(d1), absences.refused(d1)]).to.deep.equal([false, false]);
    absences.confirmed();
    expect([1, 2, 3].map(() => absences.refused(d1))).to.deep.equal([false, false, true]);
  });
});
