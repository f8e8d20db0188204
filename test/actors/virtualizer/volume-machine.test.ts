import { expect } from 'chai';
import { type Actor, createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { stateText } from '../../../actors/running-machine.ts';
import { volumeMachine } from '../../../actors/virtualizer/volume-machine.ts';
import {
  failuresMax,
  type VolumeMachineContext,
  type VolumeMachineEvent,
} from '../../../actors/virtualizer/volume-setup.ts';
import { VirtualClock } from '../../../cluster/simulation/clock.ts';

const reason = 'because';
const volumeEvents: readonly VolumeMachineEvent[] = [
  { type: 'record.read' },
  { type: 'record.unreadable', reason },
  { type: 'members.changed' },
  { type: 'members.complete' },
  { type: 'members.unknown', reason },
  { type: 'members.missing', reason },
  { type: 'record.written' },
  { type: 'record.contested', reason },
  { type: 'decision.impossible', reason },
  { type: 'disks.confirmed', leasesMayLast: false },
  { type: 'disks.confirmed', leasesMayLast: true },
  { type: 'switches.confirmed' },
  { type: 'partitions.settled' },
  { type: 'member.refused', reason, member: { kind: 'disk', id: 'd1' } },
  { type: 'members.degraded', reason, waitMs: 2000 },
  { type: 'mirrors.resynced' },
  { type: 'member.lost', reason },
  { type: 'trouble.reported', reason },
  { type: 'attachments.changed' },
  { type: 'move.wanted', reason },
  { type: 'partitions.yielded' },
];

/** The path from the record to serving. */
const wayUp = [
  'record.read',
  'members.complete',
  'record.written',
  'disks.confirmed',
  'switches.confirmed',
  'partitions.settled',
] as const;

/** A running machine whose ports only note that they were called. */
function runVolume() {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const note = (call: string) => () => {
    calls.push(call);
  };
  const machine = volumeMachine.provide({
    actions: {
      readRecord: note('read'),
      surveyMembers: note('survey'),
      askMembers: note('ask members'),
      writeDecision: (_, { renew }) => {
        calls.push(renew ? 'write anew' : 'write');
      },
      assembleDisks: note('assemble'),
      loadSwitches: note('load'),
      askSettled: note('ask settled'),
      askYield: note('ask to yield'),
      endRound: note('end round'),
      publishAssembling: (_, params) => {
        calls.push(`assembling: ${params.reason}`);
      },
      publishServing: note('serving'),
      writeEnd: note('write the end'),
    },
  });
  const actor: Actor<typeof volumeMachine> = createActor(machine, {
    clock: clock as never,
    input: { volume: 'vol0' },
  });
  actor.start();
  const state = () => stateText(actor.getSnapshot().value);
  const send = (...types: readonly VolumeMachineEvent['type'][]) => {
    for (const type of types) actor.send({ type, reason } as VolumeMachineEvent);
  };
  const callsOf = (act: () => void) => {
    calls.length = 0;
    act();
    return [...calls];
  };
  return { clock, actor, state, send, callsOf, calls };
}

describe('volume machine', () => {
  it('goes from the record to serving step by step, and does in each step what belongs to it', () => {
    const { send, state, calls, actor } = runVolume();
    const states = wayUp.map((type) => {
      send(type);
      return state();
    });
    expect(states).to.deep.equal([
      'gathering.looking',
      'deciding',
      'fencing',
      'loading',
      'settling',
      'serving',
    ]);
    expect(calls).to.deep.equal([
      'read',
      'ask members',
      'survey',
      'write',
      'assemble',
      'end round',
      'load',
      'end round',
      'ask settled',
      'end round',
      'serving',
    ]);
    expect(actor.getSnapshot().hasTag('serving')).to.equal(true);
    expect(actor.getSnapshot().context.reason).to.equal('');
  });

  it('takes no step on a confirmation that belongs to another step', () => {
    for (let length = 0; length < wayUp.length; length++)
      for (const early of wayUp.slice(length + 1)) {
        const { send, state } = runVolume();
        send(...wayUp.slice(0, length));
        const before = state();
        send(early);
        expect(state(), `${early} while ${before}`).to.equal(before);
      }
  });

  it('a lost member: hosts are told at once, and the next decision gives everybody new epochs', () => {
    for (let length = 3; length <= wayUp.length; length++) {
      const { send, state, callsOf } = runVolume();
      send(...wayUp.slice(0, length));
      const calls = callsOf(() => send('member.lost'));
      expect(state()).to.equal('gathering.looking');
      expect(calls).to.include('assembling: because');
      expect(callsOf(() => send('members.complete'))).to.deep.equal(['write anew']);
    }
  });

  it('another attachment: no host is told of an interruption, and epochs may stay', () => {
    const { send, state, callsOf } = runVolume();
    send(...wayUp);
    expect(callsOf(() => send('attachments.changed'))).to.deep.equal(['ask members', 'survey']);
    expect(callsOf(() => send('members.complete'))).to.deep.equal(['write']);
    expect(state()).to.equal('deciding');
  });

  it('a planned move: hosts are told once the coordinators have ended what was open, or have had their time', () => {
    const { send, state, callsOf, clock } = runVolume();
    send(...wayUp);
    expect(callsOf(() => send('move.wanted'))).to.deep.equal(['ask to yield']);
    expect(callsOf(() => send('partitions.yielded'))).to.include('assembling: because');
    expect(callsOf(() => send('members.complete'))).to.deep.equal(['write anew']);
    send(...wayUp.slice(2), 'move.wanted');
    expect(state()).to.equal('yielding');
    expect(callsOf(() => clock.runFor(500))).to.include('assembling: because');
    expect(state()).to.equal('gathering.looking');
  });

  it('trouble that comes while a decision is being written leads to another decision', () => {
    const { send, state, callsOf } = runVolume();
    send('record.read', 'members.complete', 'trouble.reported', 'record.written');
    expect(state()).to.equal('gathering.looking');
    expect(callsOf(() => send('members.complete'))).to.deep.equal(['write anew']);
  });

  it('goes on saying what is lacking, whatever those report who suffer from it', () => {
    const { actor, send, state, callsOf } = runVolume();
    send('record.read');
    actor.send({ type: 'members.missing', reason: 'disk d2 must come back' });
    const report = { type: 'trouble.reported', reason: 'a write had no result' } as const;
    expect(callsOf(() => actor.send(report))).to.deep.equal(['assembling: disk d2 must come back']);
    expect(state()).to.equal('gathering.looking');
    expect(actor.getSnapshot().context.reason).to.equal('disk d2 must come back');
    expect(callsOf(() => send('members.complete'))).to.deep.equal(['write anew']);
  });

  it('a contested write: the record is read again, and what had to be renewed still is', () => {
    const { send, state, callsOf, clock } = runVolume();
    send(...wayUp, 'member.lost', 'members.complete', 'record.contested');
    expect(state()).to.equal('reading.resting');
    expect(callsOf(() => clock.runFor(1000))).to.deep.equal(['read']);
    send('record.read');
    expect(callsOf(() => send('members.complete'))).to.deep.equal(['write anew']);
  });

  it('a contested end: the record is read again, and hosts that had their time get no more (seed 73)', () => {
    const { send, state, callsOf, clock } = runVolume();
    send('end.requested', 'record.read');
    expect(state()).to.equal('ending.draining.looking');
    expect(callsOf(() => clock.runFor(15_000))).to.deep.equal(['write the end']);
    send('record.contested');
    expect(callsOf(() => clock.runFor(1000))).to.deep.equal(['read']);
    expect(callsOf(() => send('record.read'))).to.deep.equal(['write the end']);
    expect(state()).to.equal('ending.retiring');
  });

  it('looks for its members every second, and whenever somebody came or went', () => {
    const { send, callsOf, clock } = runVolume();
    send('record.read');
    expect(callsOf(() => send('members.changed'))).to.deep.equal(['survey']);
    expect(callsOf(() => clock.runFor(3001)).filter((call) => call === 'survey')).to.have.length(3);
  });

  it('does not wait for ever for somebody who is there and does not confirm', () => {
    for (const length of [3, 4]) {
      const { send, state, clock, actor } = runVolume();
      send(...wayUp.slice(0, length));
      clock.runFor(10_000);
      expect(state()).to.equal('gathering.resting');
      expect(actor.getSnapshot().context.reason).to.match(/did not confirm in time/);
    }
  });

  it('lets nobody use it before what caches could still answer for a former holder is over', () => {
    const { actor, send, state, clock, callsOf } = runVolume();
    send(...wayUp.slice(0, 3));
    actor.send({ type: 'disks.confirmed', leasesMayLast: true });
    expect(
      callsOf(() => clock.runFor(1099)),
      'no switch is told',
    ).to.be.empty;
    expect(state()).to.equal('expiring');
    expect(callsOf(() => clock.runFor(1))).to.include('load');
    send(...wayUp.slice(4));
    expect(state()).to.equal('serving');
  });

  it('tries less and less often what fails, and begins anew once it has served for a while', () => {
    const { send, clock, state, actor } = runVolume();
    const restMs = () => {
      const start = clock.now();
      while (state() !== 'gathering.looking') clock.runNext();
      return clock.now() - start;
    };
    send('record.read');
    const rests = Array.from({ length: 9 }, () => {
      send('members.complete', 'record.written', 'member.refused');
      return restMs();
    });
    expect(rests).to.deep.equal([100, 200, 400, 800, 1600, 3200, 3200, 3200, 3200]);
    send(...wayUp.slice(1));
    expect(actor.getSnapshot().context.failures).to.equal(failuresMax);
    clock.runFor(5000);
    expect(actor.getSnapshot().context.failures).to.equal(0);
  });

  it('comes from every state that can be reached to serving again, and never serves what is not written and confirmed', () => {
    const afters = [
      'xstate.after.retryDelay.volume.reading.resting',
      'xstate.after.retryDelay.volume.gathering.resting',
      'xstate.after.graceDelay.volume.gathering.waiting',
      'xstate.after.surveyDelay.volume.gathering.looking',
      'xstate.after.confirmDeadline.volume.fencing',
      'xstate.after.confirmDeadline.volume.loading',
      'xstate.after.leaseDelay.volume.expiring',
      'xstate.after.steadyDelay.volume.serving',
      'xstate.after.yieldDeadline.volume.yielding',
    ].map((type) => ({ type }) as never);
    const leaseOver = { type: 'xstate.after.leaseDelay.volume.expiring' } as never;
    const paths = getShortestPaths(volumeMachine, {
      input: { volume: 'vol0' },
      events: [...volumeEvents, ...afters],
      limit: 20_000,
      serializeState: (snapshot) => {
        const {
          renewal,
          deciding,
          failures,
          reason: why,
        } = snapshot.context as VolumeMachineContext;
        return JSON.stringify([snapshot.value, renewal, deciding, failures, why !== '']);
      },
    });
    const reached = new Set(paths.map(({ state }) => stateText(state.value)));
    expect([...reached].sort()).to.deep.equal([
      'deciding',
      'expiring',
      'fencing',
      'gathering.looking',
      'gathering.resting',
      'gathering.waiting',
      'loading',
      'reading.asking',
      'reading.resting',
      'serving',
      'settling',
      'yielding',
    ]);
    for (const { state, steps } of paths) {
      if (!state.matches('serving')) continue;
      const types = steps.map(({ event }) => event.type as string);
      const last = (type: string) => types.lastIndexOf(type);
      expect(last('record.written')).to.be.above(-1);
      expect(last('disks.confirmed')).to.be.above(last('record.written'));
      expect(last('switches.confirmed')).to.be.above(last('disks.confirmed'));
      expect(last('partitions.settled')).to.be.above(last('switches.confirmed'));
    }
    for (const { state } of paths) {
      const actor = createActor(volumeMachine, { snapshot: state, input: { volume: 'vol0' } });
      actor.start();
      const from = stateText(state.value);
      for (let round = 0; round < 3 && !actor.getSnapshot().hasTag('serving'); round++)
        for (const event of [...afters.slice(0, 3), leaseOver, ...wayUp.map((type) => ({ type }))])
          if (!actor.getSnapshot().hasTag('serving')) actor.send(event as VolumeMachineEvent);
      expect(actor.getSnapshot().hasTag('serving'), `from ${from}`).to.equal(true);
      actor.stop();
    }
  });
});
