/**
 * What a switch does with frames: nothing while it has no fabric; it forwards once it has; and it virtualizes when it
 * can and has loaded a volume. The mode that it publishes is what the data path reads.
 */
import { assign, setup } from 'xstate';

/**
 * - `isolated`: frames are dropped.
 * - `forwarding`: only disk-addressed frames are carried.
 * - `virtualizing`: volume-addressed frames too.
 */
export type SwitchMode = 'isolated' | 'forwarding' | 'virtualizing';

interface SwitchMachineContext {
  readonly loadedVolumes: number;
}

export type SwitchMachineEvent =
  | { readonly type: 'bus.connected' }
  | { readonly type: 'bus.disconnected' }
  | { readonly type: 'bus.closed' }
  | { readonly type: 'volumes.changed'; readonly loadedVolumes: number };

const switchSetup = setup({
  types: { context: {} as SwitchMachineContext, events: {} as SwitchMachineEvent },
  actions: {
    /** Port: the data path's view. */
    publishMode: (_, _params: { mode: SwitchMode }) => {},
    noteVolumes: assign(({ event }) =>
      event.type === 'volumes.changed' ? { loadedVolumes: event.loadedVolumes } : {},
    ),
  },
  guards: {
    hasVolumes: ({ context, event }) =>
      (event.type === 'volumes.changed' ? event.loadedVolumes : context.loadedVolumes) > 0,
  },
});

const isolated = switchSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'isolated' } },
  on: {
    'bus.connected': [{ guard: 'hasVolumes', target: 'virtualizing' }, { target: 'forwarding' }],
    'volumes.changed': { actions: 'noteVolumes' },
  },
});

const forwarding = switchSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'forwarding' } },
  on: {
    'volumes.changed': [
      { guard: 'hasVolumes', target: 'virtualizing', actions: 'noteVolumes' },
      { actions: 'noteVolumes' },
    ],
  },
});

const virtualizing = switchSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'virtualizing' } },
  on: {
    'volumes.changed': [
      { guard: 'hasVolumes', actions: 'noteVolumes' },
      { target: 'forwarding', actions: 'noteVolumes' },
    ],
  },
});

export const switchMachine = switchSetup.createMachine({
  id: 'switch',
  context: { loadedVolumes: 0 },
  initial: 'isolated',
  on: { 'bus.disconnected': '.isolated', 'bus.closed': '.isolated' },
  states: { isolated, forwarding, virtualizing },
  options: { maxIterations: 100 },
});
