/** What a switch's cache keeps, what it lets go, and what it never gives. */
import { expect } from 'chai';
import fc from 'fast-check';
import { type BlockVersion, ReadCache } from '../../../actors/switch/read-cache.ts';
import { idOf, type VolumeId } from '../../../protocols/ids.ts';
import { blockBytes } from '../../../protocols/units.ts';

const vol0 = idOf<VolumeId>('vol0');
const vol1 = idOf<VolumeId>('vol1');
const version = { attachEpoch: 30, regionWrites: 4 };
const blockOf = (value: number) => new Uint8Array(blockBytes).fill(value);

function cacheOf(blocks: number): ReadCache {
  return new ReadCache(blocks * blockBytes);
}

describe('a read cache', () => {
  it('gives a block to the version that filled it, with its checksum, and to no other', () => {
    const cache = cacheOf(4);
    cache.put(vol0, 7, version, blockOf(9), 1234);
    const place = cache.find(vol0, 7, version);
    expect(cache.bytesAt(place)).to.deep.equal(blockOf(9));
    expect(cache.checksumAt(place)).to.equal(1234);
    expect(cache.find(vol0, 7, { ...version, regionWrites: 5 })).to.equal(-1);
    expect(cache.find(vol0, 7, { ...version, attachEpoch: 31 })).to.equal(-1);
    expect(cache.find(vol1, 7, version)).to.equal(-1);
    expect(cache.find(vol0, 8, version)).to.equal(-1);
  });

  it('tells which version of a block it has without putting the block to use', () => {
    const cache = cacheOf(2);
    cache.put(vol0, 1, version, blockOf(1), 1);
    cache.put(vol0, 2, version, blockOf(2), 2);
    expect(cache.versionOf(vol0, 1)).to.deep.equal(version);
    expect(cache.versionOf(vol0, 3)).to.equal(null);
    cache.put(vol0, 3, version, blockOf(3), 3);
    expect(cache.versionOf(vol0, 1), 'it was still the least recently used one').to.equal(null);
  });

  it('keeps a copy: what the block came in may be used again', () => {
    const cache = cacheOf(4);
    const bytes = blockOf(1);
    cache.put(vol0, 0, version, bytes, 0);
    bytes.fill(2);
    expect(cache.bytesAt(cache.find(vol0, 0, version))).to.deep.equal(blockOf(1));
  });

  it('lets the least recently used block go, and counts it', () => {
    const cache = cacheOf(2);
    cache.put(vol0, 1, version, blockOf(1), 1);
    cache.put(vol0, 2, version, blockOf(2), 2);
    cache.find(vol0, 1, version);
    cache.put(vol1, 3, version, blockOf(3), 3);
    expect(cache.find(vol0, 2, version)).to.equal(-1);
    expect(cache.bytesAt(cache.find(vol0, 1, version))).to.deep.equal(blockOf(1));
    expect(cache.evictions).to.equal(1);
    expect(cache.bytes).to.equal(2 * blockBytes);
  });

  it('smaller than a block keeps nothing', () => {
    const cache = new ReadCache(blockBytes - 1);
    cache.put(vol0, 1, version, blockOf(1), 1);
    expect([cache.find(vol0, 1, version), cache.bytes]).to.deep.equal([-1, 0]);
  });

  it('never exceeds its bytes, and gives what a list with the same rules gives', () => {
    const blocksMax = 5;
    const step = fc.record({
      what: fc.constantFrom('put', 'put', 'find', 'find', 'remove', 'removeAll'),
      volume: fc.constantFrom(vol0, vol1),
      block: fc.nat(8),
      count: fc.nat(4),
      regionWrites: fc.nat(1),
      value: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const cache = cacheOf(blocksMax);
        /** Most recently used first. */
        let kept: { volume: string; block: number; regionWrites: number; value: number }[] = [];
        for (const { what, volume, block, count, regionWrites, value } of steps) {
          const version: BlockVersion = { attachEpoch: 30, regionWrites };
          const isIt = (each: (typeof kept)[number]) =>
            each.volume === volume && each.block === block;
          if (what === 'put') {
            cache.put(volume, block, version, blockOf(value), value);
            const others = kept.filter((each) => !isIt(each));
            kept = [{ volume, block, regionWrites, value }, ...others].slice(0, blocksMax);
          } else if (what === 'find') {
            const place = cache.find(volume, block, version);
            const found = kept.find((each) => isIt(each) && each.regionWrites === regionWrites);
            expect(place >= 0).to.equal(found !== undefined);
            if (found === undefined) continue;
            expect(cache.checksumAt(place)).to.equal(found.value);
            expect(cache.bytesAt(place)[0]).to.equal(found.value);
            kept = [found, ...kept.filter((each) => each !== found)];
          } else {
            const end = what === 'remove' ? block + count : Number.POSITIVE_INFINITY;
            const first = what === 'remove' ? block : 0;
            const goes = (each: (typeof kept)[number]) =>
              each.volume === volume && each.block >= first && each.block < end;
            expect(cache.remove(volume, first, end)).to.equal(kept.filter(goes).length);
            kept = kept.filter((each) => !goes(each));
          }
          expect(cache.entries).to.equal(kept.length);
        }
      }),
    );
  });
});
