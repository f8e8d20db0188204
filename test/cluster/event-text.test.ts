import { expect } from 'chai';
import { encodeJson } from '../../actors/json.ts';
import { eventLine, isNews, missedLine, readEvent } from '../../cluster/event-text.ts';
import { eventNames } from '../../protocols/events.ts';

const timeMs = new Date(2024, 0, 2, 3, 4, 5, 67).getTime();
const common = { sequence: 3, incarnation: 9, timeMs };

function line(sender: string, what: string, fields: object): string {
  const event = readEvent(`san.v1.c.evt.${sender}.${what}`, encodeJson({ ...fields, ...common }));
  if (event === null) throw new Error('no event');
  return eventLine(event);
}

/** What stands behind time, sender and kind. */
function detail(sender: string, what: string, fields: object): string {
  return line(sender, what, fields).slice('03:04:05.067  virtualizer v1    transition  '.length);
}

describe('an event as a line', () => {
  it('has the time of day, the sender and the kind in columns', () => {
    const transition = { machine: 'switch:s1', from: 'isolated', to: 'forwarding', reason: '' };
    expect(line('switch.s1', 'transition', { ...transition, event: 'bus.connected' })).to.equal(
      '03:04:05.067  switch s1         transition  switch              isolated → forwarding             (bus.connected)',
    );
    expect(line('node.supervisor', 'hello', { state: 'supervising' })).to.equal(
      '03:04:05.067  supervisor        hello       is there, supervising',
    );
  });

  it('tells a transition: which machine, from where to where, what moved it and why', () => {
    const fields = {
      machine: 'volume:vol0',
      from: 'serving',
      to: 'gathering.looking',
      event: 'member.lost',
      reason: 'switch s1 is missing: it was seen to end',
    };
    expect(detail('virtualizer.v1', 'transition', fields)).to.match(
      /^volume vol0 +serving → gathering\.looking +\(member\.lost\) {2}switch s1 is missing: it was seen to end$/,
    );
    const start = { machine: 'disk', from: '', to: 'absent', event: '', reason: '' };
    expect(detail('disk.d1', 'transition', start)).to.match(/^disk +starts absent$/);
  });

  it('tells a decision: who coordinates, and who may use the volume', () => {
    const fields = {
      volume: 'vol0',
      what: 'assembled anew',
      generation: 4,
      controlEpoch: 1,
      lastEpoch: 8,
      partitions: [
        { partition: 0, coordinator: 's1', epoch: 5, ownerIncarnation: 1 },
        { partition: 1, coordinator: 's2', epoch: 6, ownerIncarnation: 2 },
      ],
      attachments: [
        { host: 'h1', hostIncarnation: 3, attachEpoch: 7, mode: 'shared', readOnly: false },
      ],
    };
    expect(detail('virtualizer.v1', 'decision', fields)).to.equal(
      'volume vol0 assembled anew; generation 4; partition 0 by s1 (epoch 5), 1 by s2 (epoch 6); attached h1 shared (epoch 7)',
    );
  });

  it('tells that a volume serves again, how long it did not, and why', () => {
    const reason = 'switch s2 is not there any more';
    const fields = { volume: 'vol0', what: 'serves again', generation: 14, reason, tookMs: 67 };
    expect(detail('virtualizer.v1', 'decision', fields)).to.equal(
      `volume vol0 serves again, 67 ms after: ${reason}; generation 14`,
    );
  });

  it('tells which mirror became what, where it lies, and why', () => {
    const fields = {
      ...{ volume: 'vol0', set: 'vol0-m0', mirror: 0, disks: ['d1'], from: 'in-sync', to: 'stale' },
      ...{ eventCount: 4, reason: 'disk d1 is missing: it was seen to end' },
    };
    expect(detail('virtualizer.v1', 'membership', fields)).to.equal(
      'volume vol0: mirror on d1 of vol0-m0 is stale (was in-sync), event count 4: disk d1 is missing: it was seen to end',
    );
    expect(
      detail('virtualizer.v1', 'membership', { ...fields, disks: ['d1', 'd3'], reason: '' }),
    ).to.equal('volume vol0: mirror on d1, d3 of vol0-m0 is stale (was in-sync), event count 4');
    expect(detail('virtualizer.v1', 'membership', { volume: 'vol0', to: 'gone' })).to.equal(
      'volume vol0, to gone',
    );
  });

  it('tells how a process ended, who is gone with it, and whether it comes back', () => {
    const fields = { node: 's1', actors: [{ kind: 'switch', id: 's1' }], code: null };
    expect(
      detail('node.supervisor', 'exited', { ...fields, signal: 'SIGKILL', unexpected: true }),
    ).to.equal('node s1 was ended by SIGKILL: switch s1 gone; it is started again');
    expect(
      detail('node.supervisor', 'exited', { ...fields, code: 0, signal: null, unexpected: false }),
    ).to.equal('node s1 ended with code 0: switch s1 gone');
  });

  it('tells faults, greetings and what has settled', () => {
    expect(detail('disk.d1', 'fault', { what: 'store failed', reason: 'no space' })).to.equal(
      'store failed: no space',
    );
    const trouble = {
      volume: 'vol0',
      generation: 3,
      reporter: 'h1',
      what: 'a write got no answer',
    };
    expect(detail('host.h1', 'fault', trouble)).to.equal('volume vol0: a write got no answer');
    expect(detail('disk.d1', 'goodbye', {})).to.equal('ends, as it was asked to');
    const settled = {
      volume: 'vol0',
      generation: 4,
      settled: true,
      problem: '',
      remainingBytes: 0,
    };
    expect(
      detail('switch.s1', 'settled', { ...settled, comparedBytes: 536870912, copiedBlocks: 3 }),
    ).to.equal('volume vol0: mirrors are equal; so far 512MiB compared, 3 blocks copied');
    const equal = { ...settled, comparedBytes: 0, copiedBlocks: 0 };
    const resync = { totalBytes: 4096, remainingBytes: 0, copiedBlocks: 2 };
    expect(
      detail('switch.s1', 'settled', {
        ...equal,
        resync: { ...resync, isDone: true, problem: '' },
      }),
    ).to.match(/; the resync of 4KiB is done, 2 blocks copied$/);
    const stuck = { ...resync, remainingBytes: 512, isDone: false, problem: 'nobody can read it' };
    expect(detail('switch.s1', 'settled', { ...equal, resync: stuck })).to.match(
      /; resync: 512 of 4KiB to do, 2 blocks copied, it waits: nobody can read it$/,
    );
  });

  it('tells a fault that an operator asked for in the words of the command', () => {
    const fault = { what: 'injected', kind: 'slow', target: 'disk:d1', delayMs: 20 };
    expect(line('node.d1', 'fault', fault)).to.match(
      /node d1 +fault +injected disk:d1 slow by 20 ms$/,
    );
  });

  it('leaves out that a failed link is looked at again, and nothing else', () => {
    const news = (from: string, to: string, machine = 'path:s1-d1') => {
      const body = { machine, from, to, event: 'e', reason: '', ...common };
      const event = readEvent('san.v1.c.evt.host.h1.transition', encodeJson(body));
      return event !== null && isNews(event);
    };
    expect(news('failed', 'probing')).to.equal(false);
    expect(news('probing', 'failed')).to.equal(false);
    expect(news('usable', 'failed')).to.equal(true);
    expect(news('probing', 'usable')).to.equal(true);
    expect(news('failed', 'probing', 'disk')).to.equal(true);
  });

  it('tells the story of a failover: what was seen, what was decided, what was sent again, how long it took', () => {
    const story = {
      subject: 'h1-a-s1',
      seen: 'nobody listens at the other end of h1-a-s1',
      decided:
        'asked the virtualizer which ways are left; took one that the virtualizer had verified',
      hba: 'h1-b',
      route: ['h1-b-s2', 's2-d1'],
      hit: 7,
      reissues: 9,
      tookMs: 12.3,
    };
    const seenAndDecided = `h1-a-s1: ${story.seen}; ${story.decided}`;
    const numbers = '7 I/Os hit, 9 re-issues; over after 12.3 ms';
    expect(detail('host.h1', 'failover', story)).to.equal(
      `${seenAndDecided}: h1-b over h1-b-s2, s2-d1; ${numbers}`,
    );
    for (const route of [[], undefined, 'nonsense'])
      expect(detail('host.h1', 'failover', { ...story, route }), 'no way').to.equal(
        `${seenAndDecided}; ${numbers}`,
      );
    expect(detail('host.h1', 'failover', {}), 'of another version').to.equal(
      '-: -; -; - I/Os hit, - re-issues; over after - ms',
    );
  });

  it('tells a partition that an operator asked for, and who does not hear whom', () => {
    const fault = (kind: string) =>
      detail('node.s2', 'fault', { what: 'injected', kind, target: 'partition:h1/s2' });
    expect(fault('cut')).to.equal('injected partition:h1/s2 cut');
    expect(fault('one-way')).to.equal('injected partition:h1/s2 one-way: s2 does not hear h1');
  });

  it('tells of silent actors in words, with the numbers that were weighed', () => {
    const suspicion = (verdict: string) =>
      detail('virtualizer.v1', 'suspicion', {
        suspect: { kind: 'switch', id: 's1' },
        verdict,
        cause: 'host h1 has waited 312 ms for answers that take 0.6 ms',
        silentMs: 1710.4,
        patienceMs: 1018.2,
        usuallyLateMs: 18.2,
        pings: 12,
        witnesses: 7,
      });
    expect(suspicion('suspected')).to.match(
      /^switch s1 may be silent: host h1 has waited 312 ms .* nothing heard for 1710 ms, heartbeats usually less than 18 ms late, given 1018 ms$/,
    );
    expect(suspicion('cleared')).to.match(/switch s1 is not silent: heard of after 1710 ms and 12/);
    expect(suspicion('silent')).to.match(/counts as gone: .* 12 pings unanswered that 7 others/);
    expect(suspicion('deaf')).to.match(/switch s1 answers pings, but no I\/O: host h1 has waited/);
    expect(suspicion('unheard of'), 'of a newer version').to.match(/verdict unheard of/);
  });

  it('tells that a slow switch was left, what that was good for, and that paths use it again', () => {
    const left = { switch: 's3', avoided: true, reason: '42.0 ms, a way past it takes 2.0 ms' };
    expect(detail('host.h1', 'balance', left)).to.equal(
      'paths avoid switch s3: 42.0 ms, a way past it takes 2.0 ms',
    );
    const gain = { beforeMs: 40, sinceMs: 3, ios: 310 };
    const kept = { ...left, reason: 'answers took 40.0 ms before, 3.0 ms since', ...gain };
    expect(detail('host.h1', 'balance', kept)).to.equal(
      'paths still avoid switch s3: answers took 40.0 ms before, 3.0 ms since; 310 I/Os have gone other ways since',
    );
    const back = { switch: 's3', avoided: false, reason: '2.0 ms again' };
    expect(detail('host.h1', 'balance', back)).to.equal('paths use switch s3 again: 2.0 ms again');
  });

  it('tells of a bad mirror: what was read instead, what was repaired, and what was kept', () => {
    const range = { volume: 'vol0', offset: 1_048_576, lengthBytes: 4096 };
    const retry = (readFrom: string) =>
      detail('host.h1', 'mirror-retry', { ...range, failed: ['d1', 'd2'], readFrom });
    expect(retry('d3')).to.match(
      /volume vol0, 4KiB at 1MiB: d1, d2 could not be read; read from d3 instead$/,
    );
    expect(retry('')).to.match(/could not be read; no mirror is left$/);
    const repair = (fields: object) => detail('switch.s1', 'repair', { ...range, ...fields });
    const done = { outcome: 'repaired', disks: ['d1'], source: 'd2', reason: '' };
    expect(repair(done)).to.match(/4KiB at 1MiB: repaired on d1 from d2$/);
    const kept = {
      outcome: 'kept',
      disks: ['d1'],
      source: '',
      reason: 'no copy of it can be read',
    };
    expect(repair(kept)).to.match(
      /not repaired on d1, all is kept as it is: no copy of it can be read$/,
    );
  });

  it('shows kinds and fields that it does not know', () => {
    expect(detail('disk.d1', 'scrubbed', { blocks: 7, bad: [1] })).to.equal('blocks 7, bad [1]');
    expect(detail('disk.d1', 'fault', { what: 'slow', latencyMs: 90 })).to.equal(
      'slow (latencyMs 90)',
    );
  });

  it('says that events did not come', () => {
    const sender = { kind: 'switch', id: 's1' } as const;
    expect(missedLine(timeMs, sender, 1)).to.match(/switch s1 +missed +1 event was told and did/);
    expect(missedLine(timeMs, sender, 4)).to.match(/missed +4 events were told and did not come$/);
  });

  it('lets no control character through, and survives what is no event', () => {
    expect(line('disk.d1', 'fault', { what: 'x\u001b[2J\ny' })).to.match(/x\\u001b\[2J\\u000ay$/);
    expect(readEvent('san.v1.c.evt.disk.d1.fault', Buffer.from('nonsense'))).to.equal(null);
    expect(readEvent('san.v1.c.tel.disk.d1', encodeJson(common))).to.equal(null);
    for (const fields of [{}, { machine: 5 }, { actors: 'x', partitions: [null], code: {} }])
      for (const what of Object.values(eventNames))
        expect(line('disk.d1', what, fields)).to.be.a('string');
    expect(line('disk.d1', 'hello', { timeMs: 1e300 })).to.be.a('string');
  });
});
