import { expect } from 'chai';
import {
  type FailedRequest,
  GivenUp,
  type Patience,
} from '../../../cluster/simulation/given-up.ts';
import { Status } from '../../../protocols/codes.ts';

const patience = { noPathMs: 2000, deadlineMs: 4000, ioDeadlineMs: 2000 };
/** Ends I/O without a way before its deadline. */
const impatience = { noPathMs: 2000, deadlineMs: 2000, ioDeadlineMs: 6000 };
const deadlineMissed = 'a write had no result within 4000 ms';

/** What is objected to when these requests end. */
function objections(...requests: readonly Partial<FailedRequest>[]): readonly string[] {
  return objectionsOf(patience, requests);
}

function objectionsOf(
  patience: Patience,
  requests: readonly Partial<FailedRequest>[],
): readonly string[] {
  const givenUp = new GivenUp(patience);
  for (const request of requests)
    givenUp.ended({
      kind: 'read',
      status: Status.path,
      startedMs: 0,
      endedMs: 100,
      isServed: true,
      hadWays: false,
      reason: '',
      openSinceMs: Number.POSITIVE_INFINITY,
      ...request,
    });
  givenUp.judge();
  return givenUp.problems;
}

describe('the checker of what is given up too soon (I12)', () => {
  it('objects to a read that ended for want of a way before the policy’s time', () => {
    expect(objections({ endedMs: 1900 })[0]).to.match(/a read .* after 1900 ms/);
    expect(objections({ endedMs: 2000 })).to.deep.equal([]);
    expect(objections({ endedMs: 1999.9999 }), 'clocks are rounded').to.deep.equal([]);
  });

  it('objects to a write that ended alone for want of a way, however late', () => {
    expect(objections({ kind: 'write', endedMs: 5000 })[0]).to.match(/a write ended/);
  });

  it('objects to an attachment that was lost before the deadline of its oldest request', () => {
    const lost = { kind: 'write', isServed: false, reason: deadlineMissed, endedMs: 4000 } as const;
    expect(objections({ ...lost, startedMs: 1000 })[0]).to.match(/open for only 3000 ms/);
    expect(objections({ ...lost, startedMs: 1000 }, { ...lost, startedMs: 0 })).to.deep.equal([]);
  });

  it('counts the writes that stay open in doubt when an attachment is lost, however they end', () => {
    const lost = { isServed: false, reason: deadlineMissed, endedMs: 4000 };
    const read = { ...lost, kind: 'read', startedMs: 3000 } as const;
    expect(objections({ ...read, openSinceMs: 0 })).to.deep.equal([]);
    expect(objections({ ...read, openSinceMs: 2000 })[0]).to.match(/open for only 2000 ms/);
    const write = { ...lost, kind: 'write', startedMs: 0, endedMs: 4000.2 } as const;
    expect(objections({ ...read, openSinceMs: 2000 }, write)).to.deep.equal([]);
  });

  it('objects to what ended for want of a way before its deadline, although there were ways all the time', () => {
    const lost = { kind: 'write', isServed: false, reason: deadlineMissed, endedMs: 4000 } as const;
    const ended = (request: Partial<FailedRequest>) => objectionsOf(impatience, [request]);
    expect(ended({ endedMs: 2000, hadWays: true })[0]).to.match(/a read ended .* been ways/);
    expect(ended({ endedMs: 500, hadWays: true })[0]).to.match(/a read ended .* 500 ms/);
    expect(ended({ ...lost, hadWays: true })[0]).to.match(/an attachment .* been ways/);
    expect(ended({ endedMs: 6000, hadWays: true }), 'it was its deadline').to.deep.equal([]);
    expect(ended({ ...lost, endedMs: 6000, hadWays: true })).to.deep.equal([]);
    expect(ended({ endedMs: 500 }), 'there had been none for long').to.deep.equal([]);
  });

  it('says nothing of what ended because others had decided so', () => {
    const reason = 'another host has the volume';
    expect(objections({ kind: 'write', isServed: false, reason })).to.deep.equal([]);
  });

  it('says nothing of an attachment that was taken away while another host had missed its deadline (seed 159)', () => {
    const reason = `h2 reports: ${deadlineMissed}`;
    const ended = { kind: 'write', isServed: false, hadWays: true, reason } as const;
    expect(objectionsOf(impatience, [ended])).to.deep.equal([]);
  });
});
