import { expect } from 'chai';
import { Absences } from '../../../actors/virtualizer/absences.ts';
import type { DiskId } from '../../../protocols/ids.ts';
import { at } from './samples.ts';

const [d1, d2] = ['d1', 'd2'] as DiskId[] as [DiskId, DiskId];

describe('how long a volume waits for disks', () => {
  it('as long as the policy says since each was first missed', () => {
    const absences = new Absences(2000);
    expect(absences.note([d1], [d1], at(100))).to.equal(2000);
    expect(absences.note([d1], [d1], at(1100))).to.equal(1000);
    expect(absences.note([d1, d2], [d1, d2], at(1100))).to.equal(2000);
    expect(absences.note([d1], [d1], at(2100))).to.equal(0);
  });

  it('no longer in all for one that comes and goes, until it has been there for a minute', () => {
    const absences = new Absences(2000);
    absences.note([d1], [d1], at(0));
    absences.note([], [], at(1500));
    expect(absences.note([d1], [d1], at(3000))).to.equal(500);
    expect(absences.note([d1], [d1], at(3500))).to.equal(0);
    absences.note([], [], at(3600));
    expect(absences.note([d1], [d1], at(63_500))).to.equal(0);
    absences.note([], [], at(63_600));
    expect(absences.note([d1], [d1], at(123_700))).to.equal(2000);
  });

  it('before one is taken back that went not for the first time of late', () => {
    const absences = new Absences(2000);
    expect(absences.departed(d1, at(0))).to.equal(0);
    expect(absences.departed(d1, at(10_000))).to.equal(15_000);
    expect(absences.departed(d1, at(80_000))).to.equal(80_000);
  });

  it('not for one that two switches hear nothing of', () => {
    const absences = new Absences(2000);
    expect(absences.silentTo(d1, 's1', at(0))).to.equal(false);
    expect(absences.silentTo(d1, 's1', at(5000))).to.equal(false);
    expect(absences.silentTo(d2, 's2', at(5000))).to.equal(false);
    expect(absences.silentTo(d1, 's2', at(5000))).to.equal(true);
    expect(absences.silentTo(d2, 's1', at(70_000)), 'that was long ago').to.equal(false);
  });

  it('not at all for one that failed, and each time longer until that one is tried again', () => {
    const absences = new Absences(2000);
    expect(absences.note([d1], [], at(0))).to.equal(0);
    expect(absences.failed(d1, 'no space', true, at(0))).to.equal(5000);
    expect(absences.failed(d1, 'no space', true, at(4000)), 'told again').to.equal(5000);
    expect(absences.failed(d1, 'no space', true, at(6000))).to.equal(16_000);
    expect(absences.reasonOf(d1)).to.equal('no space');
    absences.healed(d1);
    expect(absences.reasonOf(d1)).to.equal('');
    expect(absences.failed(d1, 'no space', true, at(20_000))).to.equal(25_000);
    expect(absences.failed(d1, 'no space', true, at(25_000))).to.equal(35_000);
    expect(absences.failed(d1, 'no space', true, at(95_000)), 'that was long ago').to.equal(
      100_000,
    );
  });

  it('each time longer for one that fails late in each of its tries to be in sync, however late', () => {
    const absences = new Absences(2000);
    const wasInSync = false;
    expect(absences.failed(d1, 'no space', true, at(0))).to.equal(5000);
    expect(absences.failed(d1, 'no space', wasInSync, at(200_000))).to.equal(210_000);
    expect(absences.failed(d1, 'no space', wasInSync, at(400_000))).to.equal(420_000);
    absences.healed(d1);
    expect(absences.failed(d1, 'no space', wasInSync, at(430_000))).to.equal(435_000);
  });

  it('for one that refuses as long as it does so seldom', () => {
    const absences = new Absences(2000);
    expect([absences.refused(d1), absences.refused(d1)]).to.deep.equal([false, false]);
    absences.confirmed();
    expect([1, 2, 3].map(() => absences.refused(d1))).to.deep.equal([false, false, true]);
  });
});
