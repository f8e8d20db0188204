import { expect } from 'chai';
import fc from 'fast-check';
import { explainViolation, type RegisterHistory } from '../../../cluster/history/register.ts';

const write = (value: number, startedAt: number, endedAt: number) => ({
  value,
  startedAt,
  endedAt,
});
const read = write;

function judge(history: Partial<RegisterHistory>): string | null {
  return explainViolation({ initialValue: 0, writes: [], reads: [], ...history });
}

/** The definition itself: tries every order. Only for a handful of operations. */
function hasLinearOrder(history: RegisterHistory): boolean {
  type Step = { value: number; startedAt: number; endedAt: number; isWrite: boolean };
  const steps: Step[] = [
    ...history.writes.map((step) => ({ ...step, isWrite: true })),
    ...history.reads.map((step) => ({ ...step, isWrite: false })),
  ];
  const place = (held: number, left: readonly Step[]): boolean => {
    if (left.every(({ isWrite, endedAt }) => isWrite && endedAt === Number.POSITIVE_INFINITY))
      return true;
    const firstEnd = Math.min(...left.map(({ endedAt }) => endedAt));
    return left.some((step, index) => {
      if (step.startedAt > firstEnd || (!step.isWrite && step.value !== held)) return false;
      return place(step.isWrite ? step.value : held, left.toSpliced(index, 1));
    });
  };
  return place(history.initialValue, steps);
}

describe('history of one register', () => {
  it('a read sees what was written before it', () => {
    expect(judge({ writes: [write(1, 0, 1)], reads: [read(1, 2, 3)] })).to.equal(null);
  });

  it('an old value after an acknowledged write is a stale read', () => {
    expect(judge({ writes: [write(1, 0, 1)], reads: [read(0, 2, 3)] })).to.match(/value 0/);
  });

  it('a read may see either value while the write is under way, but never new and then old', () => {
    const writes = [write(1, 0, 10)];
    expect(judge({ writes, reads: [read(0, 1, 2), read(1, 3, 4)] })).to.equal(null);
    expect(judge({ writes, reads: [read(1, 1, 2), read(0, 3, 4)] })).to.not.equal(null);
  });

  it('a write of unknown end may have happened or not, but not both in turn', () => {
    const writes = [write(1, 0, Number.POSITIVE_INFINITY), write(2, 5, 6)];
    expect(judge({ writes, reads: [read(2, 7, 8)] })).to.equal(null);
    expect(judge({ writes, reads: [read(2, 7, 8), read(1, 9, 10)] })).to.equal(null);
    expect(judge({ writes, reads: [read(1, 1, 2), read(2, 7, 8), read(1, 9, 10)] })).to.not.equal(
      null,
    );
  });

  it('a value that nobody wrote, or that comes before its write, is a violation', () => {
    expect(judge({ reads: [read(9, 0, 1)] })).to.match(/nobody/);
    expect(judge({ writes: [write(1, 5, 6)], reads: [read(1, 0, 1)] })).to.match(/began only/);
  });

  it('agrees with trying every order, for random small histories', () => {
    const moments = fc.array(
      fc.tuple(fc.nat(12), fc.nat(6), fc.boolean(), fc.nat(3), fc.boolean()),
      {
        maxLength: 6,
      },
    );
    let violations = 0;
    fc.assert(
      fc.property(moments, (operations) => {
        const writes: RegisterHistory['writes'][number][] = [];
        const reads: RegisterHistory['reads'][number][] = [];
        for (const [
          index,
          [startedAt, length, isWrite, value, isUnknown],
        ] of operations.entries()) {
          const start = startedAt + index / 100;
          const end = start + length + 0.001;
          if (isWrite)
            writes.push(
              write(writes.length + 1, start, isUnknown ? Number.POSITIVE_INFINITY : end),
            );
          else reads.push(read(value, start, end));
        }
        const history = { initialValue: 0, writes, reads };
        const explanation = explainViolation(history);
        if (explanation !== null) violations++;
        expect(explanation === null).to.equal(hasLinearOrder(history));
      }),
      { numRuns: 5000 },
    );
    expect(violations).to.be.greaterThan(500);
  });
});
