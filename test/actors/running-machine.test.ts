import { expect } from 'chai';
import { assign, setup } from 'xstate';
import { Actor } from '../../actors/actor.ts';
import { decodeJson } from '../../actors/json.ts';
import { runMachine } from '../../actors/running-machine.ts';
import { VirtualClock } from '../../cluster/simulation/clock.ts';
import { SimulatedNetwork } from '../../cluster/simulation/network.ts';
import { SimulatedProcess } from '../../cluster/simulation/process.ts';
import { SeededRandom } from '../../cluster/simulation/random.ts';
import { eventSchema, transitionSchema } from '../../protocols/events.ts';
import { type ClusterId, idOf } from '../../protocols/ids.ts';
import type { Log } from '../../protocols/ports.ts';
import { type Incarnation, unitOf } from '../../protocols/units.ts';

const ignore = () => {};
const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const lamp = setup({
  types: {
    context: {} as { reason: string },
    events: {} as { type: 'broken'; reason: string } | { type: 'mended' } | { type: 'struck' },
  },
  actions: {
    noteReason: assign(({ event }) => ('reason' in event ? { reason: event.reason } : {})),
    explode: () => {
      throw new Error('a bug');
    },
  },
  delays: { cooling: 500 },
}).createMachine({
  id: 'lamp',
  context: { reason: '' },
  initial: 'lit',
  on: { struck: { actions: 'explode' } },
  states: {
    lit: { on: { broken: { target: 'dark', actions: 'noteReason' } } },
    dark: { on: { mended: 'cooling' } },
    cooling: { after: { cooling: 'lit' } },
  },
  options: { maxIterations: 100 },
});

/** A lamp of disk d1, and what it tells of itself. */
function runningLamp() {
  const clock = new VirtualClock();
  const random = new SeededRandom('machine');
  const server = new SimulatedNetwork({ clock, random }).server('f1');
  const told: { subject: string; body: unknown }[] = [];
  server
    .connect({ process: new SimulatedProcess(clock, 'watcher'), role: 'control', log })
    .subscribe('san.v1.test.evt.>', {
      message: (data, subject) => told.push({ subject, body: decodeJson(data) }),
    });
  const process = new SimulatedProcess(clock, 'd1');
  const control = server.connect({ process, role: 'control', log });
  const ports = { cluster: idOf<ClusterId>('test'), control, clock: process.clock, random, log };
  const describe = () => ({ state: 'well', facts: {} });
  const actor = new Actor({ kind: 'disk', id: 'd1' }, unitOf<Incarnation>(5), ports, describe);
  let failures = 0;
  clock.runFor(1000);
  const machine = runMachine({
    machine: lamp,
    name: 'lamp:l1',
    input: undefined,
    actor,
    clock: process.clock,
    log,
    onFailure: () => {
      failures++;
    },
  });
  return {
    machine,
    failures: () => failures,
    /** What came since the last look. */
    news(forMs = 10) {
      clock.runFor(forMs);
      return told.splice(0);
    },
  };
}

describe('a running machine', () => {
  it('tells each change of its state: from where to where, what moved it, and why', () => {
    const { machine, news } = runningLamp();
    const moves = (forMs?: number) =>
      news(forMs).map(({ subject, body }) => {
        expect(subject).to.equal('san.v1.test.evt.disk.d1.transition');
        const { from, to, event, reason } = transitionSchema.parse(body);
        return { from, to, event, reason };
      });
    expect(moves()).to.deep.equal([{ from: '', to: 'lit', event: '', reason: '' }]);
    machine.send({ type: 'broken', reason: 'it fell' });
    expect(moves()).to.deep.equal([
      { from: 'lit', to: 'dark', event: 'broken', reason: 'it fell' },
    ]);
    machine.send({ type: 'broken', reason: 'again' });
    expect(moves()).to.deep.equal([]);
    machine.send({ type: 'mended' });
    expect(moves(1000)).to.deep.equal([
      { from: 'dark', to: 'cooling', event: 'mended', reason: '' },
      { from: 'cooling', to: 'lit', event: 'after cooling', reason: '' },
    ]);
  });

  it('numbers what it tells without a gap, so that a lost event is seen', () => {
    const { machine, news } = runningLamp();
    machine.send({ type: 'broken', reason: 'it fell' });
    machine.send({ type: 'mended' });
    const numbers = news(1000).map(({ body }) => eventSchema.parse(body).sequence);
    expect(numbers).to.deep.equal([1, 2, 3, 4]);
  });

  it('that dies of a bug tells it as a fault, once, and what it steered is stopped', () => {
    const { machine, news, failures } = runningLamp();
    news();
    machine.send({ type: 'struck' });
    const [fault, ...others] = news();
    expect(others).to.deep.equal([]);
    expect(fault?.subject).to.equal('san.v1.test.evt.disk.d1.fault');
    expect(fault?.body).to.include({ what: 'the machine lamp:l1 died: Error: a bug' });
    expect(failures()).to.equal(1);
  });
});
