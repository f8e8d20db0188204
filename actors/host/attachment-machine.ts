/**
 * When a host may use a volume (DESIGN I14): from the asking for an attachment, through control data that names it
 * and says that the volume serves, to draining and letting go. While others are being decided on, what is open waits,
 * and goes on under new numbers as long as it is the same attachment. A lost one is never taken up again: only one that
 * began later counts afterwards, so that nothing sent before can have an effect (DESIGN I12). What control data says
 * beyond the few facts here, and how I/O is refused, held or ended, is left to `attachment`.
 */
import { type AttachmentMachineContext, attachmentSetup } from './attachment-setup.ts';

const closeWithReason = {
  type: 'closeAdmission',
  params: ({ context }: { context: AttachmentMachineContext }) => ({ reason: context.reason }),
} as const;

const sendAttach = {
  type: 'sendAttach',
  params: ({ context }: { context: AttachmentMachineContext }) => ({
    lostEpoch: context.lostEpoch,
  }),
} as const;

const detached = attachmentSetup.createStateConfig({
  on: { 'attach.requested': 'attaching' },
});

const attaching = attachmentSetup.createStateConfig({
  entry: [closeWithReason, sendAttach, 'askControlData'],
  on: {
    'controlData.received': [
      { guard: 'serves', target: 'serving', actions: 'noteControlData' },
      { guard: 'assembles', target: 'assembling', actions: 'noteControlData' },
      { guard: 'isFenced', actions: ['noteReason', closeWithReason, 'endDoubt'] },
      { actions: ['noteReason', closeWithReason] },
    ],
    'request.refused': { actions: ['noteRefusal', closeWithReason] },
    'detach.requested': 'detaching',
  },
  after: { askDelay: { target: 'attaching', reenter: true } },
});

const assembling = attachmentSetup.createStateConfig({
  entry: [closeWithReason, 'askControlData'],
  on: {
    'controlData.received': [
      { guard: 'serves', target: 'serving', actions: 'noteControlData' },
      { guard: 'assembles', actions: ['noteControlData', closeWithReason] },
      { target: 'attaching', actions: 'noteReason' },
    ],
    'detach.requested': 'detaching',
  },
  after: { askDelay: { target: 'assembling', reenter: true } },
});

const endWhatIsOpen = [closeWithReason, 'endOpen', 'noteInterruption'] as const;

/** What control data of another attachment, or of none, means for one that is held: it is over, and so is what is open. */
const goesOnWithoutWhatIsOpen = [
  {
    guard: 'serves',
    target: 'serving',
    reenter: true,
    actions: [...endWhatIsOpen, 'noteControlData'],
  },
  {
    guard: 'assembles',
    target: 'assembling',
    actions: [...endWhatIsOpen, 'noteControlData'],
  },
  {
    guard: 'isFenced',
    target: 'attaching',
    actions: [...endWhatIsOpen, 'noteReason', 'endDoubt'],
  },
  { target: 'attaching', actions: [...endWhatIsOpen, 'noteReason'] },
] as const;

/** How one that is held ends from here. */
const partings = {
  'trouble.met': { target: 'lost', actions: ['noteTrouble', closeWithReason, 'endOpen'] },
  'detach.requested': 'draining',
} as const;

const serving = attachmentSetup.createStateConfig({
  tags: ['serving', 'holding'],
  // What waits has been fenced by what is served now.
  entry: ['endDoubt', 'openAdmission'],
  on: {
    'controlData.received': [
      { guard: 'continues', actions: ['noteControlData', 'adopt'] },
      { guard: 'pauses', target: 'interrupted', actions: 'noteControlData' },
      ...goesOnWithoutWhatIsOpen,
    ],
    ...partings,
  },
});

const interrupted = attachmentSetup.createStateConfig({
  tags: ['holding'],
  entry: ['suspend', 'askControlData'],
  on: {
    'controlData.received': [
      { guard: 'continues', target: 'serving', actions: 'noteControlData' },
      { guard: 'pauses', actions: 'noteControlData' },
      ...goesOnWithoutWhatIsOpen,
    ],
    ...partings,
  },
  after: { askDelay: { target: 'interrupted', reenter: true } },
});

const lost = attachmentSetup.createStateConfig({
  entry: [
    { type: 'reportTrouble', params: ({ context }) => ({ what: context.reason }) },
    sendAttach,
    'askControlData',
  ],
  on: {
    'controlData.received': [
      { guard: 'serves', target: 'serving', actions: 'noteControlData' },
      { guard: 'assembles', target: 'assembling', actions: 'noteControlData' },
      { guard: 'isFenced', actions: 'endDoubt' },
    ],
    'detach.requested': 'detaching',
  },
  after: { askDelay: { target: 'lost', reenter: true } },
});

const draining = attachmentSetup.createStateConfig({
  tags: ['holding'],
  entry: ['noteDetaching', closeWithReason, 'awaitDrained'],
  on: {
    drained: 'flushing',
    'trouble.met': { target: 'detaching', actions: 'endOpen' },
    'controlData.received': [
      { guard: 'continues', actions: ['noteControlData', 'adopt'] },
      { guard: 'pauses', actions: ['noteControlData', 'suspend'] },
      { target: 'detaching', actions: 'endOpen' },
    ],
  },
  after: { drainDelay: { target: 'detaching', actions: 'endOpen' } },
});

const flushing = attachmentSetup.createStateConfig({
  tags: ['holding'],
  entry: 'flushLast',
  on: {
    'flush.ended': 'detaching',
    'trouble.met': { target: 'detaching', actions: 'endOpen' },
    'controlData.received': [
      { guard: 'continues', actions: ['noteControlData', 'adopt'] },
      { guard: 'pauses', actions: ['noteControlData', 'suspend'] },
      { target: 'detaching', actions: 'endOpen' },
    ],
  },
  after: { drainDelay: { target: 'detaching', actions: 'endOpen' } },
});

const detaching = attachmentSetup.createStateConfig({
  entry: ['noteDetaching', closeWithReason, 'sendDetach'],
  on: { 'detach.answered': 'left' },
  after: { detachDelay: 'left' },
});

const left = attachmentSetup.createStateConfig({ tags: ['over'] });

export const attachmentMachine = attachmentSetup.createMachine({
  id: 'attachment',
  context: ({ input }) => ({
    attachEpoch: 0,
    firstEpoch: 0,
    lostEpoch: input.lostEpoch,
    reason: 'it waits for an attachment',
  }),
  initial: 'detached',
  states: {
    detached,
    attaching,
    assembling,
    serving,
    interrupted,
    lost,
    draining,
    flushing,
    detaching,
    left,
  },
  options: { maxIterations: 100 },
});
