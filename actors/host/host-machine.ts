/**
 * When a host works: as long as one of its HBAs can be used, until it is told to stop. Stopping lets every volume go
 * first. What its attachments and HBAs do is theirs.
 */
import { assign, setup } from 'xstate';

export interface HostMachineContext {
  /** HBAs that can be used now. */
  readonly hbasUsable: number;
}

export type HostMachineEvent =
  | { readonly type: 'hbas.changed'; readonly usable: number }
  | { readonly type: 'stop.requested' }
  /** Every attachment has been let go. */
  | { readonly type: 'attachments.left' };

const hostSetup = setup({
  types: { context: {} as HostMachineContext, events: {} as HostMachineEvent },
  actions: {
    /** Port: whether volumes may be attached. */
    publishAttachable: (_, _params: { attachable: boolean }) => {},
    /** Port: lets go of every volume; `attachments.left` follows. */
    detachAll: () => {},
    /** Port: nothing is used any more. */
    shutDown: () => {},
    noteHbas: assign(({ event }) =>
      event.type === 'hbas.changed' ? { hbasUsable: event.usable } : {},
    ),
  },
  guards: {
    hasUsableHba: ({ event }) => event.type === 'hbas.changed' && event.usable > 0,
  },
});

const isolated = hostSetup.createStateConfig({
  entry: { type: 'publishAttachable', params: { attachable: true } },
  on: {
    'hbas.changed': [
      { guard: 'hasUsableHba', target: 'connected', actions: 'noteHbas' },
      { actions: 'noteHbas' },
    ],
    'stop.requested': 'stopping',
  },
});

const connected = hostSetup.createStateConfig({
  tags: ['connected'],
  entry: { type: 'publishAttachable', params: { attachable: true } },
  on: {
    'hbas.changed': [
      { guard: 'hasUsableHba', actions: 'noteHbas' },
      { target: 'isolated', actions: 'noteHbas' },
    ],
    'stop.requested': 'stopping',
  },
});

const stopping = hostSetup.createStateConfig({
  entry: [{ type: 'publishAttachable', params: { attachable: false } }, 'detachAll'],
  on: { 'attachments.left': 'stopped', 'hbas.changed': { actions: 'noteHbas' } },
});

const stopped = hostSetup.createStateConfig({ tags: ['over'], entry: 'shutDown' });

export const hostMachine = hostSetup.createMachine({
  id: 'host',
  context: { hbasUsable: 0 },
  initial: 'isolated',
  states: { isolated, connected, stopping, stopped },
  options: { maxIterations: 100 },
});
