import { expect } from 'chai';
import { newDriverCounters } from '../../../actors/host/driver-counters.ts';
import { driverPolicyDefault } from '../../../actors/host/driver-policy.ts';
import { SlotState } from '../../../actors/host/slots.ts';
import { SuspectReports } from '../../../actors/host/suspect-reports.ts';
import { type SweepParts, sweepSlots } from '../../../actors/host/sweep.ts';
import { Operation } from '../../../protocols/codes.ts';
import { idOf } from '../../../protocols/ids.ts';

/** One I/O under way since 1000, of which nobody has answered anything. @returns how often a sweep sent it again */
function sweeps(): (nowMs: number, dueMs: number) => number {
  let reissues = 0;
  const target = { id: 'd1', answeredAtMs: 0 };
  const service = { answerMs: 1, probedAtMs: 0 };
  const route = { links: [], ends: [], switches: [], target, service };
  const slot = {
    ...{ state: SlotState.sent, io: {}, driver: {}, isProbed: true, newer: null, route },
    ...{ sentAtMs: 1000, unansweredSinceMs: 1000, deadlineMs: 1_000_000 },
    request: { operation: Operation.read, attempt: 0 },
  };
  const parts = {
    policy: driverPolicyDefault,
    counters: newDriverCounters(),
    slots: { oldest: slot },
    issuer: {
      reissue: () => {
        reissues++;
        return true;
      },
    },
    paths: { patienceMs: () => 0, timedOut: () => {} },
    failovers: { overdue: () => {} },
    suspects: new SuspectReports({
      ...{ host: idOf('h1'), virtualizers: [], reportAfterMs: 300 },
      actor: { ask: () => {} } as never,
      switches: () => [],
      tryAll: () => {},
    }),
  } as unknown as SweepParts;
  return (nowMs, dueMs) => {
    sweepSlots(parts, nowMs, dueMs);
    return reissues;
  };
}

describe('a host that stood still itself', () => {
  it('sends nothing again before it has read what came meanwhile', () => {
    const sweep = sweeps();
    expect(sweep(5000, 1020), 'answers may lie there').to.equal(0);
    expect(sweep(5020, 5020), 'none did').to.equal(1);
  });

  it('gives up what is lost all the same when it is slow all the time', () => {
    const sweep = sweeps();
    expect(sweep(1400, 1020)).to.equal(0);
    expect(sweep(1800, 1420)).to.equal(1);
  });
});
