import { expect } from 'chai';
import { createPinoLog } from '../../cluster/pino-log.ts';
import { createSystemClock } from '../../cluster/system-clock.ts';
import { createSystemRandom } from '../../cluster/system-random.ts';
import { describeClockContract } from '../ports/clock-contract.ts';
import { describeRandomContract } from '../ports/random-contract.ts';
import { until } from '../tools/until.ts';

describeClockContract('system', () => ({ clock: createSystemClock(), until }));
describeRandomContract('system', createSystemRandom);

describe('system clock', () => {
  it('never runs a timer early, over hundreds of timers', async () => {
    const clock = createSystemClock();
    const earlyMs: number[] = [];
    let open = 300;
    for (let index = 0; index < 300; index++) {
      const delayMs = 1 + (index % 30) + index / 1000;
      const due = clock.now() + delayMs;
      clock.setTimeout(() => {
        if (clock.now() < due) earlyMs.push(due - clock.now());
        open -= 1;
      }, delayMs);
    }
    await until(() => open === 0);
    expect(earlyMs).to.deep.equal([]);
  });

  it('does not fire a delay of more than 24 days at once, which Node would', async () => {
    const clock = createSystemClock();
    let fired = false;
    const timer = clock.setTimeout(
      () => {
        fired = true;
      },
      2 ** 31 + 5,
    );
    const start = clock.now();
    await until(() => clock.now() - start > 20);
    clock.clearTimeout(timer);
    expect(fired).to.equal(false);
  });
});

describe('pino log', () => {
  it('writes one line of JSON per message, with the name of who speaks', () => {
    const lines: string[] = [];
    const log = createPinoLog({ name: 'n1', stream: { write: (line) => lines.push(line) } });
    log.debug({ quiet: true }, 'not shown at the usual level');
    log.warn({ disk: 'd1', lateMs: 7 }, 'disk is slow');
    expect(lines).to.have.length(1);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).to.include({ name: 'n1', disk: 'd1', lateMs: 7, msg: 'disk is slow', level: 40 });
  });

  it('writes what an exception says and where it came from', () => {
    const lines: string[] = [];
    const log = createPinoLog({ name: 'n1', stream: { write: (line) => lines.push(line) } });
    log.error({ error: new RangeError('not an id'), other: 1 }, 'a subscriber threw');
    log.error({ error: 'only a text' }, 'so it was told');
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first?.error).to.include({ type: 'RangeError', message: 'not an id' });
    expect(first?.error).to.have.property('stack').that.includes('system-ports.test');
    expect(second?.error).to.equal('only a text');
  });
});
