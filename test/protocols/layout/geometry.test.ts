import { expect } from 'chai';
import fc from 'fast-check';
import { cutRange, joinParts, type Part } from '../../../protocols/layout/geometry.ts';
import { extentsOf, type Layout, sizeOf } from '../../../protocols/layout/layout.ts';
import { validateLayout } from '../../../protocols/layout/validate-layout.ts';
import { blockBytes, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { dealtBlocks, disagreements, randomLayout, randomRange } from './random-layouts.ts';

const layoutAndRange = randomLayout.chain((layout) =>
  fc.record({ layout: fc.constant(layout), range: randomRange(sizeOf(layout)) }),
);
const runs = { numRuns: 500 };

describe('layout geometry', () => {
  it('the random layouts are valid, and nest every kind within every kind', () => {
    const nestings = new Set<string>();
    const note = (layout: Layout) => {
      if (layout.kind === 'extent') return;
      for (const child of layout.children) {
        nestings.add(`${layout.kind} of ${child.kind}`);
        note(child);
      }
    };
    fc.assert(
      fc.property(randomLayout, (layout) => {
        expect(validateLayout(layout)).to.deep.equal([]);
        note(layout);
      }),
      { numRuns: 2000 },
    );
    const kinds = ['concat', 'stripe', 'mirror'];
    for (const outer of kinds)
      for (const inner of [...kinds, 'extent']) expect(nestings).to.include(`${outer} of ${inner}`);
  });

  it('every byte of a volume lies in exactly the extents that it should', () => {
    fc.assert(
      fc.property(layoutAndRange, ({ layout, range }) => {
        expect(disagreements(layout, range, cutRange(layout, range))).to.deep.equal([]);
      }),
      runs,
    );
  });

  it('every byte of every extent belongs to exactly one byte of the volume', () => {
    fc.assert(
      fc.property(randomLayout, (layout) => {
        const parts = cutRange(layout, { start: unitOf(0), lengthBytes: sizeOf(layout) });
        const ranges = parts.flatMap(({ lengthBytes, legs }) =>
          legs.map((leg) => ({ index: leg.extentIndex, start: leg.offset, lengthBytes })),
        );
        extentsOf(layout).forEach((extent, index) => {
          const own = ranges.filter((range) => range.index === index);
          own.sort((a, b) => a.start - b.start);
          let at: number = extent.start;
          for (const range of own) {
            expect(range.start).to.equal(at);
            at += range.lengthBytes;
          }
          expect(at).to.equal(extent.start + extent.lengthBytes);
        });
      }),
      runs,
    );
  });

  it('a range is cut into as few parts as its copies allow', () => {
    fc.assert(
      fc.property(layoutAndRange, ({ layout, range }) => {
        const blocks = dealtBlocks(layout);
        const first = Math.floor(range.start / blockBytes);
        const last = Math.floor((range.start + range.lengthBytes - 1) / blockBytes);
        let breaks = 0;
        for (let block = first; block < last; block++) {
          const follows = (blocks[block] ?? []).map((place) => {
            const [extent, offset] = place.split('@');
            return `${extent}@${Number(offset) + blockBytes}`;
          });
          if (follows.join() !== blocks[block + 1]?.join()) breaks++;
        }
        expect(cutRange(layout, range)).to.have.length(breaks + 1);
      }),
      runs,
    );
  });

  it('cutting in two and joining again gives what cutting once gives', () => {
    fc.assert(
      fc.property(layoutAndRange, fc.double({ min: 0, max: 1, noNaN: true }), (given, share) => {
        const { layout, range } = given;
        const firstBytes = Math.floor(range.lengthBytes * share);
        const middle = unitOf<VolumeOffset>(range.start + firstBytes);
        const parts = [
          ...cutRange(layout, { start: range.start, lengthBytes: firstBytes }),
          ...cutRange(layout, { start: middle, lengthBytes: range.lengthBytes - firstBytes }),
        ];
        expect(joinParts(parts)).to.deep.equal(cutRange(layout, range));
      }),
      runs,
    );
  });

  it('each leg names its extent, its disk and the mirrors on the way to it', () => {
    const layout = mirrorOfStripes;
    const [part] = cutRange(layout, { start: unitOf(12288), lengthBytes: 100 });
    expect(part).to.deep.equal({
      start: 12288,
      lengthBytes: 100,
      set: 'm',
      legs: [
        { ...leg('b', 1), offset: 4096, steps: [{ set: 'm', mirror: 0 }] },
        {
          ...leg('c', 2),
          offset: 12288,
          steps: [
            { set: 'm', mirror: 1 },
            { set: 'inner', mirror: 0 },
          ],
        },
        {
          ...leg('d', 3),
          offset: 12288,
          steps: [
            { set: 'm', mirror: 1 },
            { set: 'inner', mirror: 1 },
          ],
        },
      ],
    });
  });

  it('a range outside the volume is refused', () => {
    const start = unitOf<VolumeOffset>(16384);
    expect(() => cutRange(mirrorOfStripes, { start, lengthBytes: 1 })).to.throw(RangeError);
    expect(cutRange(mirrorOfStripes, { start, lengthBytes: 0 })).to.deep.equal([]);
  });

  it('the second opinion sees a swapped strip, a shifted leg, a lost copy and a gap', () => {
    const range = { start: unitOf<VolumeOffset>(0), lengthBytes: 16384 };
    const good = cutRange(mirrorOfStripes, range);
    expect(disagreements(mirrorOfStripes, range, good)).to.deep.equal([]);
    const changeLegs = (change: (legs: Part['legs']) => Part['legs']) =>
      good.map((part) => ({ ...part, legs: change(part.legs) }));
    const [first, second] = good;
    if (first === undefined || second === undefined) throw new Error('the layout has two parts');
    const broken = [
      [{ ...first, legs: second.legs }, { ...second, legs: first.legs }, ...good.slice(2)],
      changeLegs((legs) => legs.map((one) => ({ ...one, offset: unitOf(one.offset + 4096) }))),
      changeLegs((legs) => legs.slice(1)),
      good.slice(1),
      good.slice(0, -1),
    ];
    for (const parts of broken)
      expect(disagreements(mirrorOfStripes, range, parts)).not.to.deep.equal([]);
  });
});

function extent(id: string, lengthBytes: number): Layout {
  return {
    kind: 'extent',
    extent: id as never,
    disk: `disk-${id}` as never,
    start: unitOf(0),
    lengthBytes,
    generation: unitOf(1),
  };
}

function leg(id: string, extentIndex: number) {
  return { extent: id, extentIndex, disk: `disk-${id}`, generation: 1 };
}

const mirrorOfStripes: Layout = {
  kind: 'mirror',
  set: 'm' as never,
  children: [
    { kind: 'stripe', stripBytes: 4096, children: [extent('a', 8192), extent('b', 8192)] },
    { kind: 'mirror', set: 'inner' as never, children: [extent('c', 16384), extent('d', 16384)] },
  ],
};
