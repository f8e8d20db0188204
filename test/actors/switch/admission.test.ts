/** Order per block, against a model that is too simple to be wrong; and that nothing stays held when all has ended. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Admission, type OrderedIo } from '../../../actors/switch/admission.ts';
import { KnownIos, rememberedIosMax } from '../../../actors/switch/known-ios.ts';
import { Partition, type PartitionIo } from '../../../actors/switch/partition.ts';
import { type IoNumber, unitOf, type WriteNumber } from '../../../protocols/units.ts';

interface TestIo extends OrderedIo {
  readonly name: number;
}

function io(name: number, firstBlock: number, blocks: number, isRead = false): TestIo {
  const rest = { arrival: 0, blockers: 0, place: -1 };
  return { name, isRead, firstBlock, endBlock: firstBlock + blocks, ...rest };
}

/** All I/Os in the order of arrival; one may run when no earlier one overlaps it, unless both are reads. */
class Model {
  readonly arrived: TestIo[] = [];

  runnable(): readonly number[] {
    return this.arrived
      .filter((one, index) => {
        const earlier = this.arrived.slice(0, index);
        return earlier.every(
          (other) =>
            (other.isRead && one.isRead) ||
            other.endBlock <= one.firstBlock ||
            one.endBlock <= other.firstBlock,
        );
      })
      .map(({ name }) => name);
  }

  end(name: number): void {
    const index = this.arrived.findIndex((one) => one.name === name);
    this.arrived.splice(index, 1);
  }
}

describe('admission', () => {
  const action = fc.oneof(
    fc.record({
      first: fc.nat({ max: 24 }),
      blocks: fc.integer({ min: 1, max: 9 }),
      isRead: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
    }),
    fc.nat({ max: 30 }),
  );

  it('lets exactly those begin that nothing earlier is in the way of, and forgets nothing', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const admission = new Admission<TestIo>();
        const model = new Model();
        const running = new Map<number, TestIo>();
        const begin = (one: TestIo) => running.set(one.name, one);
        const end = (one: TestIo) => {
          running.delete(one.name);
          model.end(one.name);
          const freed: TestIo[] = [];
          admission.leave(one, freed);
          expect(freed.map(({ arrival }) => arrival)).to.deep.equal(
            freed.map(({ arrival }) => arrival).toSorted((a, b) => a - b),
          );
          freed.forEach(begin);
        };
        actions.forEach((step, name) => {
          if (typeof step === 'object') {
            const one = io(name, step.first, step.blocks, step.isRead);
            model.arrived.push(one);
            if (admission.enter(one)) begin(one);
          } else {
            const one = [...running.values()][step % Math.max(1, running.size)];
            if (one !== undefined) end(one);
          }
          expect([...running.keys()].toSorted((a, b) => a - b)).to.deep.equal(model.runnable());
        });
        for (let one = running.values().next(); !one.done; one = running.values().next())
          end(one.value);
        expect(admission.openCount).to.equal(0);
        expect(model.arrived).to.be.empty;
      }),
      { numRuns: 400 },
    );
  });
});

describe('write numbers of a partition', () => {
  it('rise, and the lowest unsettled one never passes a write that has not ended', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 80 }), (steps) => {
        const partition = new Partition(0, unitOf(1), unitOf(1));
        const open: PartitionIo[] = [];
        let issued = 0;
        for (const step of steps) {
          if (step < 5) {
            const one = {
              ...io(0, issued * 2, 1),
              granted: () => {},
              dropped: () => {},
              writeNumber: unitOf<WriteNumber>(0),
              earlier: null,
              later: null,
            };
            partition.enter(one);
            partition.giveNumber(one);
            issued++;
            expect(one.writeNumber).to.equal(issued);
            open.push(one);
          } else {
            const [ended] = open.splice(step % Math.max(1, open.length), 1);
            if (ended !== undefined) partition.leave(ended);
          }
          const numbers = open.map(({ writeNumber }) => writeNumber);
          expect(partition.lowestUnsettled).to.equal(Math.min(issued + 1, ...numbers));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('remembered I/Os', () => {
  const number = (value: number) => unitOf<IoNumber>(value);

  it('are all those that were begun at or above the watermark, for as many as are allowed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 3000 }), fc.nat({ max: 40 })), { maxLength: 300 }),
        (steps) => {
          const known = new KnownIos<string>();
          const model = new Map<number, string>();
          let watermark = 0;
          for (const [ahead, raise] of steps) {
            watermark += raise;
            known.raise(number(watermark));
            const next = number(watermark + ahead);
            if (!known.has(next)) {
              expect(known.begin(next, `io ${next}`)).to.equal(true);
              model.set(next, `io ${next}`);
            } else if (ahead % 2 === 0) {
              known.end(next, unitOf(next + 1));
              model.set(next, 'ended');
            }
            for (const each of model.keys()) if (each < watermark) model.delete(each);
          }
          for (const [each, name] of model) {
            expect(known.has(number(each)), String(each)).to.equal(true);
            expect(known.openOf(number(each)) ?? 'ended').to.equal(name);
            if (name === 'ended') expect(known.writeNumberOf(number(each))).to.equal(each + 1);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('never push out one that is still needed', () => {
    const known = new KnownIos<string>();
    known.begin(number(5), 'first');
    for (let next = 6; next < 5 + rememberedIosMax; next++)
      expect(known.begin(number(next), 'other')).to.equal(true);
    expect(known.begin(number(5 + rememberedIosMax), 'too far')).to.equal(false);
    expect(known.openOf(number(5))).to.equal('first');
    known.raise(number(6));
    expect(known.begin(number(5 + rememberedIosMax), 'now')).to.equal(true);
  });

  it('accept a watermark that arrives late without going back', () => {
    const known = new KnownIos<string>();
    known.raise(number(9));
    known.raise(number(4));
    expect(known.watermark).to.equal(9);
  });
});
