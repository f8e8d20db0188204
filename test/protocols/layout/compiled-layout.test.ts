import { expect } from 'chai';
import fc from 'fast-check';
import {
  type CompiledLayout,
  compileLayout,
  PartList,
} from '../../../protocols/layout/compiled-layout.ts';
import { cutRange, joinParts, type Part } from '../../../protocols/layout/geometry.ts';
import { sizeOf } from '../../../protocols/layout/layout.ts';
import {
  type CoordinatorMap,
  partitionEnd,
  partitionOf,
  type VolumeRange,
} from '../../../protocols/layout/regions.ts';
import { blockBytes, mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { disagreements, randomLayout, randomRange } from './random-layouts.ts';

const frameless = 1024 * mebibyte;
const runs = { numRuns: 500 };

const randomMap: fc.Arbitrary<CoordinatorMap> = fc.oneof(
  fc.record({
    kind: fc.constant('modulo' as const),
    unitBytes: fc.integer({ min: 1, max: 8 }).map((blocks) => blocks * blockBytes),
    partitions: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    kind: fc.constant('consecutive' as const),
    bounds: fc
      .uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 5 })
      .map((blocks) =>
        blocks.toSorted((a, b) => a - b).map((at) => unitOf<VolumeOffset>(at * blockBytes)),
      ),
  }),
);

const randomCut = randomLayout.chain((layout) =>
  fc.record({
    layout: fc.constant(layout),
    range: randomRange(sizeOf(layout)),
    map: randomMap,
    frameBytesMax: fc.integer({ min: blockBytes, max: 9 * blockBytes }),
  }),
);

describe('the compiled layout', () => {
  it('gives exactly the parts that the plain geometry gives', () => {
    fc.assert(
      fc.property(randomCut, ({ layout, range }) => {
        expect(partsOf(compileLayout(layout), range, frameless)).to.deep.equal(
          cutRange(layout, range),
        );
      }),
      runs,
    );
  });

  it('no part crosses a partition bound or exceeds a frame, and joined they are the uncut parts', () => {
    fc.assert(
      fc.property(randomCut, ({ layout, range, map, frameBytesMax }) => {
        const list = new PartList();
        compileLayout(layout, map).cut(range.start, range.lengthBytes, frameBytesMax, list);
        for (const part of list) {
          const last = unitOf<VolumeOffset>(part.start + part.lengthBytes - 1);
          expect(part.lengthBytes).to.be.at.most(frameBytesMax);
          expect(partitionOf(map, part.start)).to.equal(part.partition);
          expect(partitionEnd(map, part.start)).to.be.above(last);
        }
        const parts = [...list].map(withoutPartition);
        expect(disagreements(layout, range, parts)).to.deep.equal([]);
        expect(joinParts(parts)).to.deep.equal(cutRange(layout, range));
      }),
      runs,
    );
  });

  it('each part ends for a reason, and a cut for the sake of the frame lies on 4 KiB', () => {
    fc.assert(
      fc.property(randomCut, ({ layout, range, map, frameBytesMax }) => {
        const list = new PartList();
        compileLayout(layout, map).cut(range.start, range.lengthBytes, frameBytesMax, list);
        const ends = new Set(cutRange(layout, range).map((part) => part.start + part.lengthBytes));
        for (const part of list) {
          const end = part.start + part.lengthBytes;
          if (ends.has(end) || partitionEnd(map, part.start) === end) continue;
          expect(end % blockBytes).to.equal(0);
          expect(part.lengthBytes).to.be.above(frameBytesMax - blockBytes);
        }
      }),
      runs,
    );
  });

  it('a list that held a longer cut with other legs gives the same as a fresh one', () => {
    const list = new PartList();
    fc.assert(
      fc.property(randomCut, ({ layout, range, map, frameBytesMax }) => {
        const compiled = compileLayout(layout, map);
        const fresh = new PartList();
        const count = compiled.cut(range.start, range.lengthBytes, frameBytesMax, list);
        compiled.cut(range.start, range.lengthBytes, frameBytesMax, fresh);
        expect([...list]).to.deep.equal([...fresh]);
        expect(list.count).to.equal(count);
        expect(() => list.part(count)).to.throw(RangeError);
      }),
      runs,
    );
  });

  it('a list keeps its parts for the next cut: the data path allocates nothing', () => {
    fc.assert(
      fc.property(randomCut, ({ layout, range }) => {
        const compiled = compileLayout(layout);
        const list = new PartList();
        compiled.cut(range.start, range.lengthBytes, frameless, list);
        const before = list.part(0);
        const legs = [...before.legs];
        compiled.cut(range.start, range.lengthBytes, frameless, list);
        expect(list.part(0)).to.equal(before);
        legs.forEach((leg, index) => {
          expect(before.legs[index]).to.equal(leg);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('a range outside the volume, or empty, or a frame below 4 KiB is refused', () => {
    fc.assert(
      fc.property(randomLayout, (layout) => {
        const compiled = compileLayout(layout);
        const list = new PartList();
        const end = unitOf<VolumeOffset>(compiled.sizeBytes);
        const start = unitOf<VolumeOffset>(0);
        expect(compiled.holds(start, end)).to.equal(true);
        expect(compiled.holds(start, end + 1)).to.equal(false);
        expect(() => compiled.cut(end, 1, frameless, list)).to.throw(RangeError);
        expect(() => compiled.cut(start, 0, frameless, list)).to.throw(RangeError);
        expect(() => compiled.cut(unitOf(-1), 1, frameless, list)).to.throw(RangeError);
        expect(() => compiled.cut(start, Number.NaN, frameless, list)).to.throw(RangeError);
        expect(() => compiled.cut(start, 1, 4095, list)).to.throw(RangeError);
      }),
      { numRuns: 20 },
    );
  });
});

function partsOf(compiled: CompiledLayout, range: VolumeRange, frameBytesMax: number): Part[] {
  const list = new PartList();
  compiled.cut(range.start, range.lengthBytes, frameBytesMax, list);
  return [...list].map(withoutPartition);
}

function withoutPartition({ start, lengthBytes, legs, set }: Part): Part {
  return { start, lengthBytes, legs, set };
}
