/** What every Clock promises, run against both worlds. */
import { expect } from 'chai';
import type { Clock } from '../../protocols/ports.ts';

export interface ClockWorld {
  readonly clock: Clock;
  /** Lets time pass until the condition holds; fails after a deadline. */
  until(condition: () => boolean): Promise<void>;
}

export function describeClockContract(world: string, open: () => ClockWorld): void {
  describe(`clock, ${world}`, () => {
    it('runs a timer once, after the call that set it and not before its delay has passed', async () => {
      const { clock, until } = open();
      const start = clock.now();
      const ranAt: number[] = [];
      clock.setTimeout(() => ranAt.push(clock.now() - start), 12.5);
      expect(ranAt).to.deep.equal([]);
      await until(() => ranAt.length > 0);
      await until(() => clock.now() - start > 40);
      expect(ranAt).to.have.length(1);
      expect(ranAt[0]).to.be.at.least(12.5);
    });

    it('runs timers in the order in which they are due, equal ones in the order in which they were set', async () => {
      const { clock, until } = open();
      const order: string[] = [];
      clock.setTimeout(() => order.push('late'), 30);
      clock.setTimeout(() => order.push('first of two'), 10);
      clock.setTimeout(() => order.push('second of two'), 10);
      await until(() => order.length === 3);
      expect(order).to.deep.equal(['first of two', 'second of two', 'late']);
    });

    it('does not run a timer that was cleared, and clearing it again does nothing', async () => {
      const { clock, until } = open();
      const ran: string[] = [];
      const cleared = clock.setTimeout(() => ran.push('cleared'), 5);
      clock.setTimeout(() => ran.push('kept'), 10);
      clock.clearTimeout(cleared);
      clock.clearTimeout(cleared);
      await until(() => ran.length > 0);
      expect(ran).to.deep.equal(['kept']);
    });

    it('takes a delay of zero, below zero or of no number as: at once, but not before the call returns', async () => {
      const { clock, until } = open();
      const ran: number[] = [];
      for (const delayMs of [0, -5, Number.NaN]) clock.setTimeout(() => ran.push(delayMs), delayMs);
      expect(ran).to.deep.equal([]);
      await until(() => ran.length === 3);
    });

    it('runs what is asked for soon after the work at hand, in order, before any timer', async () => {
      const { clock, until } = open();
      const order: string[] = [];
      clock.setTimeout(() => {
        clock.setTimeout(() => order.push('timer'), 0);
        clock.soon(() => {
          order.push('soon 1');
          clock.soon(() => order.push('soon 3'));
        });
        clock.soon(() => order.push('soon 2'));
        order.push('work');
      }, 1);
      await until(() => order.includes('timer'));
      expect(order).to.deep.equal(['work', 'soon 1', 'soon 2', 'soon 3', 'timer']);
    });

    it('never goes back, and shows people the time of day', async () => {
      const { clock, until } = open();
      let before = clock.now();
      let ticks = 0;
      const tick = () => {
        expect(clock.now()).to.be.at.least(before);
        before = clock.now();
        ticks += 1;
        if (ticks < 5) clock.setTimeout(tick, 1);
      };
      tick();
      await until(() => ticks === 5);
      expect(clock.wallTimeMs()).to.be.above(Date.UTC(2020, 0, 1));
    });
  });
}
