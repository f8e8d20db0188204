import { expect } from 'chai';
import { PresenceTable, silenceMs } from '../../../actors/virtualizer/presence.ts';
import type { Incarnation } from '../../../protocols/units.ts';
import { at, description, diskFacts } from './samples.ts';

const s1 = { kind: 'switch', id: 's1' } as const;
const d1 = { kind: 'disk', id: 'd1' } as const;

/** Lets time pass with sweeps in between, as the virtualizer does. @returns who fell silent */
function sweepUntil(table: PresenceTable, from: number, until: number): readonly string[] {
  const silent: string[] = [];
  for (let now = from; now <= until; now += 500)
    silent.push(...table.sweep(at(now)).map(({ id }) => id));
  return silent;
}

describe('presence', () => {
  it('does not know of anybody at first, and calls nobody gone before it has listened for a while', () => {
    const table = new PresenceTable(at(0));
    expect(table.liveness(s1, at(silenceMs))).to.equal('unknown');
    expect(table.liveness(s1, at(silenceMs + 1))).to.equal('gone');
    expect(table.find(s1)).to.equal(undefined);
    expect(table.departureOf(s1)).to.equal('was not heard of');
  });

  it('tells what changed: somebody new, another process, another state; and what did not', () => {
    const table = new PresenceTable(at(0));
    expect(table.see(description('switch', 's1', 7), at(1))).to.equal(true);
    expect(table.see(description('switch', 's1', 7), at(2))).to.equal(false);
    expect(table.see(description('switch', 's1', 8), at(3))).to.equal(true);
    expect(table.see(description('disk', 'd1', 1, diskFacts('d1')), at(4))).to.equal(true);
    const counted = { ...diskFacts('d1'), counters: { reads: 9 } };
    expect(table.see(description('disk', 'd1', 1, counted), at(5))).to.equal(false);
    expect(table.see(description('disk', 'd1', 1, counted, 'failed'), at(6))).to.equal(true);
  });

  it('ignores what a former process told when it arrives late', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(1));
    table.see(description('switch', 's1', 8), at(2));
    expect(table.see(description('switch', 's1', 7), at(3))).to.equal(false);
    expect(table.find(s1)?.description.incarnation).to.equal(8);
  });

  it('takes a disk that was formatted anew for another, though its instances count from one again', () => {
    const table = new PresenceTable(at(0));
    for (const instance of [1, 2, 3])
      table.see(description('disk', 'd1', instance, diskFacts('d1')), at(instance));
    expect(table.see(description('disk', 'd1', 1, diskFacts('d2')), at(9))).to.equal(true);
    expect(table.find(d1)?.description.incarnation).to.equal(1);
  });

  it('takes who has been silent for three seconds to be gone, until heard of again', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(0));
    expect(sweepUntil(table, 500, silenceMs)).to.deep.equal([]);
    expect(table.liveness(s1, at(silenceMs))).to.equal('live');
    expect(table.sweep(at(silenceMs + 500))).to.deep.equal([s1]);
    expect(table.liveness(s1, at(silenceMs + 500))).to.equal('gone');
    expect(table.departureOf(s1)).to.equal('is silent');
    expect(table.sweep(at(silenceMs + 1000)), 'told once').to.deep.equal([]);
    expect(table.see(description('switch', 's1', 7), at(silenceMs + 1500))).to.equal(true);
    expect(table.liveness(s1, at(silenceMs + 1500))).to.equal('live');
  });

  it('judges nobody when it was itself that stood still, or could not hear', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(0));
    expect(table.sweep(at(60_000)), 'paused for a minute').to.deep.equal([]);
    expect(sweepUntil(table, 60_500, 62_500)).to.deep.equal([]);
    table.forgive(at(62_500));
    expect(sweepUntil(table, 63_000, 65_500)).to.deep.equal([]);
    expect(sweepUntil(table, 66_000, 66_000)).to.deep.equal(['s1']);
  });

  it('believes a goodbye of the present process only, and a supervisor about any', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(0));
    expect(table.goodbye(s1, 6 as Incarnation)).to.equal(false);
    expect(table.liveness(s1, at(1))).to.equal('live');
    expect(table.goodbye(s1, 7 as Incarnation)).to.equal(true);
    expect(table.departureOf(s1)).to.equal('said goodbye');
    table.see(description('switch', 's1', 8), at(2));
    expect(table.exited(s1)).to.equal(true);
    expect(table.exited(s1)).to.equal(false);
    expect(table.departureOf(s1)).to.equal('was seen to end');
    expect(table.exited(d1), 'never heard of').to.equal(false);
  });
});
