import { expect } from 'chai';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { stateText } from '../../../actors/running-machine.ts';
import {
  type VirtualizerMachineEvent,
  virtualizerMachine,
} from '../../../actors/virtualizer/virtualizer-machine.ts';

const reason = 'because';

describe('virtualizer machine', () => {
  const events: readonly VirtualizerMachineEvent[] = [
    { type: 'cluster.known' },
    { type: 'control.free' },
    { type: 'control.held', reason },
    { type: 'control.taken', controlEpoch: 3 },
    { type: 'control.contested', reason },
    { type: 'volumes.listed' },
    { type: 'database.unavailable', reason },
    { type: 'control.outranked', controlEpoch: 5 },
    { type: 'control.lost', reason },
  ];

  it('decides only under a control epoch that was written, and takes none from whoever decides', () => {
    const after = { type: 'xstate.after.retryDelay.virtualizer.starting.resting' } as never;
    const paths = getShortestPaths(virtualizerMachine, { events: [...events, after], limit: 5000 });
    const reached = new Set(paths.map(({ state }) => stateText(state.value)));
    expect([...reached].sort()).to.deep.equal(
      [
        'active',
        'standby',
        'starting.claiming',
        'starting.identifying',
        'starting.listing',
        'starting.resting',
      ].sort(),
    );
    for (const { state, steps } of paths) {
      const types = steps.map(({ event }) => event.type as string);
      if (state.hasTag('deciding')) expect(types).to.include('control.taken');
      if (state.hasTag('deciding')) expect(types).to.include('control.free');
      if (state.matches('standby'))
        expect(state.can({ type: 'control.taken', controlEpoch: 9 })).to.equal(false);
    }
  });

  it('starts the volumes with the epoch that it took, stops them when it is outranked, and claims a higher one; stands by once it is lost', () => {
    const calls: string[] = [];
    const actor = createActor(
      virtualizerMachine.provide({
        actions: {
          watchControl: (_, { held }) => {
            calls.push(`watch ${held}`);
          },
          holdControl: (_, { held }) => {
            calls.push(`hold ${held}`);
          },
          leaveControl: () => {
            calls.push('leave');
          },
          claimControl: (_, { held, floor }) => {
            calls.push(`claim ${held} ${floor}`);
          },
          startVolumes: (_, { controlEpoch }) => {
            calls.push(`start ${controlEpoch}`);
          },
          stopVolumes: () => {
            calls.push('stop');
          },
          reportLoss: (_, params) => {
            calls.push(`lost: ${params.reason}`);
          },
        },
      }),
    );
    actor.start();
    for (const event of [
      { type: 'cluster.known' },
      { type: 'control.free' },
      { type: 'control.taken', controlEpoch: 3 },
      { type: 'volumes.listed' },
      { type: 'control.outranked', controlEpoch: 5 },
      { type: 'control.lost', reason },
    ] as const)
      actor.send(event);
    expect(calls).to.deep.equal([
      ...['watch 0', 'leave', 'claim 0 0', 'hold 3', 'start 3'],
      ...['leave', 'stop', 'claim 3 5', 'lost: because', 'watch 3'],
    ]);
    actor.stop();
  });
});
