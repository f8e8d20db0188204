/**
 * When a volume is assembled and when it serves (DESIGN I3, I4, I5, I14): its record is read, its members are there,
 * the next record is decided and written, every disk has confirmed the new numbers, the coordinators have loaded them
 * and made the mirrors equal; only then are hosts told to go on with what they have open. Any trouble leads back, and
 * from everywhere a way leads to the end (`volume-ending`). Says when; what each step consists of is
 * `volume-assembly`'s, which provides the actions.
 */
import { ended, ending } from './volume-ending.ts';
import { type VolumeMachineContext, volumeSetup } from './volume-setup.ts';

/** Everybody gets new numbers, and hosts are told that what they have open has to wait. */
const hold = [
  'requireRenewal',
  {
    type: 'publishAssembling',
    params: ({ context }: { context: VolumeMachineContext }) => ({ reason: context.reason }),
  },
] as const;
const interrupt = ['noteReason', ...hold] as const;

/** What leads to the end, where nothing is being written. */
const end = {
  'end.requested': { target: '#volume.ending', actions: 'noteEnding' },
} as const;

/** What leads back from every step behind the decision. */
const setbacks = {
  ...end,
  'member.lost': { target: '#volume.gathering.looking', actions: interrupt },
  'trouble.reported': {
    target: '#volume.gathering.resting',
    actions: [...interrupt, 'noteFailure'],
  },
  'attachments.changed': '#volume.gathering.looking',
} as const;

/** A member that was asked for its part of the decision refuses it. */
const refusal = {
  'member.refused': {
    target: '#volume.gathering.resting',
    actions: ['noteReason', 'noteFailure'],
  },
} as const;

const overdue = {
  confirmDeadline: {
    target: '#volume.gathering.resting',
    actions: ['noteOverdue', 'noteUnconfirmed', 'noteFailure'],
  },
} as const;

const reading = volumeSetup.createStateConfig({
  initial: 'asking',
  states: {
    asking: {
      entry: 'readRecord',
      on: {
        'record.read': [
          { guard: 'isDrained', target: '#volume.ending.retiring' },
          { guard: 'isEnding', target: '#volume.ending' },
          '#volume.gathering',
        ],
        'record.unreadable': { target: 'resting', actions: ['noteReason', 'noteFailure'] },
      },
    },
    resting: { after: { retryDelay: 'asking' } },
  },
});

/** What is lacking is known better here than to those who suffer from it. */
const complaint = {
  'trouble.reported': { actions: hold },
} as const;

const gathering = volumeSetup.createStateConfig({
  initial: 'looking',
  on: { ...end, ...complaint },
  states: {
    looking: {
      entry: ['askMembers', 'surveyMembers'],
      on: {
        'members.changed': { actions: 'surveyMembers' },
        'members.unknown': { actions: 'noteReason' },
        'members.missing': { actions: interrupt },
        'members.degraded': { target: 'waiting', actions: [...interrupt, 'noteWait'] },
        'members.complete': '#volume.deciding',
      },
      after: { surveyDelay: { target: 'looking', reenter: true } },
    },
    // Who restarts is back sooner than anything could be copied.
    waiting: { on: { 'members.changed': 'looking' }, after: { graceDelay: 'looking' } },
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
      { guard: 'isEnding', target: '#volume.ending' },
      { guard: 'renewalIsWanted', target: '#volume.gathering.looking' },
      { target: 'fencing' },
    ],
    'record.contested': {
      target: '#volume.reading.resting',
      actions: ['keepRenewal', 'noteReason', 'noteFailure'],
    },
    'decision.impossible': [
      { guard: 'isEnding', target: '#volume.ending' },
      {
        target: '#volume.gathering.resting',
        actions: ['keepRenewal', 'noteReason', 'noteFailure'],
      },
    ],
  },
});

const fencing = volumeSetup.createStateConfig({
  tags: ['decided'],
  entry: 'assembleDisks',
  exit: 'endRound',
  on: {
    ...setbacks,
    'member.refused': {
      target: '#volume.gathering.resting',
      actions: [
        'noteReason',
        'noteFailure',
        {
          type: 'noteRefusal',
          params: ({ event: { member, reason } }) => ({ member, reason }),
        },
      ],
    },
    'disks.confirmed': [
      { guard: 'leasesMayLast', target: 'expiring', actions: 'noteConfirmed' },
      { target: 'loading', actions: 'noteConfirmed' },
    ],
  },
  after: overdue,
});

/** Nobody uses the volume anew before the last read that a cache could still answer for somebody else. */
const expiring = volumeSetup.createStateConfig({
  tags: ['decided'],
  on: setbacks,
  after: { leaseDelay: { target: 'loading', actions: 'noteLeasesOver' } },
});

const loading = volumeSetup.createStateConfig({
  tags: ['decided'],
  entry: 'loadSwitches',
  exit: 'endRound',
  on: {
    ...setbacks,
    ...refusal,
    'switches.confirmed': { target: 'settling', actions: 'noteInForce' },
  },
  after: overdue,
});

/** How long making mirrors equal takes depends on what is unequal: there is no deadline. */
const settling = volumeSetup.createStateConfig({
  tags: ['decided'],
  entry: 'askSettled',
  exit: 'endRound',
  on: {
    ...setbacks,
    'partitions.settled': { target: 'serving', actions: 'noteEqual' },
    'hosts.silent': {
      target: '#volume.gathering.looking',
      actions: [
        'noteReason',
        'requireRenewal',
        {
          type: 'noteSilent',
          params: ({ event: { hosts, reporter } }) => ({ hosts, reporter }),
        },
      ],
    },
  },
});

const serving = volumeSetup.createStateConfig({
  tags: ['decided', 'serving'],
  entry: ['forgetReason', 'publishServing', 'watchResync'],
  exit: 'endResyncWatch',
  on: {
    ...setbacks,
    'mirrors.resynced': { actions: 'noteResynced' },
    'move.wanted': { target: 'yielding', actions: 'noteReason' },
  },
  after: { steadyDelay: { actions: 'forgetFailures' } },
});

/** A planned move: hosts are not told before what is open has had its time to end. */
const yielding = volumeSetup.createStateConfig({
  tags: ['decided', 'serving'],
  entry: 'askYield',
  exit: 'endRound',
  on: {
    ...setbacks,
    'partitions.yielded': { target: '#volume.gathering.looking', actions: interrupt },
  },
  after: { yieldDeadline: { target: '#volume.gathering.looking', actions: interrupt } },
});

export const volumeMachine = volumeSetup.createMachine({
  id: 'volume',
  context: ({ input }) => ({
    volume: input.volume,
    reason: 'it is being looked for in the config database',
    renewal: 'none',
    deciding: 'none',
    failures: 0,
    waitMs: 0,
    isEnding: false,
    isDrained: false,
  }),
  initial: 'reading',
  on: {
    'trouble.reported': { actions: interrupt },
    // What is being read or written is waited for: the end is the next thing to be written.
    'end.requested': { actions: 'noteEnding' },
  },
  states: {
    reading,
    gathering,
    deciding,
    fencing,
    expiring,
    loading,
    settling,
    serving,
    yielding,
    ending,
    ended,
  },
  options: { maxIterations: 100 },
});
