/**
 * When a virtualizer decides: once it knows which cluster it belongs to, nobody else decides any more, and it has made
 * the control epoch its own by compare-and-set; until somebody else has (DESIGN §1, I5, V7). Who lost it stands by, and
 * takes over when that one is gone.
 */
import { assign, setup } from 'xstate';

export interface VirtualizerMachineContext {
  /** The control epoch held last; 0 before the first. */
  readonly controlEpoch: number;
  /** What the next one must exceed: members know that it was issued. */
  readonly outrankedBy: number;
  /** Why it does not decide, for people; '' while it does. */
  readonly reason: string;
  /** Attempts in a row that led nowhere, at most `failuresMax`. */
  readonly failures: number;
}

export type VirtualizerMachineEvent =
  | { readonly type: 'cluster.known' }
  /** Nobody decides, or not any more. */
  | { readonly type: 'control.free' }
  /** Another one decides. */
  | { readonly type: 'control.held'; readonly reason: string }
  /** The epoch is written: this process decides. */
  | { readonly type: 'control.taken'; readonly controlEpoch: number }
  /** Somebody else wrote, or nobody knows whether the write arrived. */
  | { readonly type: 'control.contested'; readonly reason: string }
  | { readonly type: 'volumes.listed' }
  | { readonly type: 'database.unavailable'; readonly reason: string }
  /** A member knows a higher control epoch than the one held. */
  | { readonly type: 'control.outranked'; readonly controlEpoch: number }
  /** Another process holds a higher control epoch. */
  | { readonly type: 'control.lost'; readonly reason: string };

export const failuresMax = 6;
const retryMsMin = 50;

const virtualizerSetup = setup({
  types: {
    context: {} as VirtualizerMachineContext,
    events: {} as VirtualizerMachineEvent,
  },
  actions: {
    /** Port: reads the cluster's identity, or makes it; `cluster.known` or `database.unavailable` follows. */
    identifyCluster: () => {},
    /** Port: looks until nobody decides; `control.free` follows then, and `control.held` as long as somebody does. */
    watchControl: (_, _params: { held: number }) => {},
    /** Port: keeps others from taking over; `control.lost` follows if one does all the same. */
    holdControl: (_, _params: { held: number }) => {},
    /** Port: neither of the two any more. */
    leaveControl: () => {},
    /**
     * Port: steps the control epoch to above `floor`; `control.taken`, `control.contested`, `control.lost` or
     * `database.unavailable` follows.
     */
    claimControl: (_, _params: { held: number; floor: number }) => {},
    /** Port: finds volumes that the topology does not name; `volumes.listed` or `database.unavailable` follows. */
    listVolumes: () => {},
    startVolumes: (_, _params: { controlEpoch: number }) => {},
    stopVolumes: () => {},
    reportLoss: (_, _params: { reason: string }) => {},
    noteReason: assign({
      reason: ({ context, event }) => ('reason' in event ? event.reason : context.reason),
    }),
    noteFailure: assign({
      failures: ({ context }) => Math.min(context.failures + 1, failuresMax),
    }),
    noteControl: assign({
      controlEpoch: ({ context, event }) =>
        event.type === 'control.taken' ? event.controlEpoch : context.controlEpoch,
    }),
    noteOutranked: assign({
      outrankedBy: ({ context, event }) =>
        event.type === 'control.outranked' ? event.controlEpoch : context.outrankedBy,
    }),
    forgetTrouble: assign({ reason: '', failures: 0 }),
  },
  delays: {
    retryDelay: ({ context }) => retryMsMin * 2 ** context.failures,
  },
});

const retry = { target: 'resting', actions: ['noteReason', 'noteFailure'] } as const;

const holds = {
  type: 'holdControl',
  params: ({ context }: { context: VirtualizerMachineContext }) => ({ held: context.controlEpoch }),
} as const;

const lost = {
  target: '#virtualizer.standby',
  actions: [
    'noteReason',
    {
      type: 'reportLoss',
      params: ({ context }: { context: VirtualizerMachineContext }) => ({ reason: context.reason }),
    },
  ],
} as const;

const starting = virtualizerSetup.createStateConfig({
  initial: 'identifying',
  states: {
    identifying: {
      entry: 'identifyCluster',
      on: { 'cluster.known': '#virtualizer.standby', 'database.unavailable': retry },
    },
    claiming: {
      entry: {
        type: 'claimControl',
        params: ({ context }) => ({ held: context.controlEpoch, floor: context.outrankedBy }),
      },
      on: {
        'control.taken': { target: 'listing', actions: 'noteControl' },
        'control.contested': retry,
        'control.lost': lost,
        'database.unavailable': retry,
      },
    },
    listing: {
      // Held on and on from here: who decides has been holding it without a gap.
      entry: ['listVolumes', holds],
      on: {
        'volumes.listed': '#virtualizer.active',
        'database.unavailable': { ...retry, actions: [...retry.actions, 'leaveControl'] },
        'control.lost': lost,
      },
    },
    resting: { after: { retryDelay: 'identifying' } },
  },
});

const active = virtualizerSetup.createStateConfig({
  tags: ['deciding'],
  entry: [
    'forgetTrouble',
    { type: 'startVolumes', params: ({ context }) => ({ controlEpoch: context.controlEpoch }) },
  ],
  exit: ['leaveControl', 'stopVolumes'],
  on: {
    'control.lost': lost,
    'control.outranked': { target: '#virtualizer.starting.claiming', actions: 'noteOutranked' },
  },
});

const standby = virtualizerSetup.createStateConfig({
  entry: { type: 'watchControl', params: ({ context }) => ({ held: context.controlEpoch }) },
  exit: 'leaveControl',
  on: {
    'control.free': 'starting.claiming',
    'control.held': { actions: 'noteReason' },
  },
});

export const virtualizerMachine = virtualizerSetup.createMachine({
  id: 'virtualizer',
  context: {
    controlEpoch: 0,
    outrankedBy: 0,
    reason: 'it is starting',
    failures: 0,
  },
  initial: 'starting',
  states: { starting, standby, active },
  options: { maxIterations: 100 },
});
