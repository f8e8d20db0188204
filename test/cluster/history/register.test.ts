import { expect } from 'chai';
import fc from 'fast-check';
import { explainViolation, type RegisterHistory } from '../../../cluster/history/register.ts';
import { searchOrder } from '../../../cluster/history/search.ts';

const read = (value: number, startedAt: number, endedAt: number) => ({ value, startedAt, endedAt });
const write = (
  value: number,
  startedAt: number,
  endedAt: number,
  certain = endedAt !== Number.POSITIVE_INFINITY,
) => ({
  ...read(value, startedAt, endedAt),
  certain,
});

function judge(history: Partial<RegisterHistory>): string | null {
  return explainViolation({ initialValue: 0, writes: [], reads: [], ...history });
}

/** The definition itself: tries every order. Only for a handful of operations. */
function hasLinearOrder(history: RegisterHistory): boolean {
  type Step = {
    value: number;
    startedAt: number;
    endedAt: number;
    isWrite: boolean;
    certain: boolean;
  };
  const steps: Step[] = [
    ...history.writes.map((step) => ({ ...step, isWrite: true })),
    ...history.reads.map((step) => ({ ...step, isWrite: false, certain: true })),
  ];
  const place = (held: number, left: readonly Step[]): boolean => {
    if (left.every(({ isWrite, endedAt }) => isWrite && endedAt === Number.POSITIVE_INFINITY))
      return true;
    const without = (index: number) => left.toSpliced(index, 1);
    if (left.some(({ certain }, index) => !certain && place(held, without(index)))) return true;
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

  for (const uniqueValues of [true, false]) {
    const kind = uniqueValues ? 'unique values' : 'values written again and again';
    it(`agrees with trying every order, for random small histories of ${kind}`, () => {
      const isExplained = (history: RegisterHistory) =>
        uniqueValues
          ? explainViolation(history) === null
          : searchOrder(history).outcome === 'explained';
      let violations = 0;
      fc.assert(
        fc.property(randomHistory(uniqueValues), (history) => {
          if (!isExplained(history)) violations++;
          expect(isExplained(history)).to.equal(hasLinearOrder(history));
        }),
        { numRuns: 5000 },
      );
      expect(violations).to.be.greaterThan(500);
    });
  }

  it('of which too much happens at once claims nothing, rather than a violation', () => {
    const writes = Array.from({ length: 16 }, (_, index) => write(index % 8, index, 100 + index));
    const reads = [read(7, 200, 201), read(7, 202, 203)];
    expect(searchOrder({ initialValue: 0, writes, reads }).outcome).to.equal('unclear');
  });

  it('in which many zeroes were never answered is judged all the same: they stand for each other', () => {
    const unanswered = Array.from({ length: 40 }, (_, at) =>
      write(0, at, Number.POSITIVE_INFINITY),
    );
    const stamped = Array.from({ length: 40 }, (_, at) =>
      write(1 + at, 100 + at * 10, 101 + at * 10),
    );
    const writes = [...unanswered, ...stamped];
    const reads = stamped.map(({ value, endedAt }, at) =>
      read(at % 2 === 0 ? 0 : value, endedAt + 1, endedAt + 2),
    );
    expect(searchOrder({ initialValue: 0, writes, reads }).outcome).to.equal('explained');
    const fewer = { initialValue: 0, writes: [...unanswered.slice(0, 19), ...stamped], reads };
    expect(searchOrder(fewer).outcome, 'more zeroes seen than asked for').to.equal('violation');
  });

  it('of many operations that seldom meet is followed to its end', () => {
    const count = 10_000;
    const writes = Array.from({ length: count }, (_, index) =>
      write(index % 7, index * 10, index * 10 + 5),
    );
    const reads = writes.map(({ value, startedAt }) => read(value, startedAt + 4, startedAt + 9));
    expect(searchOrder({ initialValue: 0, writes, reads }).outcome).to.equal('explained');
    const stale = read(1, count * 10, count * 10 + 1);
    expect(searchOrder({ initialValue: 0, writes, reads: [...reads, stale] }).outcome).to.equal(
      'violation',
    );
  });
});

/** Up to six operations that overlap a good deal. */
function randomHistory(uniqueValues: boolean): fc.Arbitrary<RegisterHistory> {
  const operation = fc.record({
    startedAt: fc.nat(12),
    lengthMs: fc.nat(6),
    isWrite: fc.boolean(),
    value: fc.nat(3),
    outcome: fc.constantFrom('acknowledged', 'acknowledged', 'error', 'no answer'),
  });
  return fc.array(operation, { maxLength: 6 }).map((operations) => {
    const writes: RegisterHistory['writes'][number][] = [];
    const reads: RegisterHistory['reads'][number][] = [];
    for (const [index, { startedAt, lengthMs, isWrite, value, outcome }] of operations.entries()) {
      const start = startedAt + index / 100;
      const end = start + lengthMs + 0.001;
      const written = uniqueValues ? writes.length + 1 : value;
      if (isWrite && outcome === 'no answer')
        writes.push(write(written, start, Number.POSITIVE_INFINITY));
      else if (isWrite) writes.push(write(written, start, end, outcome === 'acknowledged'));
      else reads.push(read(value, start, end));
    }
    return { initialValue: 0, writes, reads };
  });
}
