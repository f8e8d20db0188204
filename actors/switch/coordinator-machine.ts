/**
 * When a partition may be written through this switch: after its mirrors were compared and made equal, as long as
 * nothing happened that only a new assembly of the volume can mend, and until another switch is to have it. The mode
 * that it publishes is what the data path reads; without it a partition serves nobody.
 */
import { assign, setup } from 'xstate';
import type { PartitionMode } from './partition.ts';

interface CoordinatorMachineContext {
  /** What the trouble is, for people; '' when there is none. */
  readonly problem: string;
}

export type CoordinatorMachineEvent =
  /** The partition became this switch's, under a new epoch. */
  | { readonly type: 'partition.assigned' }
  /** All its mirrors are equal. */
  | { readonly type: 'partition.settled' }
  | { readonly type: 'partition.troubled'; readonly what: string }
  /** Another switch is to take it over. */
  | { readonly type: 'yield.requested' }
  /** It was decided anew, and stays with this switch under the same epoch. */
  | { readonly type: 'partition.kept' }
  /** It is another switch's now, or its volume was unloaded. */
  | { readonly type: 'partition.released' };

const coordinatorSetup = setup({
  types: {
    context: {} as CoordinatorMachineContext,
    events: {} as CoordinatorMachineEvent,
  },
  actions: {
    /** Port: the data path's view. */
    publishMode: (_, _params: { mode: PartitionMode; problem: string }) => {},
    /** Port: tells the virtualizer. */
    reportTrouble: (_, _params: { problem: string }) => {},
    noteProblem: assign(({ event }) =>
      event.type === 'partition.troubled' ? { problem: event.what } : {},
    ),
    forgetProblem: assign({ problem: '' }),
  },
  delays: {
    /** The report may be lost, or the virtualizer be away: it is made again until the volume is assembled anew. */
    troubleReportInterval: 1000,
    /** Whoever asked to yield is away if nothing was decided by then. Serving goes on: fences end it, not promises. */
    yieldExpiry: 2000,
  },
});

const unassigned = coordinatorSetup.createStateConfig({
  entry: ['forgetProblem', { type: 'publishMode', params: { mode: 'unassigned', problem: '' } }],
});

const settling = coordinatorSetup.createStateConfig({
  entry: ['forgetProblem', { type: 'publishMode', params: { mode: 'settling', problem: '' } }],
  on: {
    'partition.settled': 'serving',
    'partition.troubled': { target: 'troubled', actions: 'noteProblem' },
  },
});

const serving = coordinatorSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'serving', problem: '' } },
  on: {
    'partition.troubled': { target: 'troubled', actions: 'noteProblem' },
    'yield.requested': 'yielding',
  },
});

const yielding = coordinatorSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'yielding', problem: '' } },
  on: {
    'partition.troubled': { target: 'troubled', actions: 'noteProblem' },
    'partition.kept': 'serving',
  },
  after: { yieldExpiry: 'serving' },
});

const troubled = coordinatorSetup.createStateConfig({
  entry: [
    {
      type: 'publishMode',
      params: ({ context }) => ({ mode: 'troubled', problem: context.problem }),
    },
    { type: 'reportTrouble', params: ({ context }) => ({ problem: context.problem }) },
  ],
  after: { troubleReportInterval: { target: 'troubled', reenter: true } },
});

export const coordinatorMachine = coordinatorSetup.createMachine({
  id: 'coordinator',
  context: { problem: '' },
  initial: 'unassigned',
  on: {
    'partition.assigned': '.settling',
    'partition.released': '.unassigned',
  },
  states: { unassigned, settling, serving, yielding, troubled },
  options: { maxIterations: 100 },
});
