/** What every source of chance promises, run against both worlds. */
import { expect } from 'chai';
import type { Random } from '../../protocols/ports.ts';

export function describeRandomContract(world: string, open: () => Random): void {
  describe(`random, ${world}`, () => {
    it('draws whole numbers below the limit, every one of them about equally often', () => {
      const random = open();
      const limit = 7;
      const drawCount = 70_000;
      const counts = new Array<number>(limit).fill(0);
      for (let count = 0; count < drawCount; count++) {
        const drawn = random.integer(limit);
        counts[drawn] = (counts[drawn] ?? Number.NaN) + 1;
      }
      // Five standard deviations of a fair count: fails once in about two million runs.
      const expected = drawCount / limit;
      const allowed = 5 * Math.sqrt(expected);
      for (const count of counts) expect(count).to.be.closeTo(expected, allowed);
    });

    it('reaches all bits of the largest limit', () => {
      const random = open();
      let highest = 0;
      let oddCount = 0;
      for (let count = 0; count < 1000; count++) {
        const drawn = random.integer(2 ** 48);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < 2 ** 48).to.equal(true);
        highest = Math.max(highest, drawn);
        oddCount += drawn % 2;
      }
      expect(highest).to.be.above(2 ** 47);
      expect(oddCount).to.be.within(400, 600);
    });

    it('knows only one number below 1, and refuses limits that make no sense', () => {
      const random = open();
      expect(random.integer(1)).to.equal(0);
      for (const limit of [0, -1, 1.5, 2 ** 48 + 2, Number.NaN])
        expect(() => random.integer(limit), String(limit)).to.throw(RangeError);
    });
  });
}
