/**
 * When a volume is assembled and when it serves (DESIGN I3, I4, I5, I14): its record is read, all its members are
 * there, the next record is decided and written, every disk has confirmed the new numbers, every switch has loaded
 * them, the coordinators have made the mirrors equal; only then are hosts told to go on. Any trouble leads back.
 * Says when; what each step consists of is `volume-assembly`'s, which provides the actions.
 */
import { assign, setup } from 'xstate';

export interface VolumeMachineInput {
  readonly volume: string;
}

export interface VolumeMachineContext {
  readonly volume: string;
  /** Why the volume does not serve, for people; '' while it does. */
  readonly reason: string;
  /** What was under way must end: the next decision gives everybody new epochs. */
  readonly renewal: 'none' | 'wanted';
  /** As `renewal`, of the decision that is being written. */
  readonly deciding: 'none' | 'wanted';
  /** Steps in a row that led nowhere, at most `failuresMax`: bounds the delay before the next try. */
  readonly failures: number;
}

type WithReason<Type extends string> = { readonly type: Type; readonly reason: string };

export type VolumeMachineEvent =
  /** The record was read, or there is none yet. */
  | { readonly type: 'record.read' }
  | WithReason<'record.unreadable'>
  /** Somebody may have come to go; the members are to be looked at again. */
  | { readonly type: 'members.changed' }
  | { readonly type: 'members.complete' }
  /** It is too early to call anybody missing. */
  | WithReason<'members.unknown'>
  | WithReason<'members.missing'>
  | { readonly type: 'record.written' }
  /** Somebody else wrote, or nobody knows whether the write arrived. */
  | WithReason<'record.contested'>
  /** There is no decision to be made of what is there. */
  | WithReason<'decision.impossible'>
  | { readonly type: 'disks.confirmed' }
  | { readonly type: 'switches.confirmed' }
  | { readonly type: 'partitions.settled' }
  | WithReason<'member.refused'>
  /** What the last decision was made for is not there any more. */
  | WithReason<'member.lost'>
  | WithReason<'trouble.reported'>
  /** Other hosts are to be attached than the last decision says. */
  | { readonly type: 'attachments.changed' };

export const failuresMax = 6;
const retryMsMin = 50;
const surveyMs = 1000;
/** A disk or switch that is there and does not do what it is asked gets another decision after this. */
const confirmMsMax = 10_000;
/** A volume that served for this long has left its former failures behind. */
const steadyMs = 5000;

const volumeSetup = setup({
  types: {
    context: {} as VolumeMachineContext,
    events: {} as VolumeMachineEvent,
    input: {} as VolumeMachineInput,
  },
  actions: {
    /** Port: reads the record; `record.read` or `record.unreadable` follows. */
    readRecord: () => {},
    /** Port: looks at who is there; one of the `members` events follows. */
    surveyMembers: () => {},
    /** Port: asks all members how they are; what they answer shows in `members.changed`. */
    askMembers: () => {},
    /** Port: decides and writes; `record.written`, `record.contested` or `decision.impossible` follows. */
    writeDecision: (_, _params: { renew: boolean }) => {},
    assembleDisks: () => {},
    loadSwitches: () => {},
    askSettled: () => {},
    /** Port: ends what `assembleDisks`, `loadSwitches` or `askSettled` began. */
    endRound: () => {},
    /** Port: tells the attached hosts that nothing goes on. Safety does not rest on it: the fences hold. */
    publishAssembling: (_, _params: { reason: string }) => {},
    publishServing: () => {},
    noteReason: assign({
      reason: ({ context, event }) => ('reason' in event ? event.reason : context.reason),
    }),
    noteOverdue: assign({ reason: 'a disk or switch that is there did not confirm in time' }),
    noteFailure: assign({
      failures: ({ context }) => Math.min(context.failures + 1, failuresMax),
    }),
    requireRenewal: assign({ renewal: 'wanted' }),
    beginDecision: assign({ deciding: ({ context }) => context.renewal, renewal: 'none' }),
    keepRenewal: assign({
      renewal: ({ context }) => (context.deciding === 'wanted' ? 'wanted' : context.renewal),
    }),
    forgetReason: assign({ reason: '' }),
    forgetFailures: assign({ failures: 0 }),
  },
  guards: {
    renewalIsWanted: ({ context }) => context.renewal === 'wanted',
  },
  delays: {
    retryDelay: ({ context }) => retryMsMin * 2 ** context.failures,
    surveyDelay: surveyMs,
    confirmDeadline: confirmMsMax,
    steadyDelay: steadyMs,
  },
});

/** What was under way ends, and those who wait for it are told. */
const interrupt = [
  'noteReason',
  'requireRenewal',
  {
    type: 'publishAssembling',
    params: ({ context }: { context: VolumeMachineContext }) => ({ reason: context.reason }),
  },
] as const;

/** What leads back from every step behind the decision. */
const setbacks = {
  'member.lost': { target: '#volume.gathering.looking', actions: interrupt },
  'trouble.reported': {
    target: '#volume.gathering.resting',
    actions: [...interrupt, 'noteFailure'],
  },
  'member.refused': {
    target: '#volume.gathering.resting',
    actions: ['noteReason', 'noteFailure'],
  },
  'attachments.changed': '#volume.gathering.looking',
} as const;

const overdue = {
  confirmDeadline: {
    target: '#volume.gathering.resting',
    actions: ['noteOverdue', 'noteFailure'],
  },
} as const;

const reading = volumeSetup.createStateConfig({
  initial: 'asking',
  states: {
    asking: {
      entry: 'readRecord',
      on: {
        'record.read': '#volume.gathering',
        'record.unreadable': { target: 'resting', actions: ['noteReason', 'noteFailure'] },
      },
    },
    resting: { after: { retryDelay: 'asking' } },
  },
});

const gathering = volumeSetup.createStateConfig({
  initial: 'looking',
  states: {
    looking: {
      entry: ['askMembers', 'surveyMembers'],
      on: {
        'members.changed': { actions: 'surveyMembers' },
        'members.unknown': { actions: 'noteReason' },
        'members.missing': { actions: interrupt },
        'members.complete': '#volume.deciding',
      },
      after: { surveyDelay: { target: 'looking', reenter: true } },
    },
    resting: { after: { retryDelay: 'looking' } },
  },
});

const deciding = volumeSetup.createStateConfig({
  entry: [
    'beginDecision',
    {
      type: 'writeDecision',
      params: ({ context }) => ({ renew: context.deciding === 'wanted' }),
    },
  ],
  on: {
    'record.written': [
      { guard: 'renewalIsWanted', target: '#volume.gathering.looking' },
      { target: 'fencing' },
    ],
    'record.contested': {
      target: '#volume.reading.resting',
      actions: ['keepRenewal', 'noteReason', 'noteFailure'],
    },
    'decision.impossible': {
      target: '#volume.gathering.resting',
      actions: ['keepRenewal', 'noteReason', 'noteFailure'],
    },
  },
});

const fencing = volumeSetup.createStateConfig({
  tags: ['decided'],
  entry: 'assembleDisks',
  exit: 'endRound',
  on: { ...setbacks, 'disks.confirmed': 'loading' },
  after: overdue,
});

const loading = volumeSetup.createStateConfig({
  tags: ['decided'],
  entry: 'loadSwitches',
  exit: 'endRound',
  on: { ...setbacks, 'switches.confirmed': 'settling' },
  after: overdue,
});

/** How long making mirrors equal takes depends on what is unequal: there is no deadline. */
const settling = volumeSetup.createStateConfig({
  tags: ['decided'],
  entry: 'askSettled',
  exit: 'endRound',
  on: { ...setbacks, 'partitions.settled': 'serving' },
});

const serving = volumeSetup.createStateConfig({
  tags: ['decided', 'serving'],
  entry: ['forgetReason', 'publishServing'],
  on: setbacks,
  after: { steadyDelay: { actions: 'forgetFailures' } },
});

export const volumeMachine = volumeSetup.createMachine({
  id: 'volume',
  context: ({ input }) => ({
    volume: input.volume,
    reason: 'it is being looked for in the config database',
    renewal: 'none',
    deciding: 'none',
    failures: 0,
  }),
  initial: 'reading',
  on: { 'trouble.reported': { actions: interrupt } },
  states: { reading, gathering, deciding, fencing, loading, settling, serving },
  options: { maxIterations: 100 },
});
