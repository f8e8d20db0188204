import { expect } from 'chai';
import fc from 'fast-check';
import { coordinatorMapSchema } from '../../../protocols/layout/layout-schema.ts';
import {
  type CoordinatorMap,
  partitionCount,
  partitionEnd,
  partitionOf,
  rangesOf,
  regionCount,
  regionOf,
  regionStart,
  regionsOf,
  validateCoordinatorMap,
} from '../../../protocols/layout/regions.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';

const at = (value: number) => unitOf<VolumeOffset>(value);
const volume = { sizeBytes: 40 * mebibyte + 4096, regionBytes: mebibyte };

const randomMap: fc.Arbitrary<CoordinatorMap> = fc.oneof(
  fc.record({
    kind: fc.constant('modulo' as const),
    unitBytes: fc.integer({ min: 1, max: 50 }).map((regions) => regions * mebibyte),
    partitions: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({
    kind: fc.constant('consecutive' as const),
    bounds: fc
      .uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 6 })
      .map((regions) => regions.toSorted((a, b) => a - b).map((region) => at(region * mebibyte))),
  }),
);

describe('coordinator maps', () => {
  it('every byte of a volume belongs to exactly one partition, and the stretches say the same', () => {
    fc.assert(
      fc.property(randomMap, fc.nat(volume.sizeBytes - 1), (map, offset) => {
        const owners = Array.from({ length: partitionCount(map) }, (_, index) => index).filter(
          (partition) =>
            [...rangesOf(map, partition, volume.sizeBytes)].some(
              ({ start, lengthBytes }) => offset >= start && offset < start + lengthBytes,
            ),
        );
        expect(owners).to.deep.equal([partitionOf(map, at(offset))]);
      }),
    );
  });

  it('the stretches of all partitions together are the volume, without gap or overlap', () => {
    fc.assert(
      fc.property(randomMap, (map) => {
        const ranges = Array.from({ length: partitionCount(map) }, (_, partition) => [
          ...rangesOf(map, partition, volume.sizeBytes),
        ]).flat();
        ranges.sort((a, b) => a.start - b.start);
        let end = 0;
        for (const range of ranges) {
          expect(range.start).to.equal(end);
          expect(range.lengthBytes).to.be.above(0);
          end += range.lengthBytes;
        }
        expect(end).to.equal(volume.sizeBytes);
      }),
    );
  });

  it('a partition lasts to its end and not one byte longer', () => {
    fc.assert(
      fc.property(randomMap, fc.nat(volume.sizeBytes - 1), (map, offset) => {
        const partition = partitionOf(map, at(offset));
        const end = partitionEnd(map, at(offset));
        expect(end).to.be.above(offset);
        if (end >= volume.sizeBytes) return;
        expect(partitionOf(map, at(end - 1))).to.equal(partition);
        expect(partitionOf(map, at(end))).not.to.equal(partition);
        expect(end % volume.regionBytes).to.equal(0);
      }),
    );
  });

  it('the random maps are valid ones, also as JSON', () => {
    fc.assert(
      fc.property(randomMap, (map) => {
        expect(validateCoordinatorMap(map, volume)).to.deep.equal([]);
        expect(coordinatorMapSchema.parse(JSON.parse(JSON.stringify(map)))).to.deep.equal(map);
      }),
    );
  });

  it('a bound that splits a region, runs backward or lies outside the volume is refused', () => {
    const problems = (bounds: number[]) =>
      validateCoordinatorMap({ kind: 'consecutive', bounds: bounds.map(at) }, volume).join();
    expect(problems([4096])).to.match(/bound 4096 is not a positive multiple of the region/);
    expect(problems([0])).to.match(/bound 0 is not a positive multiple/);
    expect(problems([2 * mebibyte, mebibyte])).to.match(
      /bound 1048576 does not come after 2097152/,
    );
    expect(problems([41 * mebibyte])).to.match(/not within the volume/);
  });

  it('a modulo map whose unit splits regions, or without partitions, is refused', () => {
    const problems = (unitBytes: number, partitions: number) =>
      validateCoordinatorMap({ kind: 'modulo', unitBytes, partitions }, volume).join();
    expect(problems(65536, 2)).to.match(/unit 65536 is not a positive multiple of the region/);
    expect(problems(mebibyte, 0)).to.match(/0 partitions; allowed are 1 to 1024/);
    expect(problems(mebibyte, 1025)).to.match(/1025 partitions/);
  });
});

describe('regions', () => {
  it('a range touches the regions that its first and last byte lie in, and those between', () => {
    expect(regionsOf({ start: at(0), lengthBytes: 1 }, 100)).to.deep.equal({ first: 0, count: 1 });
    expect(regionsOf({ start: at(99), lengthBytes: 2 }, 100)).to.deep.equal({ first: 0, count: 2 });
    expect(regionsOf({ start: at(100), lengthBytes: 100 }, 100)).to.deep.equal({
      first: 1,
      count: 1,
    });
    expect(regionsOf({ start: at(250), lengthBytes: 0 }, 100)).to.deep.equal({
      first: 2,
      count: 0,
    });
  });

  it('a volume has as many regions as its last byte needs', () => {
    expect(regionCount(volume.sizeBytes, mebibyte)).to.equal(41);
    expect(regionOf(at(volume.sizeBytes - 1), mebibyte)).to.equal(40);
    expect(regionStart(40, mebibyte)).to.equal(40 * mebibyte);
  });
});
