/** Which decisions the simulation takes for what an operator has forced, and which it accuses. */
import { expect } from 'chai';
import { MembershipHistory } from '../../../cluster/simulation/membership-history.ts';
import type { MirrorState, VolumeRecord } from '../../../protocols/control-data.ts';
import type { DiskId, VolumeId } from '../../../protocols/ids.ts';
import { mebibyte } from '../../../protocols/units.ts';
import { extentOn, mirror } from '../../actors/host/control-data-sample.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';

const vol0 = 'vol0' as VolumeId;
const [d1, d2] = ['d1', 'd2'] as [DiskId, DiskId];
const leap = 2 ** 32;
const layout = mirror(
  'm0',
  [d1, d2].map((disk) => extentOn(disk, mebibyte)),
);

function recordOf(eventCount: number, mirrors: readonly MirrorState[]): VolumeRecord {
  const decided = { volume: vol0, generation: eventCount, layout };
  return { ...decided, mirrorSets: [mirrorSetOf('m0', eventCount, mirrors)] } as never;
}

describe('decisions by an operator’s force', () => {
  let history: MembershipHistory;
  const decide = (eventCount: number, ...mirrors: MirrorState[]) =>
    history.decided(recordOf(eventCount, mirrors), 0, true);
  beforeEach(() => {
    history = new MembershipHistory();
    decide(1, 'in-sync', 'stale');
  });

  it('are as good as others, where one ordered just that', () => {
    history.ordered(vol0, [d2]);
    expect(decide(1 + leap, 'stale', 'in-sync')).to.equal(null);
    expect(decide(2 + leap, 'resyncing', 'in-sync')).to.equal(null);
  });

  it('are accused where nobody ordered them, for they count once', () => {
    const whatIsWrong = /by force: no operator ordered that, or it had been done before/;
    expect(decide(1 + leap, 'stale', 'in-sync')).to.match(whatIsWrong);
    history.ordered(vol0, [d1]);
    expect(decide(1 + 2 * leap, 'in-sync', 'stale')).to.equal(null);
    expect(decide(1 + 3 * leap, 'stale', 'in-sync')).to.match(whatIsWrong);
  });

  it('are accused where the order was withdrawn, or named another mirror', () => {
    history.ordered(vol0, [d1]);
    expect(decide(1 + leap, 'stale', 'in-sync')).to.match(/ordered was to go on with d1/);
    history.ordered(vol0, [d1]);
    history.withdrawn(vol0);
    expect(decide(1 + 2 * leap, 'in-sync', 'stale')).to.match(/no operator ordered that/);
  });

  it('are accused where that mirror was in sync: nothing was missing', () => {
    history.ordered(vol0, [d1]);
    expect(decide(1 + leap, 'in-sync', 'stale')).to.match(/by force: nothing was missing/);
  });

  it('are told from others by their event count: a stale mirror is in sync by no order', () => {
    history.ordered(vol0, [d2]);
    expect(decide(2, 'stale', 'in-sync')).to.match(/which is no step/);
  });
});
