import { expect } from 'chai';
import fc from 'fast-check';
import { Credits, creditBytesMax, creditWaitersMax } from '../../actors/credits.ts';

function open(limitBytes: number): { credits: Credits; granted: number[] } {
  const granted: number[] = [];
  return { credits: new Credits(limitBytes, (slot) => granted.push(slot)), granted };
}

describe('credits', () => {
  it('lets a sender have up to the limit on the way, and no byte more', () => {
    const { credits } = open(100);
    expect(credits.take(60)).to.equal(true);
    expect(credits.take(41)).to.equal(false);
    expect(credits.take(40)).to.equal(true);
    expect(credits.take(1)).to.equal(false);
    credits.give(60);
    expect(credits.take(60)).to.equal(true);
  });

  it('stays far below what makes a NATS server stall everybody', () => {
    expect(new Credits().limitBytes).to.equal(creditBytesMax);
    expect(creditBytesMax).to.be.at.most(16 * 1024 * 1024);
  });

  it('serves those who wait in the order in which they came, a small one not before a large one', () => {
    const { credits, granted } = open(100);
    credits.take(100);
    credits.wait(1, 80);
    credits.wait(2, 10);
    credits.give(50);
    expect(granted).to.deep.equal([]);
    expect(credits.take(10), 'one who has not waited').to.equal(false);
    credits.give(50);
    expect(granted).to.deep.equal([1, 2]);
    expect(credits.takenBytes).to.equal(90);
  });

  it('serves at once one who waits though nothing is taken', () => {
    const { credits, granted } = open(100);
    expect(credits.wait(5, 100)).to.equal(true);
    expect(granted).to.deep.equal([5]);
  });

  it('passes over a slot that gave up, and serves those behind it', () => {
    const { credits, granted } = open(100);
    credits.take(100);
    credits.wait(1, 100);
    credits.wait(2, 30);
    expect(credits.forget(1)).to.equal(true);
    expect(credits.forget(1)).to.equal(false);
    expect(credits.forget(9)).to.equal(false);
    credits.give(40);
    expect(granted).to.deep.equal([2]);
    expect(credits.takenBytes).to.equal(90);
  });

  it('serves the next when the one before it gives up and there is room', () => {
    const { credits, granted } = open(100);
    credits.take(60);
    credits.wait(1, 100);
    credits.wait(2, 40);
    credits.forget(1);
    expect(granted).to.deep.equal([2]);
  });

  it('notices credit that comes back twice, and requests that could never be met', () => {
    const { credits } = open(100);
    credits.take(10);
    credits.give(10);
    expect(() => credits.give(10)).to.throw(RangeError);
    for (const bytes of [101, 0, -1, Number.NaN]) {
      expect(() => credits.take(bytes), String(bytes)).to.throw(RangeError);
      expect(() => credits.wait(1, bytes), String(bytes)).to.throw(RangeError);
    }
  });

  it('lets a grant give back and wait again without nesting or overtaking', () => {
    const granted: number[] = [];
    const credits: Credits = new Credits(50, (slot) => {
      granted.push(slot);
      if (slot < 3) credits.wait(slot + 10, 50);
      credits.give(50);
    });
    credits.take(50);
    for (const slot of [1, 2, 3]) credits.wait(slot, 50);
    credits.give(50);
    expect(granted).to.deep.equal([1, 2, 3, 11, 12]);
    expect(credits.takenBytes).to.equal(0);
  });

  it('queues nobody for whom there is nobody to tell', () => {
    expect(() => new Credits(100).wait(1, 10)).to.throw(RangeError);
  });

  it('refuses more waiters than its limit', () => {
    const { credits } = open(10);
    credits.take(10);
    for (let slot = 0; slot < creditWaitersMax; slot++) credits.wait(slot, 1);
    expect(credits.wait(1, 1)).to.equal(false);
    expect(credits.waitingCount).to.equal(creditWaitersMax);
  });

  it('never has more on the way than the limit and leaves nobody waiting, whatever happens', () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('begin' as const, 'end' as const, 'forget' as const),
        bytes: fc.integer({ min: 1, max: 100 }),
        pick: fc.nat(),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const needs = new Map<number, number>();
        const waiting: number[] = [];
        const running: number[] = [];
        const credits = new Credits(100, (slot) => {
          expect(slot, 'the eldest who waits').to.equal(waiting.shift());
          running.push(slot);
        });
        for (const [slot, { what, bytes, pick }] of all.entries()) {
          if (what === 'begin') {
            needs.set(slot, bytes);
            if (credits.take(bytes)) running.push(slot);
            else {
              waiting.push(slot);
              credits.wait(slot, bytes);
            }
          } else if (what === 'end' && running.length > 0) {
            const [ended = -1] = running.splice(pick % running.length, 1);
            credits.give(needs.get(ended) ?? 0);
          } else if (what === 'forget' && waiting.length > 0) {
            const [forgotten = -1] = waiting.splice(pick % waiting.length, 1);
            expect(credits.forget(forgotten)).to.equal(true);
          }
          const taken = running.reduce((sum, each) => sum + (needs.get(each) ?? 0), 0);
          expect(credits.takenBytes).to.equal(taken).and.to.be.at.most(100);
        }
        while (running.length > 0) credits.give(needs.get(running.pop() ?? -1) ?? 0);
        expect(waiting).to.deep.equal([]);
        expect(credits.takenBytes).to.equal(0);
      }),
    );
  });
});
