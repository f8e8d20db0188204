import { expect } from 'chai';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { describeRandomContract } from '../../ports/random-contract.ts';

describeRandomContract('seeded', () => new SeededRandom(7));

function draw(random: SeededRandom, count: number): number[] {
  return Array.from({ length: count }, () => random.word());
}

describe('seeded random', () => {
  it('gives the same numbers for the same seed, on every machine', () => {
    expect(draw(new SeededRandom(1), 4)).to.deep.equal(draw(new SeededRandom('1'), 4));
    expect(draw(new SeededRandom(1), 4)).to.deep.equal([
      4021311135, 3652377770, 3424193995, 375033843,
    ]);
  });

  it('gives other numbers for another seed', () => {
    const firsts = new Set(
      Array.from({ length: 10_000 }, (_, seed) => new SeededRandom(seed).word()),
    );
    expect(firsts.size).to.be.above(9_990);
  });

  it('forks streams that do not depend on what was drawn before, nor on each other', () => {
    const fresh = new SeededRandom(5);
    const used = new SeededRandom(5);
    draw(used, 100);
    expect(draw(used.fork('network'), 8)).to.deep.equal(draw(fresh.fork('network'), 8));
    expect(draw(fresh.fork('network'), 8)).to.not.deep.equal(draw(fresh.fork('stores'), 8));
    expect(draw(fresh.fork('a').fork('b'), 8)).to.not.deep.equal(
      draw(fresh.fork('b').fork('a'), 8),
    );
  });

  it('has each bit set in half of the numbers', () => {
    const random = new SeededRandom('bits');
    const counts = new Array<number>(32).fill(0);
    for (const word of draw(random, 20_000))
      for (let bit = 0; bit < 32; bit++) counts[bit] = (counts[bit] ?? 0) + ((word >>> bit) & 1);
    for (const count of counts) expect(count).to.be.within(9_600, 10_400);
  });

  it('lets rates come true', () => {
    const random = new SeededRandom('rates');
    let hits = 0;
    for (let count = 0; count < 100_000; count++) if (random.chance(20_000)) hits += 1;
    expect(hits).to.be.within(1_800, 2_200);
    expect(random.chance(0)).to.equal(false);
    expect(random.chance(1_000_000)).to.equal(true);
  });

  it('draws within bounds', () => {
    const random = new SeededRandom('bounds');
    for (let count = 0; count < 1000; count++) {
      expect(random.between(5, 6)).to.be.within(5, 6);
      expect(['a', 'b', 'c']).to.include(random.pick(['a', 'b', 'c']));
    }
  });
});
