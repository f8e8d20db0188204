import { expect } from 'chai';
import type { AnyEventObject, AnyStateMachine } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { hbaMachine } from '../../../actors/hba/hba-machine.ts';
import { attachmentMachine } from '../../../actors/host/attachment-machine.ts';
import { driverPolicyDefault } from '../../../actors/host/driver-policy.ts';
import { hostMachine } from '../../../actors/host/host-machine.ts';
import { pathFailoverMachine } from '../../../actors/host/path-failover-machine.ts';
import { pathMachine } from '../../../actors/host/path-machine.ts';
import { stateText } from '../../../actors/running-machine.ts';

interface Case {
  readonly machine: AnyStateMachine;
  readonly input?: unknown;
  /** Events with something to say; the others are sent bare. */
  readonly events?: readonly AnyEventObject[];
}

/** The highest epoch that the walk speaks of: it must end. */
const controlData = [0, 5, 6].flatMap((attachEpoch) =>
  ['assembling', 'serving'].flatMap((state) =>
    [true, false].map((hasOpenWrites) => ({
      type: 'controlData.received',
      attachEpoch,
      firstEpoch: Math.min(attachEpoch, 5),
      state,
      reason: '',
      hasOpenWrites,
    })),
  ),
);

const cases: Readonly<Record<string, Case>> = {
  path: {
    machine: pathMachine,
    input: {
      policy: { ...driverPolicyDefault.failback, quarantineFailures: 2 },
      needsProbe: true,
    },
    events: [
      { type: 'path.answered', atMs: 1 },
      ...[true, false].map((byOwnIo) => ({ type: 'path.failed', atMs: 1, byOwnIo })),
    ],
  },
  'path-failover': {
    machine: pathFailoverMachine,
    input: { noPathRetryMs: 1000, isSilence: true },
  },
  hba: {
    machine: hbaMachine,
    input: { linksMax: 2 },
    events: ['l1', 'l2', 'l3'].flatMap((link) => [
      { type: 'link.failed', link },
      { type: 'link.restored', link },
    ]),
  },
  host: {
    machine: hostMachine,
    events: [0, 1].map((usable) => ({ type: 'hbas.changed', usable })),
  },
  attachment: {
    machine: attachmentMachine,
    input: { lostEpoch: 0 },
    events: [
      ...controlData,
      { type: 'trouble.met', what: 'trouble' },
      { type: 'request.refused', message: 'no' },
    ],
  },
};

/** What a state is, for the walk: where, and with what context. */
const serializeState = (snapshot: { value: unknown; context: unknown }) =>
  JSON.stringify([snapshot.value, snapshot.context]);

describe('the machines of a host, walked through all they can do', () => {
  for (const [name, { machine, input, events = [] }] of Object.entries(cases)) {
    it(`${name}: every state can be reached, nothing grows without bound, no event kills it`, () => {
      const named = new Set(events.map(({ type }) => type));
      const bare = machine.events
        .filter((type) => !named.has(type))
        .map((type) => ({ type: `${type}` }));
      const paths = getShortestPaths(machine, {
        input: input as never,
        events: [...events, ...bare] as never,
        limit: 2000,
        serializeState: serializeState as never,
      });
      const reached = new Set(paths.map(({ state }) => stateText(state.value)));
      expect([...reached].sort()).to.deep.equal(Object.keys(machine.states).sort());
      for (const { state } of paths) expect(state.status).to.not.equal('error');
    });
  }
});
