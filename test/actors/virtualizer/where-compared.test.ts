/** Where mirrors are compared before they are used (DESIGN I8, H10). */
import { expect } from 'chai';
import { decide } from '../../../actors/virtualizer/decisions.ts';
import { volumeRecordSchema } from '../../../protocols/control-data.ts';
import { unitOf } from '../../../protocols/units.ts';
import { blankVolume, membersOf } from './samples.ts';

describe('the mirrors of a volume', () => {
  const blank = blankVolume();
  const usual = {
    controlEpoch: unitOf<typeof blank.controlEpoch>(1),
    members: membersOf({ d1: 1, d2: 1, d3: 1, d4: 1 }, { s1: 11, s2: 12 }),
    mirrorSets: blank.mirrorSets,
    hasEnded: () => false,
    isInForce: true,
    attachments: [],
    drained: [],
    coordinators: blank.partitions.map(({ coordinator }) => coordinator),
    preferred: [],
    renew: true,
  };
  const decided = (last: typeof blank, wereEqual: boolean) =>
    decide(last, { ...usual, wereEqual }).record;

  it('are compared everywhere until they were known to be equal once, and then where hosts have marked', () => {
    const first = decided(blank, false);
    const second = decided(first, false);
    expect([first.compared, second.compared]).to.deep.equal(['all', 'all']);
    const third = decided(second, true);
    const last = decided(third, false);
    expect([third.compared, last.compared]).to.deep.equal(['unfinished', 'marked']);
  });

  it('are compared everywhere when a record of before hosts marked says nothing about that', () => {
    const { isMarked: _, ...written } = decided(decided(blank, false), true);
    const before = volumeRecordSchema.parse(written);
    expect(decided(before, false).compared).to.equal('all');
  });
});
