import { expect } from 'chai';
import fc from 'fast-check';
import {
  type AttachmentState,
  judgeAttach,
  wantedAttachments,
} from '../../../actors/virtualizer/attachments.ts';
import { type Circumstances, decide } from '../../../actors/virtualizer/decisions.ts';
import { NotedRequests } from '../../../actors/virtualizer/noted-requests.ts';
import type { Liveness } from '../../../actors/virtualizer/presence.ts';
import { type VolumeRecord, volumeRecordSchema } from '../../../protocols/control-data.ts';
import type { HostId, SwitchId } from '../../../protocols/ids.ts';
import type { AttachEpoch, ControlEpoch, Incarnation } from '../../../protocols/units.ts';
import { asItWas, blankVolume, membersOf, request } from './samples.ts';

const disks = { d1: 1, d2: 1, d3: 1, d4: 1 };
const switches = { s1: 11, s2: 12 };
const usual: Circumstances = {
  ...asItWas(),
  controlEpoch: 1 as ControlEpoch,
  members: membersOf(disks, switches),
  attachments: [],
  drained: [],
  coordinators: [],
  preferred: [],
  renew: false,
  wereEqual: true,
};

function stateOf(
  record: VolumeRecord | null,
  more: Partial<AttachmentState> = {},
): AttachmentState {
  return {
    record,
    requests: [],
    leaving: [],
    silent: [],
    livenessOf: () => 'live',
    mayUse: () => true,
    ...more,
  };
}

/** A record in which h1 and h2 share the volume. */
function sharedRecord(): VolumeRecord {
  const requests = ['h1', 'h2'].map((host) => request(host, { mode: 'shared' }));
  const attachments = wantedAttachments(stateOf(null, { requests }));
  return decide(blankVolume(), { ...usual, attachments }).record;
}

const epochsOf = ({ partitions, attachments }: VolumeRecord) => [
  ...partitions.map(({ epoch }) => epoch),
  ...attachments.map(({ attachEpoch }) => attachEpoch),
];

describe('decisions', () => {
  it('the first one gives every partition an epoch of its own and records who the disks are', () => {
    const { record, renewed } = decide(blankVolume(), usual);
    expect(renewed).to.equal(true);
    expect(record.generation).to.equal(1);
    expect(record.partitions.map(({ epoch }) => epoch)).to.deep.equal([1, 2]);
    expect(record.partitions.map(({ ownerIncarnation }) => ownerIncarnation)).to.deep.equal([
      11, 12,
    ]);
    expect(record.disks.map(({ instance }) => instance)).to.deep.equal([1, 1, 1, 1]);
    expect(record.mirrorSets.map(({ eventCount }) => eventCount)).to.deep.equal([1, 1]);
    expect(record.lastEpoch).to.equal(2);
    expect(volumeRecordSchema.parse(JSON.parse(JSON.stringify(record)))).to.deep.equal(record);
  });

  const table: readonly (readonly [
    string,
    boolean,
    (last: VolumeRecord) => Partial<Circumstances>,
  ])[] = [
    ['nothing happened', false, () => ({})],
    ['another virtualizer decides', false, () => ({ controlEpoch: 2 as ControlEpoch })],
    ['trouble was reported', true, () => ({ renew: true })],
    ['a disk restarted', true, () => ({ members: membersOf({ ...disks, d3: 2 }, switches) })],
    [
      'a coordinator restarted',
      true,
      () => ({ members: membersOf(disks, { ...switches, s2: 99 }) }),
    ],
    [
      'a host comes to it',
      false,
      (last) => ({
        attachments: wantedAttachments(
          stateOf(last, { requests: [request('h3', { mode: 'shared' })] }),
        ),
      }),
    ],
    [
      'a host left after having drained',
      false,
      (last) => ({
        attachments: wantedAttachments(stateOf(last, { leaving: ['h1' as HostId] })),
        drained: ['h1' as HostId],
      }),
    ],
    [
      'a host restarted',
      true,
      (last) => ({
        attachments: wantedAttachments(
          stateOf(last, {
            requests: [request('h1', { mode: 'shared', hostIncarnation: 5 as Incarnation })],
          }),
        ),
      }),
    ],
    [
      'a host gave its attachment up',
      true,
      (last) => ({
        attachments: wantedAttachments(
          stateOf(last, {
            requests: [request('h1', { mode: 'shared', lostEpoch: last.lastEpoch as AttachEpoch })],
          }),
        ),
      }),
    ],
    [
      'an exclusive host takes the place of dead ones',
      true,
      (last) => ({
        attachments: wantedAttachments(stateOf(last, { requests: [request('h3')] })),
      }),
    ],
  ];
  for (const [what, isRenewed, change] of table)
    it(`${what}: ${isRenewed ? 'everybody gets new epochs' : 'those who stay keep their epochs'}`, () => {
      const last = sharedRecord();
      const same = wantedAttachments(stateOf(last));
      const { record, renewed } = decide(last, { ...usual, attachments: same, ...change(last) });
      expect(renewed).to.equal(isRenewed);
      expect(record.generation).to.equal(last.generation + 1);
      const kept = epochsOf(record).filter((epoch) => epoch <= last.lastEpoch);
      if (isRenewed) expect(kept).to.deep.equal([]);
      else {
        expect(record.partitions.map(({ epoch }) => epoch)).to.deep.equal(
          last.partitions.map(({ epoch }) => epoch),
        );
        for (const { host, attachEpoch } of last.attachments)
          if (record.attachments.some((held) => held.host === host))
            expect(kept).to.include(attachEpoch);
      }
    });

  it('exceeds what disks and hosts know, whatever the database has forgotten', () => {
    const members = membersOf(disks, switches, { knownEpoch: 40, knownGeneration: 30 });
    const lost = request('h1', { lostEpoch: 50 as AttachEpoch });
    const attachments = wantedAttachments(stateOf(null, { requests: [lost] }));
    const { record } = decide(blankVolume(), { ...usual, members, attachments });
    expect(record.generation).to.equal(31);
    expect(Math.min(...epochsOf(record))).to.be.above(50);
  });

  it('of a record that the database has forgotten later ones of gives everybody new numbers, and takes nothing for equal', () => {
    const last = sharedRecord();
    const attachments = wantedAttachments(stateOf(last));
    for (const [epochs, generations] of [[1, 0] as const, [0, 1] as const]) {
      const knownEpoch = last.lastEpoch + epochs;
      const knownGeneration = last.generation + generations;
      const members = membersOf(disks, switches, { knownEpoch, knownGeneration });
      const { record } = decide(last, { ...usual, attachments, members });
      expect(Math.min(...epochsOf(record))).to.be.above(knownEpoch);
      expect(record.compared).to.equal('marked');
    }
  });

  it('hands partitions over: what hosts have open goes on, and only that may be unequal', () => {
    const last = sharedRecord();
    const { record, renewed } = decide(last, {
      ...usual,
      attachments: wantedAttachments(stateOf(last)),
      members: membersOf(disks, { s1: 11 }),
      coordinators: ['s1' as SwitchId, 's1' as SwitchId],
    });
    expect(renewed).to.equal(true);
    expect(record.compared).to.equal('unfinished');
    expect(record.partitions.map(({ coordinator }) => coordinator)).to.deep.equal(['s1', 's1']);
    for (const [index, { attachEpoch, firstEpoch }] of record.attachments.entries()) {
      expect(attachEpoch).to.be.above(last.lastEpoch);
      expect(firstEpoch).to.equal(last.attachments[index]?.firstEpoch);
    }
  });

  const doubts: readonly [string, (last: VolumeRecord) => Partial<Circumstances>][] = [
    ['they were not known to be equal before', () => ({ wereEqual: false })],
    ['a disk restarted', () => ({ members: membersOf({ ...disks, d1: 2 }, switches) })],
    [
      'a host is gone that may have written',
      (last) => ({
        attachments: wantedAttachments(
          stateOf(last, { livenessOf: ({ host }) => (host === 'h1' ? 'gone' : 'live') }),
        ),
      }),
    ],
    [
      'a host does not say what it has open',
      (last) => ({ attachments: wantedAttachments(stateOf(last, { silent: ['h1' as HostId] })) }),
    ],
    [
      'a host gave up writes under the present epochs, and asks anew',
      (last) => {
        const lostEpoch = last.attachments[0]?.attachEpoch ?? (0 as AttachEpoch);
        const requests = [request('h1', { mode: 'shared', lostEpoch })];
        return {
          attachments: wantedAttachments(stateOf(last, { requests })),
          drained: ['h1' as HostId],
        };
      },
    ],
  ];
  it('takes them for equal although a host gave up writes under epochs of long ago', () => {
    const last = sharedRecord();
    const lostEpoch = last.attachments[0]?.attachEpoch ?? (0 as AttachEpoch);
    const renewed = decide(last, {
      ...usual,
      attachments: wantedAttachments(stateOf(last)),
      renew: true,
    }).record;
    const requests = [request('h3', { mode: 'shared', lostEpoch })];
    const attachments = wantedAttachments(stateOf(renewed, { requests }));
    const { record } = decide(renewed, { ...usual, attachments, renew: true });
    expect(record.compared).to.equal('unfinished');
  });

  for (const [what, change] of doubts)
    it(`has the mirrors compared wherever hosts have marked when ${what}`, () => {
      const last = sharedRecord();
      const attachments = wantedAttachments(stateOf(last));
      const { record } = decide(last, { ...usual, attachments, renew: true, ...change(last) });
      expect(record.compared).to.equal('marked');
    });

  it('ends what a host has open that is gone: nobody can say what became of it', () => {
    const last = sharedRecord();
    const attachments = wantedAttachments(
      stateOf(last, { livenessOf: ({ host }) => (host === 'h1' ? 'gone' : 'live') }),
    );
    const { record } = decide(last, { ...usual, attachments, renew: true });
    const [h1, h2] = record.attachments;
    expect(h1?.firstEpoch).to.equal(h1?.attachEpoch);
    expect(h2?.firstEpoch).to.equal(last.attachments[1]?.firstEpoch);
  });

  for (const hasEndedWrites of [false, true])
    it(`${hasEndedWrites ? 'compares everything' : 'disturbs nobody'} when a host leaves that ${hasEndedWrites ? 'ended writes without a result' : 'has drained'}`, () => {
      const last = sharedRecord();
      const requests = new NotedRequests();
      requests.detach(request('h1', { mode: 'shared', hasEndedWrites }), last);
      const attachments = wantedAttachments(requests.within(stateOf(last)));
      const decision = decide(last, { ...usual, attachments, drained: requests.drained });
      expect(decision.record.attachments.map(({ host }) => host)).to.deep.equal(['h2']);
      expect(decision.renewed).to.equal(hasEndedWrites);
      if (hasEndedWrites) expect(decision.record.compared).to.equal('marked');
    });

  it('cannot be made without a coordinator', () => {
    const members = membersOf(disks, { s1: 11 });
    expect(() => decide(blankVolume(), { ...usual, members })).to.throw(/without s2/);
  });

  it('numbers never go back, and no epoch is issued twice, whatever happens in whatever order', () => {
    const step = fc.record({
      disk: fc.constantFrom('', 'd1', 'd2', 'd3', 'd4'),
      switch: fc.constantFrom('', 's1', 's2'),
      host: fc.constantFrom('h1', 'h2', 'h3'),
      asks: fc.constantFrom('nothing', 'attach', 'attach again', 'lost', 'detach'),
      mode: fc.constantFrom('exclusive' as const, 'shared' as const),
      isAlive: fc.boolean(),
      renew: fc.boolean(),
      control: fc.boolean(),
      /** The database forgets so many decisions; the disks do not. */
      forgotten: fc.constantFrom(0, 0, 0, 1, 3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const history: VolumeRecord[] = [];
        const instances: Record<string, number> = { ...disks };
        const owners: Record<string, number> = { ...switches };
        const issued = new Map<number, string>();
        let controlEpoch = 1;
        for (const [index, each] of steps.entries()) {
          if (each.disk !== '') instances[each.disk] = (instances[each.disk] ?? 0) + 1;
          if (each.switch !== '') owners[each.switch] = 1000 + index;
          if (each.control) controlEpoch++;
          const newest = history.at(-1) ?? null;
          const forgotten = Math.min(each.forgotten, history.length);
          const last = history.at(-1 - forgotten) ?? null;
          const requests = new NotedRequests();
          const surroundings = stateOf(last, {
            livenessOf: (): Liveness => (each.isAlive ? 'live' : 'gone'),
          });
          const held = last?.attachments.find(({ host }) => host === each.host);
          const ask = request(each.host, {
            mode: each.mode,
            hostIncarnation: (each.asks === 'attach again' ? index + 10 : 1) as Incarnation,
            ...(each.asks === 'lost' && held ? { lostEpoch: held.attachEpoch } : {}),
          });
          if (each.asks === 'detach') requests.detach(ask, last);
          else if (each.asks !== 'nothing') requests.attach(ask, surroundings);
          const state = requests.within(surroundings);
          const { record, renewed } = decide(last ?? blankVolume(), {
            ...usual,
            controlEpoch: controlEpoch as ControlEpoch,
            members: membersOf(instances, owners, {
              knownEpoch: newest?.lastEpoch ?? 0,
              knownGeneration: newest?.generation ?? 0,
            }),
            attachments: wantedAttachments(state),
            drained: state.leaving,
            renew: each.renew || forgotten > 0,
            wereEqual: false,
          });
          expect(record.generation).to.be.above(newest?.generation ?? 0);
          expect(record.lastEpoch).to.be.at.least(newest?.lastEpoch ?? 0);
          expect(new Set(epochsOf(record)).size).to.equal(epochsOf(record).length);
          const named = [
            ...record.partitions.map(
              (one) => [one.epoch, `${one.partition}/${one.ownerIncarnation}`] as const,
            ),
            ...record.attachments.map(
              (one) => [one.attachEpoch, `${one.host}/${one.hostIncarnation}/${one.mode}`] as const,
            ),
          ];
          for (const [epoch, owner] of named) {
            expect(issued.get(epoch) ?? owner, `epoch ${epoch}`).to.equal(owner);
            if (renewed) expect(issued.has(epoch)).to.equal(false);
            expect(epoch).to.be.within(1, record.lastEpoch);
          }
          for (const [epoch, owner] of named) issued.set(epoch, owner);
          const exclusive = record.attachments.filter(({ mode }) => mode === 'exclusive');
          if (exclusive.length > 0) expect(record.attachments).to.have.length(1);
          history.push(record);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('attachments', () => {
  const held = () =>
    decide(blankVolume(), {
      ...usual,
      attachments: wantedAttachments(stateOf(null, { requests: [request('h1')] })),
    }).record;
  const outcome = (state: AttachmentState, host = 'h2', more = {}) =>
    judgeAttach(request(host, more), state).outcome;

  it('refuses a second host while the first lives, waits while that is not known, and then lets it in', () => {
    const record = held();
    const judged = (liveness: Liveness) => outcome(stateOf(record, { livenessOf: () => liveness }));
    expect(judged('live')).to.equal('refused');
    expect(judged('unknown')).to.equal('not-ready');
    expect(judged('gone')).to.equal('noted');
    expect(outcome(stateOf(record, { leaving: ['h1' as HostId] }))).to.equal('noted');
  });

  it('refuses a shared host beside an exclusive one, and an exclusive one beside a shared one', () => {
    expect(outcome(stateOf(held()), 'h2', { mode: 'shared' })).to.equal('refused');
    expect(outcome(stateOf(sharedRecord()), 'h3')).to.equal('refused');
    expect(outcome(stateOf(sharedRecord()), 'h3', { mode: 'shared' })).to.equal('noted');
  });

  it('refuses a host whose rival has asked already and lives', () => {
    expect(outcome(stateOf(null, { requests: [request('h1')] }))).to.equal('refused');
  });

  it('knows a request that is fulfilled', () => {
    const record = held();
    const epoch = record.attachments[0]?.attachEpoch as AttachEpoch;
    expect(outcome(stateOf(record), 'h1')).to.equal('attached');
    expect(outcome(stateOf(record), 'h1', { hostIncarnation: 2 })).to.equal('noted');
    expect(outcome(stateOf(record), 'h1', { readOnly: true })).to.equal('noted');
    expect(outcome(stateOf(record), 'h1', { lostEpoch: epoch })).to.equal('noted');
    expect(outcome(stateOf(record), 'h1', { lostEpoch: epoch - 1 })).to.equal('attached');
  });

  it('drops the attachment of a host that the topology no longer lets use the volume', () => {
    const wanted = wantedAttachments(stateOf(sharedRecord(), { mayUse: (host) => host === 'h2' }));
    expect(wanted.map(({ host }) => host)).to.deep.equal(['h2']);
  });

  it('takes a goodbye of another process than the attached one for nothing', () => {
    const requests = new NotedRequests();
    const record = held();
    requests.detach(request('h1', { hostIncarnation: 9 as Incarnation }), record);
    expect(requests.within(stateOf(record)).leaving).to.deep.equal([]);
    requests.detach(request('h1'), record);
    expect(requests.within(stateOf(record)).leaving).to.deep.equal(['h1']);
  });
});
