import { expect } from 'chai';
import { EventGaps } from '../../cluster/event-gaps.ts';
import { type Incarnation, unitOf } from '../../protocols/units.ts';

const first = unitOf<Incarnation>(11);
const second = unitOf<Incarnation>(22);
const unknown = unitOf<Incarnation>(0);

describe('missed events', () => {
  it('are none while numbers follow each other, from wherever one begins to listen', () => {
    const gaps = new EventGaps();
    for (const sequence of [40, 41, 42])
      expect(gaps.came('switch s1', first, sequence)).to.equal(0);
    expect(gaps.came('switch s2', first, 7)).to.equal(0);
  });

  it('are counted when a number is left out', () => {
    const gaps = new EventGaps();
    gaps.came('switch s1', first, 3);
    expect(gaps.came('switch s1', first, 7)).to.equal(3);
    expect(gaps.came('switch s1', first, 8)).to.equal(0);
  });

  it('are noticed by telemetry when it was the last ones that were lost, and counted once', () => {
    const gaps = new EventGaps();
    gaps.came('switch s1', first, 3);
    expect(gaps.toldLast('switch s1', first, 3)).to.equal(0);
    expect(gaps.toldLast('switch s1', first, 5)).to.equal(2);
    expect(gaps.toldLast('switch s1', first, 5)).to.equal(0);
    expect(gaps.came('switch s1', first, 6)).to.equal(0);
  });

  it('are none when a new process begins to count anew', () => {
    const gaps = new EventGaps();
    gaps.came('switch s1', first, 90);
    expect(gaps.came('switch s1', second, 1)).to.equal(0);
    expect(gaps.came('switch s1', second, 2)).to.equal(0);
  });

  it('are those at the beginning of a new process, too', () => {
    const gaps = new EventGaps();
    gaps.came('switch s1', first, 90);
    expect(gaps.came('switch s1', second, 4)).to.equal(3);
    gaps.came('switch s2', first, 90);
    expect(gaps.toldLast('switch s2', second, 4)).to.equal(4);
  });

  it('are none when a disk learns its incarnation while it starts', () => {
    const gaps = new EventGaps();
    gaps.came('disk d1', first, 50);
    for (const sequence of [1, 2, 3]) expect(gaps.came('disk d1', unknown, sequence)).to.equal(0);
    expect(gaps.came('disk d1', second, 4)).to.equal(0);
    expect(gaps.came('disk d1', second, 6)).to.equal(1);
  });

  it('are noticed of a process that has no incarnation and starts again', () => {
    const gaps = new EventGaps();
    gaps.came('disk d1', unknown, 50);
    expect(gaps.came('disk d1', unknown, 1)).to.equal(0);
    expect(gaps.came('disk d1', unknown, 4)).to.equal(2);
  });

  it('are not what comes late or twice', () => {
    const gaps = new EventGaps();
    for (const sequence of [5, 6, 5, 6, 4])
      expect(gaps.came('host h1', first, sequence)).to.equal(0);
    expect(gaps.came('host h1', first, 7)).to.equal(0);
  });
});
