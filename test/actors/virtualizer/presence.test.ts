import { expect } from 'chai';
import { listenMs, PresenceTable } from '../../../actors/virtualizer/presence.ts';
import type { Incarnation } from '../../../protocols/units.ts';
import { at, description, diskFacts } from './samples.ts';

const s1 = { kind: 'switch', id: 's1' } as const;
const d1 = { kind: 'disk', id: 'd1' } as const;

describe('presence', () => {
  it('does not know of anybody at first, and calls nobody gone before it has listened for a while', () => {
    const table = new PresenceTable(at(0));
    expect(table.liveness(s1, at(listenMs))).to.equal('unknown');
    expect(table.liveness(s1, at(listenMs + 1))).to.equal('gone');
    expect(table.find(s1)).to.equal(undefined);
    expect(table.departureOf(s1)).to.equal('was not heard of');
  });

  it('tells what changed: somebody new, another process, another state; and what did not', () => {
    const table = new PresenceTable(at(0));
    expect(table.see(description('switch', 's1', 7), at(0))).to.equal(true);
    expect(table.see(description('switch', 's1', 7), at(0))).to.equal(false);
    expect(table.see(description('switch', 's1', 8), at(0))).to.equal(true);
    expect(table.see(description('disk', 'd1', 1, diskFacts('d1')), at(0))).to.equal(true);
    const counted = { ...diskFacts('d1'), counters: { reads: 9 } };
    expect(table.see(description('disk', 'd1', 1, counted), at(0))).to.equal(false);
    expect(table.see(description('disk', 'd1', 1, counted, 'failed'), at(0))).to.equal(true);
  });

  it('ignores what a former process told when it arrives late', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(0));
    table.see(description('switch', 's1', 8), at(0));
    expect(table.see(description('switch', 's1', 7), at(0))).to.equal(false);
    expect(table.find(s1)?.description.incarnation).to.equal(8);
  });

  it('takes a disk that was formatted anew for another, though its instances count from one again', () => {
    const table = new PresenceTable(at(0));
    for (const instance of [1, 2, 3])
      table.see(description('disk', 'd1', instance, diskFacts('d1')), at(0));
    expect(table.see(description('disk', 'd1', 1, diskFacts('d2')), at(0))).to.equal(true);
    expect(table.find(d1)?.description.incarnation).to.equal(1);
  });

  it('takes who was found silent to be gone, until heard of again', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(0));
    expect(table.silent(s1)).to.equal(true);
    expect(table.liveness(s1, at(1))).to.equal('gone');
    expect(table.departureOf(s1)).to.equal('is silent');
    expect(table.silent(s1), 'gone already').to.equal(false);
    expect(
      table.see(description('switch', 's1', 7), at(0)),
      'that it is back changes much',
    ).to.equal(true);
    expect(table.liveness(s1, at(2))).to.equal('live');
  });

  it('calls nobody gone just after it could hear nobody', () => {
    const table = new PresenceTable(at(0));
    table.listensFrom(at(60_000));
    expect(table.liveness(s1, at(60_000 + listenMs))).to.equal('unknown');
    expect(table.liveness(s1, at(60_001 + listenMs))).to.equal('gone');
  });

  it('believes a goodbye of the present process only, and a supervisor about any', () => {
    const table = new PresenceTable(at(0));
    table.see(description('switch', 's1', 7), at(0));
    expect(table.goodbye(s1, 6 as Incarnation)).to.equal(false);
    expect(table.liveness(s1, at(1))).to.equal('live');
    expect(table.goodbye(s1, 7 as Incarnation)).to.equal(true);
    expect(table.departureOf(s1)).to.equal('said goodbye');
    table.see(description('switch', 's1', 8), at(0));
    expect(table.exited(s1)).to.equal(true);
    expect(table.exited(s1)).to.equal(false);
    expect(table.departureOf(s1)).to.equal('was seen to end');
    expect(table.exited(d1), 'never heard of').to.equal(false);
  });
});
