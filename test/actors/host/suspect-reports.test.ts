import { expect } from 'chai';
import type { Actor } from '../../../actors/actor.ts';
import { type Slot, SlotState } from '../../../actors/host/slots.ts';
import { SuspectReports } from '../../../actors/host/suspect-reports.ts';
import type { SuspectReport } from '../../../protocols/commands.ts';
import { idOf } from '../../../protocols/ids.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { HostWorld } from './host-world.ts';

describe('reports of silent switches', () => {
  let world: HostWorld;

  beforeEach(() => {
    world = new HostWorld();
    world.serve({ generation: 2 });
  });

  const read = () => world.driver.read(unitOf<VolumeOffset>(0), 4096, () => {});

  const reports = () =>
    world.asked
      .filter(({ verb }) => verb === 'suspect')
      .flatMap(({ body }) => (body as unknown as SuspectReport).suspects);

  /** Reads, each answered after as long. */
  function readWith(answerMs: number): void {
    for (let round = 0; round < 20; round++) {
      read();
      world.clock.runFor(answerMs);
      world.answerAll();
    }
  }

  it('a switch that is quick to answer and owes one is reported, with how long and what is usual', () => {
    readWith(2);
    read();
    world.clock.runFor(240);
    expect(reports()).to.deep.equal([]);
    world.clock.runFor(300);
    const [first] = reports();
    expect(first?.silentMs).to.be.within(250, 350);
    expect(first?.usualMs).to.be.within(1, 3);
    expect(first?.othersAnswer).to.equal(false);
  });

  it('as long as it owes answers it is reported again, twice a second, and the time counts from the first', () => {
    readWith(2);
    read();
    world.clock.runFor(3000);
    const [{ switch: id } = { switch: '' }] = reports();
    const times = reports().flatMap((each) => (each.switch === id ? [each.silentMs] : []));
    expect(times.length).to.be.within(3, 6);
    expect(times.at(-1)).to.be.above(2000);
  });

  it('where all I/O waits for it, others are tried, so that their answers tell it from a host that nobody answers', () => {
    readWith(2);
    world.probes();
    read();
    const [frame] = world.sent();
    const other = frame?.subject.includes('.s1.') ? '.s2.' : '.s1.';
    for (let ms = 0; reports().length === 0 && ms < 1000; ms += 5) world.clock.runFor(5);
    expect(reports()).to.have.nested.property('[0].othersAnswer', false);
    expect(world.probes().some(({ subject }) => subject.includes(other))).to.equal(true);
  });

  it('one that is slow anyway is waited for as much longer', () => {
    readWith(100);
    read();
    world.clock.runFor(400);
    expect(reports()).to.deep.equal([]);
  });

  it('a host that stood still itself reports nobody for answers that it has not read', () => {
    const asked: unknown[] = [];
    const state = { id: 's1', answeredAtMs: 0, owesSinceMs: 0 };
    const reporting = new SuspectReports({
      host: idOf('h1'),
      virtualizers: [idOf('v1')],
      actor: { ask: (...words: unknown[]) => asked.push(words) } as unknown as Actor,
      reportAfterMs: 300,
      switches: () => [],
      tryAll: () => {},
    });
    const route = { switches: [state], service: { answerMs: 1 } };
    const slot = { state: SlotState.sent, route, sentAtMs: 100, io: {} } as unknown as Slot;
    const sweep = (nowMs: number, dueMs: number) => {
      reporting.sweepBegins(nowMs, dueMs);
      reporting.look(slot, nowMs);
      reporting.sweepEnds();
      return asked.length;
    };
    expect(sweep(5000, 120), 'it stood still').to.equal(0);
    expect(sweep(5200, 5200)).to.equal(0);
    expect(sweep(5400, 5400), 'now it has listened for long enough').to.equal(1);
  });
});
