import { expect } from 'chai';
import { Inquiry, slowRoundMs } from '../../../actors/virtualizer/inquiry.ts';
import { at } from './samples.ts';

const intervalMs = 100;
const patienceMs = 1000;

/** How an inquiry goes in which the suspect says nothing: when the witnesses answer is given, by witness, as a delay. */
interface Weather {
  readonly witnessMs: readonly (number | null)[];
  /** From when until when the observer, or the bus, stands still. */
  readonly stillMs?: readonly [number, number];
  /** When the suspect is heard of; the inquiry ends there. */
  readonly heardMs?: number;
}

/** @returns when the suspect is called silent; null: it never is within a minute */
function silentAtMs({ witnessMs, stillMs = [0, 0], heardMs = Number.POSITIVE_INFINITY }: Weather) {
  const witnesses = witnessMs.map((_, index) => `w${index}`);
  const inquiry = new Inquiry({ witnesses, patienceMs, intervalMs });
  const answers: { atMs: number; witness: string; round: number }[] = [];
  const [stillFrom, stillUntil] = stillMs;
  for (let nowMs = 0; nowMs < 60_000; nowMs++) {
    if (nowMs >= stillFrom && nowMs < stillUntil) continue;
    if (nowMs >= heardMs) return null;
    for (const { witness, round } of answers.filter(({ atMs }) => atMs <= nowMs))
      inquiry.answered(witness, round);
    if (inquiry.isProven(at(nowMs))) return nowMs;
    if (!inquiry.isDue(at(nowMs))) continue;
    inquiry.sent(at(nowMs));
    for (const [index, delayMs] of witnessMs.entries())
      if (delayMs !== null)
        answers.push({ atMs: nowMs + delayMs, witness: `w${index}`, round: inquiry.round });
  }
  return null;
}

describe('an inquiry into a silent actor', () => {
  const calm = [1, 1, 1, 1];
  const table: readonly [string, Weather, number | null][] = [
    ['others answer at once: after the patience', { witnessMs: calm }, 1001],
    ['nobody but the virtualizer itself is there to compare with', { witnessMs: [1] }, 1001],
    ['one of the others is silent, too', { witnessMs: [1, 1, 1, null] }, 1001],
    ['it is heard of just before', { witnessMs: calm, heardMs: 990 }, null],
    ['others take 80 ms: no round is later for that', { witnessMs: [80, 80, 80, 80] }, 1080],
    ['others take three times the interval', { witnessMs: [300, 300, 300, 300] }, 3300],
    [
      'half of the others are slow: the quick half sets the pace',
      { witnessMs: [1, 1, 400, 400] },
      1001,
    ],
    ['most others are slow: they set the pace', { witnessMs: [1, 400, 400, 400] }, 4400],
    [
      'most others are silent: with little haste',
      { witnessMs: [1, null, null, null] },
      10_000 + slowRoundMs,
    ],
    [
      'nobody answers at all, not even the virtualizer to itself',
      { witnessMs: [null, null] },
      null,
    ],
    [
      'the observer stands still for ten seconds',
      { witnessMs: calm, stillMs: [500, 10_500] },
      11_001,
    ],
  ];
  for (const [what, weather, expected] of table)
    it(`${what}: ${expected === null ? 'nobody is called silent' : `silent after ${expected} ms`}`, () => {
      expect(silentAtMs(weather)).to.equal(expected);
    });

  it('takes no answer to an earlier round for one to the present', () => {
    const inquiry = new Inquiry({ witnesses: ['w0'], patienceMs: 0, intervalMs });
    inquiry.sent(at(0));
    inquiry.answered('w0', 1);
    inquiry.sent(at(100));
    inquiry.answered('w0', 1);
    expect(inquiry.isDue(at(200))).to.equal(false);
    inquiry.answered('w0', 2);
    expect(inquiry.isDue(at(200))).to.equal(true);
  });
});
