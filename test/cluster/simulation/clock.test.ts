import { expect } from 'chai';
import { createActor, setup } from 'xstate';
import { soonRunsMax, VirtualClock } from '../../../cluster/simulation/clock.ts';
import { SimulatedProcess } from '../../../cluster/simulation/process.ts';
import { type Instant, unitOf } from '../../../protocols/units.ts';
import { describeClockContract } from '../../ports/clock-contract.ts';

const virtualMsMax = 10_000;

function untilOf(clock: VirtualClock) {
  return async (condition: () => boolean): Promise<void> => {
    const deadline = clock.now() + virtualMsMax;
    while (!condition()) {
      const due = clock.nextDue;
      if (due === null || due > deadline) clock.runFor(1);
      else clock.runNext();
      if (clock.now() > deadline) throw new Error('did not happen in 10 virtual seconds');
    }
  };
}

describeClockContract('virtual', () => {
  const clock = new VirtualClock();
  return { clock, until: untilOf(clock) };
});

describeClockContract('virtual, of a process', () => {
  const time = new VirtualClock();
  const { clock } = new SimulatedProcess(time, 'p', 12_345.5);
  return { clock, until: untilOf(time) };
});

describe('virtual clock', () => {
  it('jumps to the instant of each event, so that a chain of timers keeps exact time', () => {
    const clock = new VirtualClock(0);
    const ranAt: number[] = [];
    clock.setTimeout(() => {
      ranAt.push(clock.now());
      clock.setTimeout(() => ranAt.push(clock.now()), 3);
    }, 2);
    clock.runUntil(unitOf<Instant>(10));
    expect(ranAt).to.deep.equal([2, 5]);
    expect(clock.now()).to.equal(10);
  });

  it('runs what is due exactly at the end of a run, and nothing behind it', () => {
    const clock = new VirtualClock(0);
    const ran: number[] = [];
    clock.setTimeout(() => ran.push(10), 10);
    clock.setTimeout(() => ran.push(11), 11);
    clock.runFor(10);
    expect(ran).to.deep.equal([10]);
    expect(clock.nextDue).to.equal(11);
  });

  it('is idle when nothing is going to happen any more', () => {
    const clock = new VirtualClock();
    expect(clock.idle).to.equal(true);
    expect(clock.runNext()).to.equal(false);
    const timer = clock.setTimeout(() => {}, 5);
    clock.soon(() => {});
    expect(clock.idle).to.equal(false);
    clock.clearTimeout(timer);
    expect(clock.idle).to.equal(false);
    expect(clock.runNext()).to.equal(true);
    expect(clock.idle).to.equal(true);
    expect(clock.nextDue).to.equal(null);
  });

  it('keeps 20 000 timers in order while half of them are cleared', () => {
    const clock = new VirtualClock(0);
    const due: number[] = [];
    const timers = Array.from({ length: 20_000 }, (_, index) => {
      const delayMs = (index * 7919) % 10_007;
      return clock.setTimeout(() => due.push(clock.now()), delayMs);
    });
    for (let index = 0; index < timers.length; index += 2) {
      const timer = timers[index];
      if (timer !== undefined) clock.clearTimeout(timer);
    }
    clock.runFor(20_000);
    expect(due).to.have.length(10_000);
    expect(due).to.deep.equal(due.toSorted((one, other) => one - other));
    expect(clock.idle).to.equal(true);
  });

  it('lets an exception out, and can be run on', () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    clock.setTimeout(() => {
      clock.soon(() => ran.push('soon'));
      throw new Error('broken');
    }, 1);
    clock.setTimeout(() => ran.push('next'), 2);
    expect(() => clock.runFor(5)).to.throw('broken');
    clock.runFor(5);
    expect(ran).to.deep.equal(['soon', 'next']);
  });

  it('notices work that asks for itself again without end', () => {
    const clock = new VirtualClock();
    let runs = 0;
    const again = () => {
      runs += 1;
      clock.soon(again);
    };
    clock.soon(again);
    expect(() => clock.runNext()).to.throw('endless');
    expect(runs).to.be.at.most(soonRunsMax);
  });

  it('carries the delays of XState machines', () => {
    const clock = new VirtualClock(0);
    const machine = setup({ delays: { patience: 250 } }).createMachine({
      initial: 'suspect',
      states: { suspect: { after: { patience: 'dead' } }, dead: {} },
    });
    const actor = createActor(machine, { clock }).start();
    clock.runFor(249);
    expect(actor.getSnapshot().value).to.equal('suspect');
    clock.runFor(1);
    expect(actor.getSnapshot().value).to.equal('dead');
  });
});

describe('simulated process', () => {
  it('does late, in order, what came due while it was paused', () => {
    const time = new VirtualClock(0);
    const process = new SimulatedProcess(time, 'p');
    const ran: string[] = [];
    process.clock.setTimeout(() => ran.push(`b at ${time.now()}`), 20);
    process.clock.setTimeout(() => ran.push(`a at ${time.now()}`), 10);
    process.clock.setTimeout(() => ran.push(`c at ${time.now()}`), 60);
    time.setTimeout(() => process.pause(), 5);
    time.setTimeout(() => process.resume(), 50);
    time.runFor(100);
    expect(ran).to.deep.equal(['a at 50', 'b at 50', 'c at 60']);
  });

  it('does nothing more once it is stopped, not even what it had asked for in the same breath', () => {
    const time = new VirtualClock(0);
    const process = new SimulatedProcess(time, 'p');
    const ran: string[] = [];
    let told = 0;
    process.onStop(() => {
      told += 1;
    });
    process.clock.setTimeout(() => ran.push('timer'), 20);
    process.clock.setTimeout(() => {
      process.clock.soon(() => ran.push('soon'));
      process.stop();
      process.stop();
    }, 10);
    time.runFor(100);
    expect(ran).to.deep.equal([]);
    expect(told).to.equal(1);
    expect(process.state).to.equal('stopped');
  });

  it('loses what it held back when it is killed while paused', () => {
    const time = new VirtualClock(0);
    const process = new SimulatedProcess(time, 'p');
    const ran: string[] = [];
    process.clock.setTimeout(() => ran.push('timer'), 10);
    process.pause();
    time.runFor(20);
    process.stop();
    process.resume();
    time.runFor(20);
    expect(ran).to.deep.equal([]);
  });

  it('has a clock whose zero is its own', () => {
    const time = new VirtualClock(0);
    const process = new SimulatedProcess(time, 'p', 777);
    time.runFor(5);
    expect(process.clock.now() - time.now()).to.equal(777);
  });
});
