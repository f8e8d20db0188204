import { expect } from 'chai';
import fc from 'fast-check';
import { Status } from '../../../protocols/codes.ts';
import { SwitchWorld, type ToDisk } from './switch-world.ts';

describe('requests that span parts and partitions, among others', () => {
  it('all end, whatever the order of answers, and each block holds what arrived last', () => {
    const block = fc.integer({ min: 0, max: 2 * 256 + 15 });
    const blocks = fc.constantFrom(1, 2, 3, 16, 17, 40);
    const writes = fc.array(fc.tuple(block, blocks), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(writes, fc.infiniteStream(fc.nat()), (ranges, chances) => {
        const world = new SwitchWorld().serve();
        const last = new Map<number, number>();
        for (const [first, count] of ranges) {
          const { ioNumber } = world.write({ offset: first * 4096, lengthBytes: count * 4096 });
          for (let each = first; each < first + count; each++) last.set(each, ioNumber);
        }
        const waiting: ToDisk[] = [];
        for (;;) {
          waiting.push(...world.takeToDisks());
          const chance = chances.next().value ?? 0;
          const [frame] = waiting.splice(chance % Math.max(1, waiting.length), 1);
          if (frame === undefined) break;
          world.answer(frame);
        }
        const replies = world.takeReplies();
        expect(replies.every(({ reply }) => reply.outcome.status === Status.ok)).to.equal(true);
        expect(replies.map(({ reply }) => reply.ioNumber).toSorted((a, b) => a - b)).to.deep.equal(
          ranges.map((_, index) => index + 1),
        );
        for (const [each, ioNumber] of last)
          for (const disk of mirrorsOf(each))
            expect(world.disk(disk).bytesOf(diskBlockOf(each))[9], `${each}`).to.equal(ioNumber);
      }),
      { numRuns: 60 },
    );
  }).timeout(20_000);
});

function mirrorsOf(block: number): readonly string[] {
  return Math.floor(block / 16) % 2 === 0 ? ['d1', 'd2'] : ['d3', 'd4'];
}

function diskBlockOf(block: number): number {
  return 256 + Math.floor(block / 32) * 16 + (block % 16);
}
