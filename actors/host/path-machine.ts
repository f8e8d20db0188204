/**
 * When a link or an HBA may be used, as one host sees it. Silence makes it suspect, "nobody listens" makes it failed;
 * answers to I/O or to a probe bring it back: not before its dwell time, not by itself where failback is manual, and not
 * for long where it fails again and again. The rank that each state publishes is all that the data path reads. What
 * counts as evidence, and how a probe travels, is left to `paths` and `hba-paths`.
 */
import { assign, setup } from 'xstate';
import type { FailbackPolicy } from './driver-policy.ts';

export type PathMachineEvent =
  /** An answer came to something sent over the link since its rank changed. */
  | { readonly type: 'path.answered'; readonly atMs: number }
  /** Something sent over it got no answer in time, nor has anything else since. */
  | { readonly type: 'path.timedOut' }
  /** Nobody listens at its end; of an HBA: it lost its fabric. */
  | {
      readonly type: 'path.failed';
      readonly atMs: number;
      /** I/O of this host met it; false: it was heard of, or seen by a probe. */
      readonly byOwnIo: boolean;
    }
  /** An operator wants it to be preferred again. */
  | { readonly type: 'failback.requested' };

export type PathRank = 'usable' | 'standby' | 'suspect' | 'quarantined' | 'failed';

export interface PathMachineInput {
  readonly policy: FailbackPolicy;
  /** Only a probe shows that it works again; false: that is told. */
  readonly needsProbe: boolean;
}

interface PathMachineContext extends PathMachineInput {
  /** When it failed, the latest last; no more than quarantine looks at. */
  readonly failedAtMs: readonly number[];
  /** It failed, and has not been preferred since. */
  readonly isReturning: boolean;
  /** This host's own I/O met the failure. */
  readonly wasMet: boolean;
  /** Since it failed too often; in the past, or 0, when it is not in quarantine. */
  readonly quarantinedUntilMs: number;
  /** Of that, when it was found to work last. */
  readonly quarantineLeftMs: number;
}

const pathSetup = setup({
  types: {
    context: {} as PathMachineContext,
    events: {} as PathMachineEvent,
    input: {} as PathMachineInput,
  },
  actions: {
    /** Port: the data path's view of the link. */
    publishRank: (_, _params: { rank: PathRank }) => {},
    /** Port: one small frame over the link; silence proves nothing, "nobody listens" does. */
    sendProbe: () => {},
    noteFailure: assign(({ context, event }) => {
      if (event.type !== 'path.failed') return {};
      const failures = [...context.failedAtMs, event.atMs];
      return {
        failedAtMs: failures.slice(-context.policy.quarantineFailures),
        isReturning: true,
        wasMet: event.byOwnIo,
      };
    }),
    noteMet: assign(({ context, event }) =>
      event.type === 'path.failed' ? { wasMet: context.wasMet || event.byOwnIo } : {},
    ),
    noteReturned: assign({ isReturning: false, quarantinedUntilMs: 0 }),
    noteQuarantine: assign(({ context: { policy }, event }) =>
      event.type === 'path.answered'
        ? {
            quarantinedUntilMs: event.atMs + policy.quarantineForMs,
            quarantineLeftMs: policy.quarantineForMs,
          }
        : {},
    ),
    noteQuarantineLeft: assign(({ context: { quarantinedUntilMs }, event }) =>
      event.type === 'path.answered' ? { quarantineLeftMs: quarantinedUntilMs - event.atMs } : {},
    ),
  },
  guards: {
    /** It failed too often of late. */
    flaps: ({ context, event }) => {
      const { policy, failedAtMs } = context;
      const [first = 0] = failedAtMs;
      return (
        event.type === 'path.answered' &&
        failedAtMs.length === policy.quarantineFailures &&
        event.atMs - first <= policy.quarantineWithinMs
      );
    },
    isReturning: ({ context }) => context.isReturning,
    needsProbe: ({ context }) => context.needsProbe,
    isInQuarantine: ({ context: { quarantinedUntilMs }, event }) =>
      event.type === 'path.answered' && event.atMs < quarantinedUntilMs,
    failsBack: ({ context: { policy, wasMet } }) =>
      policy.failback === 'immediate' || (policy.failback === 'followOver' && wasMet),
  },
  delays: {
    /** Between looks at a silent link. */
    suspicionDelay: 1000,
    /** Between a failure and the next look. */
    recheckDelay: 500,
    /** How long "nobody listens" may take to arrive. */
    probeDelay: 500,
    dwellDelay: ({ context }) => context.policy.dwellMs,
    quarantineDelay: ({ context }) => context.quarantineLeftMs,
  },
});

const fails = { target: 'failed', actions: 'noteFailure' } as const;
const worksAgain = [
  { guard: 'flaps', target: 'quarantined', actions: 'noteQuarantine' },
  { target: 'standby' },
] as const;
/** What was only silent goes back to where it was. */
const isNotSilent = [
  { guard: 'isInQuarantine', target: 'quarantined', actions: 'noteQuarantineLeft' },
  { guard: 'isReturning', target: 'standby' },
  { target: 'usable' },
] as const;

const usable = pathSetup.createStateConfig({
  tags: ['usable'],
  entry: [{ type: 'publishRank', params: { rank: 'usable' } }, 'noteReturned'],
  on: { 'path.timedOut': 'suspect', 'path.failed': fails },
});

const standby = pathSetup.createStateConfig({
  entry: { type: 'publishRank', params: { rank: 'standby' } },
  on: { 'path.timedOut': 'suspect', 'path.failed': fails, 'failback.requested': 'usable' },
  after: { dwellDelay: { guard: 'failsBack', target: 'usable' } },
});

const suspect = pathSetup.createStateConfig({
  entry: { type: 'publishRank', params: { rank: 'suspect' } },
  on: { 'path.answered': isNotSilent, 'path.failed': fails },
  // Time alone proves nothing: with each retrial by I/O a consumer would wait for what a probe can find out.
  after: { suspicionDelay: { target: 'suspect', reenter: true, actions: 'sendProbe' } },
});

const quarantined = pathSetup.createStateConfig({
  entry: { type: 'publishRank', params: { rank: 'quarantined' } },
  on: { 'path.timedOut': 'suspect', 'path.failed': fails, 'failback.requested': 'usable' },
  after: { quarantineDelay: 'standby' },
});

const failed = pathSetup.createStateConfig({
  entry: { type: 'publishRank', params: { rank: 'failed' } },
  on: { 'path.answered': worksAgain, 'path.failed': { actions: 'noteMet' } },
  after: { recheckDelay: { guard: 'needsProbe', target: 'probing' } },
});

const probing = pathSetup.createStateConfig({
  entry: 'sendProbe',
  on: { 'path.answered': worksAgain, 'path.failed': { target: 'failed', actions: 'noteMet' } },
  after: { probeDelay: 'suspect' },
});

export const pathMachine = pathSetup.createMachine({
  id: 'path',
  context: ({ input }) => ({
    ...input,
    failedAtMs: [],
    isReturning: false,
    wasMet: false,
    quarantinedUntilMs: 0,
    quarantineLeftMs: 0,
  }),
  initial: 'usable',
  states: { usable, standby, suspect, quarantined, failed, probing },
  options: { maxIterations: 100 },
});
