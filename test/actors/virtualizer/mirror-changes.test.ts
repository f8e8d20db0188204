import { expect } from 'chai';
import fc from 'fast-check';
import {
  changesBetween,
  isWhole,
  newestSets,
  nextMirrorSets,
} from '../../../actors/virtualizer/mirror-changes.ts';
import type { MirrorSetRecord, MirrorState } from '../../../protocols/control-data.ts';
import { type DiskId, type ExtentId, idOf, type MirrorSetId } from '../../../protocols/ids.ts';
import { extentStatesOf, memberDisksOf } from '../../../protocols/layout/extent-states.ts';
import { extentsOf, type Layout, mirrorSetsOf } from '../../../protocols/layout/layout.ts';
import {
  type DiskOffset,
  type EventCount,
  type ExtentGeneration,
  type PartitionEpoch,
  unitOf,
} from '../../../protocols/units.ts';
import { mirrorSetOf } from '../../protocols/mirror-set-sample.ts';

const epochMin = unitOf<PartitionEpoch>(100);

function on(disk: string): Layout {
  return {
    kind: 'extent',
    extent: idOf<ExtentId>(`on-${disk}`),
    disk: idOf<DiskId>(disk),
    start: unitOf<DiskOffset>(0),
    lengthBytes: 4096,
    generation: unitOf<ExtentGeneration>(1),
  };
}

function mirror(set: string, ...children: readonly Layout[]): Layout {
  return { kind: 'mirror', set: idOf<MirrorSetId>(set), children };
}

function stripe(...children: readonly Layout[]): Layout {
  return { kind: 'stripe', stripBytes: 4096, children };
}

/** States as `m0: in-sync stale`. */
function sets(...texts: readonly string[]): readonly MirrorSetRecord[] {
  return texts.map((text) => {
    const [set = '', states = ''] = text.split(': ');
    return mirrorSetOf(set, 7, states.split(' ') as MirrorState[]);
  });
}

const three = mirror('m0', on('d1'), on('d2'), on('d3'));
const mirrorOfStripes = mirror('m0', stripe(on('d1'), on('d2')), stripe(on('d3'), on('d4')));
const nested = mirror('m0', mirror('m1', on('d1'), on('d2')), on('d3'));

interface Situation {
  readonly has: string;
  /** Those that are to be made good again when they are there; default: all. */
  readonly returns?: string;
  readonly equal?: string;
  readonly restarted?: string;
}

function after(
  layout: Layout,
  mirrorSets: readonly MirrorSetRecord[],
  { has, returns = has, equal = '', restarted = '' }: Situation,
): readonly string[] {
  const within = (text: string) => (disk: DiskId) => text.split(' ').includes(disk);
  const disks = {
    has: within(has),
    wasMember: () => true,
    wentOn: (disk: DiskId) => !within(restarted)(disk),
    returns: within(returns),
    isEqual: within(equal),
  };
  const next = nextMirrorSets({ layout, mirrorSets }, { disks, epochMin });
  return next.map(
    ({ set, eventCount, mirrors }) => `${set}: ${mirrors.join(' ')} at ${eventCount}`,
  );
}

describe('what becomes of mirrors', () => {
  const cases: [string, Layout, readonly MirrorSetRecord[], Situation, string[]][] = [
    [
      'nothing, while all disks are there',
      three,
      sets('m0: in-sync in-sync in-sync'),
      { has: 'd1 d2 d3' },
      ['m0: in-sync in-sync in-sync at 7'],
    ],
    [
      'a mirror without its disk is stale',
      three,
      sets('m0: in-sync in-sync in-sync'),
      { has: 'd1 d3' },
      ['m0: in-sync stale in-sync at 8'],
    ],
    [
      'a mirror is stale when any of its disks is away',
      mirrorOfStripes,
      sets('m0: in-sync in-sync'),
      { has: 'd1 d3 d4' },
      ['m0: stale in-sync at 8'],
    ],
    [
      'one that is back is written, and not read',
      three,
      sets('m0: in-sync stale in-sync'),
      { has: 'd1 d2 d3' },
      ['m0: in-sync resyncing in-sync at 8'],
    ],
    [
      'one that is back and has failed is left alone',
      three,
      sets('m0: in-sync stale in-sync'),
      { has: 'd1 d2 d3', returns: 'd1 d3' },
      ['m0: in-sync stale in-sync at 7'],
    ],
    [
      'one that is equal again is in sync',
      three,
      sets('m0: in-sync resyncing in-sync'),
      { has: 'd1 d2 d3', equal: 'd2' },
      ['m0: in-sync in-sync in-sync at 8'],
    ],
    [
      'one that is not equal yet stays what it is',
      three,
      sets('m0: in-sync resyncing in-sync'),
      { has: 'd1 d2 d3' },
      ['m0: in-sync resyncing in-sync at 7'],
    ],
    [
      'one that goes before it is equal is stale again',
      three,
      sets('m0: in-sync resyncing in-sync'),
      { has: 'd1 d3', equal: 'd2' },
      ['m0: in-sync stale in-sync at 8'],
    ],
    [
      'one whose disk has restarted may lack something, and is compared with those that went on',
      three,
      sets('m0: in-sync in-sync in-sync'),
      { has: 'd1 d2 d3', restarted: 'd2' },
      ['m0: in-sync resyncing in-sync at 8'],
    ],
    [
      'those whose disks have all restarted stay what they are: nobody has more',
      three,
      sets('m0: in-sync stale in-sync'),
      { has: 'd1 d3', restarted: 'd1 d3' },
      ['m0: in-sync stale in-sync at 7'],
    ],
    [
      'a mirror that consists of mirrors lacks nothing as long as one of those went on',
      nested,
      sets('m0: in-sync in-sync', 'm1: in-sync in-sync'),
      { has: 'd1 d2 d3', restarted: 'd1' },
      ['m0: in-sync in-sync at 8', 'm1: resyncing in-sync at 8'],
    ],
    [
      'a mirror that is detached stays so',
      three,
      sets('m0: in-sync detached in-sync'),
      { has: 'd1 d2 d3', equal: 'd2' },
      ['m0: in-sync detached in-sync at 7'],
    ],
    [
      'a mirror that consists of mirrors is in sync as long as one of those is, and both sets count the step',
      nested,
      sets('m0: in-sync in-sync', 'm1: in-sync in-sync'),
      { has: 'd2 d3' },
      ['m0: in-sync in-sync at 8', 'm1: stale in-sync at 8'],
    ],
    [
      'a mirror that consists of mirrors comes back as a whole',
      nested,
      sets('m0: stale in-sync', 'm1: stale stale'),
      { has: 'd1 d2 d3' },
      ['m0: resyncing in-sync at 8', 'm1: resyncing resyncing at 8'],
    ],
  ];
  for (const [what, layout, before, situation, expected] of cases)
    it(what, () => {
      expect(after(layout, before, situation)).to.deep.equal(expected);
    });

  it('a state begins with the step to it, and goes on through the steps of others', () => {
    const everywhere = () => true;
    let mirrorSets = sets('m0: in-sync in-sync in-sync');
    let epoch = 0;
    const step = (has: string, equal = '') => {
      const within = (text: string) => (disk: DiskId) => text.split(' ').includes(disk);
      const disks = {
        has: within(has),
        wasMember: everywhere,
        wentOn: everywhere,
        returns: everywhere,
        isEqual: within(equal),
      };
      epoch += 100;
      const deciding = { disks, epochMin: unitOf<PartitionEpoch>(epoch) };
      mirrorSets = nextMirrorSets({ layout: three, mirrorSets }, deciding);
      return mirrorSets[0]?.epochsSince;
    };
    expect(step('d1 d2 d3'), 'nothing happens').to.deep.equal([0, 0, 0]);
    expect(step('d1 d3'), 'd2 goes').to.deep.equal([0, 200, 0]);
    expect(step('d1 d2 d3'), 'd2 comes back').to.deep.equal([0, 300, 0]);
    expect(step('d1 d2'), 'd3 goes').to.deep.equal([0, 300, 400]);
    expect(step('d1 d2', 'd2'), 'd2 is equal').to.deep.equal([0, 500, 400]);
  });

  describe('what no flush has covered is held', () => {
    /** Since which epoch, by set; the step's own is 9. */
    const heldAfter = (
      layout: Layout,
      states: readonly MirrorSetRecord[],
      situation: Situation & { readonly strangers?: string },
    ) => {
      const { has, restarted = '', equal = '', strangers = '' } = situation;
      const within = (text: string) => (disk: DiskId) => text.split(' ').includes(disk);
      const wasMember = (disk: DiskId) => !within(strangers)(disk);
      const disks = {
        ...{ has: within(has), wasMember, returns: () => true, isEqual: within(equal) },
        wentOn: (disk: DiskId) => wasMember(disk) && !within(restarted)(disk),
      };
      const deciding = { disks, epochMin: unitOf<PartitionEpoch>(9) };
      return nextMirrorSets({ layout, mirrorSets: states }, deciding).map(
        ({ heldSince }) => heldSince,
      );
    };
    const inSync = () => sets('m0: in-sync in-sync in-sync');

    it('while a mirror in sync goes on as the process that it was', () => {
      expect(heldAfter(three, inSync(), { has: 'd1 d2 d3' })).to.deep.equal([0]);
      expect(heldAfter(three, inSync(), { has: 'd2' })).to.deep.equal([0]);
      expect(heldAfter(three, inSync(), { has: 'd1 d2', restarted: 'd1' })).to.deep.equal([0]);
    });

    it('no longer when all of them that can be used have restarted, whoever else went on', () => {
      expect(heldAfter(three, inSync(), { has: 'd1 d2 d3', restarted: 'd1 d2 d3' })).to.eql([9]);
      expect(heldAfter(three, inSync(), { has: 'd1', restarted: 'd1' })).to.deep.equal([9]);
      for (const state of ['stale', 'resyncing', 'detached'])
        expect(
          heldAfter(three, sets(`m0: in-sync ${state} ${state}`), {
            has: 'd1 d2 d3',
            restarted: 'd1',
          }),
          state,
        ).to.deep.equal([9]);
    });

    it('by no disk that the last decision does not know as a member: it may have been one, and have restarted', () => {
      expect(heldAfter(three, inSync(), { has: 'd1', strangers: 'd1' })).to.deep.equal([9]);
      expect(heldAfter(three, inSync(), { has: 'd1 d2', strangers: 'd1' })).to.deep.equal([0]);
    });

    it('around a mirror within a mirror by any of them that has all of its disks', () => {
      const states = sets('m0: in-sync in-sync', 'm1: in-sync in-sync');
      const situation = { has: 'd1 d2 d3', restarted: 'd1 d2' };
      expect(heldAfter(nested, states, situation), 'm1 by nobody, m0 by d3').to.deep.equal([0, 9]);
      const without = { has: 'd1 d2 d3', restarted: 'd1 d3' };
      expect(heldAfter(nested, states, without), 'both by d2').to.deep.equal([0, 0]);
    });

    it('by one that has become equal, and is called in sync only now', () => {
      const states = sets('m0: in-sync resyncing stale');
      const situation = { has: 'd1 d2', restarted: 'd1' };
      expect(heldAfter(three, states, { ...situation, equal: 'd2' })).to.deep.equal([0]);
      expect(heldAfter(three, states, situation)).to.deep.equal([9]);
      const inNested = sets('m0: resyncing in-sync', 'm1: in-sync in-sync');
      const halfEqual = { has: 'd1 d2 d3', restarted: 'd1 d3', equal: 'd2' };
      expect(heldAfter(nested, inNested, halfEqual), 'd3 is copied over d2').to.deep.equal([9, 9]);
      const bothRestarted = { has: 'd1 d2', restarted: 'd1 d2', equal: 'd2' };
      expect(heldAfter(three, states, bothRestarted)).to.deep.equal([9]);
    });

    it('within a mirror that was not in sync by the set around it, from which all of it is copied', () => {
      const since = (m0: number, ...texts: readonly [string, string]) =>
        sets(...texts).map((record, index) => ({
          ...record,
          heldSince: unitOf<PartitionEpoch>(index === 0 ? m0 : 1),
        }));
      const away = since(3, 'm0: stale in-sync', 'm1: in-sync in-sync');
      expect(heldAfter(nested, away, { has: 'd3' }), 'whoever is away').to.deep.equal([3, 3]);
      const back = since(3, 'm0: resyncing in-sync', 'm1: resyncing resyncing');
      const equal = { has: 'd1 d2 d3', equal: 'd1 d2' };
      expect(heldAfter(nested, back, equal), 'it is in sync').to.deep.equal([3, 3]);
      const lost = { has: 'd1 d2 d3', restarted: 'd3' };
      expect(heldAfter(nested, back, lost), 'what is copied is not all').to.deep.equal([9, 9]);
    });
  });

  it('a volume is whole only with a mirror in sync that has all of its disks', () => {
    const whole = (layout: Layout, mirrorSets: readonly MirrorSetRecord[], has: string) =>
      isWhole({ layout, mirrorSets }, (disk) => has.split(' ').includes(disk));
    expect(whole(three, sets('m0: in-sync stale in-sync'), 'd2')).to.equal(false);
    expect(whole(three, sets('m0: in-sync resyncing stale'), 'd2 d3')).to.equal(false);
    expect(whole(three, sets('m0: in-sync stale stale'), 'd1')).to.equal(true);
    expect(whole(mirrorOfStripes, sets('m0: in-sync in-sync'), 'd1 d4')).to.equal(false);
    expect(whole(mirrorOfStripes, sets('m0: in-sync in-sync'), 'd3 d4')).to.equal(true);
    expect(whole(nested, sets('m0: in-sync stale', 'm1: stale in-sync'), 'd2')).to.equal(true);
    expect(whole(nested, sets('m0: in-sync stale', 'm1: stale in-sync'), 'd1 d3')).to.equal(false);
  });

  it('what was told under the highest event count holds', () => {
    const [recorded] = sets('m0: in-sync in-sync');
    const [older] = sets('m0: stale in-sync');
    if (recorded === undefined || older === undefined) throw new Error('there are two');
    const newer = { ...older, eventCount: unitOf<EventCount>(8) };
    expect(newestSets([recorded], [older])).to.deep.equal([recorded]);
    expect(newestSets([recorded], [newer, recorded])).to.deep.equal([newer]);
  });

  it('changes are told with the disks that they are about', () => {
    const before = { layout: mirrorOfStripes, mirrorSets: sets('m0: in-sync in-sync') };
    const next = sets('m0: in-sync stale');
    expect(changesBetween(before, next)).to.deep.equal([
      { set: 'm0', mirror: 1, disks: ['d3', 'd4'], from: 'in-sync', to: 'stale', eventCount: 7 },
    ]);
  });

  it('extents within mirrors: read when all of them are in sync, written when none is stale', () => {
    const states = (...texts: string[]) =>
      extentsOf(nested).map(({ extent }) => extentStatesOf(nested, sets(...texts)).get(extent));
    expect(states('m0: in-sync in-sync', 'm1: in-sync stale')).to.deep.equal([
      'in-sync',
      'absent',
      'in-sync',
    ]);
    expect(states('m0: resyncing in-sync', 'm1: in-sync stale')).to.deep.equal([
      'resyncing',
      'absent',
      'in-sync',
    ]);
    expect(states('m0: stale in-sync', 'm1: in-sync resyncing')).to.deep.equal([
      'absent',
      'absent',
      'in-sync',
    ]);
    expect(memberDisksOf(nested, sets('m0: resyncing in-sync', 'm1: in-sync stale'))).to.deep.equal(
      ['d1', 'd3'],
    );
  });

  it('whatever comes and goes, a volume that was whole stays whole, and event counts only go up', () => {
    const disks = ['d1', 'd2', 'd3', 'd4'];
    const step = fc.record({
      has: fc.subarray(disks),
      equal: fc.subarray(disks),
      restarted: fc.subarray(disks),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(three, mirrorOfStripes, nested),
        fc.array(step, { maxLength: 12 }),
        (layout, steps) => {
          let mirrorSets = mirrorSetsOf(layout).map(({ set, node }) =>
            mirrorSetOf(
              set,
              1,
              node.children.map(() => 'in-sync'),
            ),
          );
          for (const { has, equal, restarted } of steps) {
            const within = (names: readonly string[]) => (disk: DiskId) => names.includes(disk);
            if (!isWhole({ layout, mirrorSets }, within(has))) continue;
            const usable = {
              has: within(has),
              wasMember: () => true,
              wentOn: (disk: DiskId) => !restarted.includes(disk),
              returns: () => true,
              isEqual: within(equal),
            };
            const next = nextMirrorSets({ layout, mirrorSets }, { disks: usable, epochMin });
            expect(isWhole({ layout, mirrorSets: next }, within(has))).to.equal(true);
            for (const disk of memberDisksOf(layout, next)) expect(has).to.include(disk);
            for (const [index, { eventCount, mirrors }] of next.entries()) {
              const before = mirrorSets[index];
              const isSame = mirrors.join() === before?.mirrors.join();
              expect(eventCount).to.be.at.least((before?.eventCount ?? 0) + (isSame ? 0 : 1));
            }
            mirrorSets = [...next];
          }
        },
      ),
    );
  });
});
