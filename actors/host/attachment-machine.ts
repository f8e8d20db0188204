/**
 * When a host may use a volume (DESIGN I14): from the asking for an attachment, through control data that names it
 * and says that the volume serves, to draining and letting go. A lost attachment is never taken up again: only a
 * higher attach epoch counts afterwards, so that nothing sent before can have an effect (DESIGN I12). What control
 * data says beyond the few facts here, and how I/O is refused or ended, is left to `attachment`.
 */
import { assign, setup } from 'xstate';

export interface AttachmentMachineContext {
  /** Of the attachment that was served last; 0 for none. */
  readonly attachEpoch: number;
  /** The highest epoch under which an I/O was ended with nobody knowing its result. */
  readonly lostEpoch: number;
  /** Why the volume is not served, for people. */
  readonly reason: string;
}

/** What a piece of control data means for this attachment. */
export interface ControlDataReceived {
  readonly type: 'controlData.received';
  /** Of this process; 0 when the decision does not name it. */
  readonly attachEpoch: number;
  readonly state: 'assembling' | 'serving';
  readonly reason: string;
  /** The numbers that open I/O was sent under are not those of now. */
  readonly epochsChanged: boolean;
  /** Writes are open whose result would not be known if they ended now. */
  readonly hasOpenWrites: boolean;
}

export type AttachmentMachineEvent =
  | { readonly type: 'attach.requested' }
  /** The virtualizer said no, or not yet, and why. */
  | { readonly type: 'request.refused'; readonly message: string }
  | ControlDataReceived
  | { readonly type: 'trouble.met'; readonly what: string }
  | { readonly type: 'detach.requested' }
  /** No I/O is open any more. */
  | { readonly type: 'drained' }
  | { readonly type: 'flush.ended' }
  | { readonly type: 'detach.answered' };

/** The lost epoch once everything open has ended because of this control data. */
function lostEpochAfter(context: AttachmentMachineContext, event: ControlDataReceived): number {
  return event.hasOpenWrites ? Math.max(context.lostEpoch, context.attachEpoch) : context.lostEpoch;
}

const attachmentSetup = setup({
  types: {
    context: {} as AttachmentMachineContext,
    events: {} as AttachmentMachineEvent,
  },
  actions: {
    /** Port: asks the virtualizer for an attachment with an epoch above `lostEpoch`. */
    sendAttach: (_, _params: { lostEpoch: number }) => {},
    askControlData: () => {},
    /** Port: tells the virtualizer that the volume as it is assembled cannot go on. */
    reportTrouble: (_, _params: { what: string }) => {},
    /** Port: I/O is taken from now on, under the latest control data. */
    openAdmission: () => {},
    /** Port: I/O that begins from now on ends with an error at once. */
    closeAdmission: (_, _params: { reason: string }) => {},
    /** Port: all open I/O ends with an error. */
    endOpen: () => {},
    /** Port: the latest control data counts for I/O that is open, too. */
    adopt: () => {},
    /** Port: `drained` once nothing is open; at once when nothing is. */
    awaitDrained: () => {},
    /** Port: makes durable what was acknowledged; `flush.ended` follows, however it went. */
    flushLast: () => {},
    sendDetach: () => {},
    noteControlData: assign(({ context, event }) => {
      if (event.type !== 'controlData.received') return {};
      const reason = event.reason !== '' || event.attachEpoch !== 0 ? event.reason : context.reason;
      return { attachEpoch: event.attachEpoch, reason };
    }),
    noteReason: assign(({ event }) =>
      event.type === 'controlData.received' && event.reason !== '' ? { reason: event.reason } : {},
    ),
    noteRefusal: assign(({ event }) =>
      event.type === 'request.refused' && event.message !== '' ? { reason: event.message } : {},
    ),
    noteInterruption: assign(({ context, event }) =>
      event.type === 'controlData.received' ? { lostEpoch: lostEpochAfter(context, event) } : {},
    ),
    noteTrouble: assign(({ context, event }) =>
      event.type === 'trouble.met'
        ? { lostEpoch: Math.max(context.lostEpoch, context.attachEpoch), reason: event.what }
        : {},
    ),
    noteDetaching: assign({ reason: 'the host is letting go of it' }),
  },
  guards: {
    /** It names this process with an epoch under which nothing was lost, and serves. */
    serves: ({ context, event }) =>
      event.type === 'controlData.received' &&
      event.attachEpoch > lostEpochAfter(context, event) &&
      event.state === 'serving',
    assembles: ({ context, event }) =>
      event.type === 'controlData.received' &&
      event.attachEpoch > lostEpochAfter(context, event) &&
      event.state === 'assembling',
    /** Open I/O may go on under it. */
    continues: ({ event }) =>
      event.type === 'controlData.received' &&
      event.attachEpoch !== 0 &&
      event.state === 'serving' &&
      !event.epochsChanged,
  },
  delays: {
    /** Requests and answers may be lost: each is repeated. */
    askDelay: 200,
    /** Letting go waits this long for what is under way, and as long again for the last flush. */
    drainDelay: 5000,
    /** A virtualizer that does not answer gets a lease's time, and no more. */
    detachDelay: 1000,
  },
});

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

const serving = attachmentSetup.createStateConfig({
  tags: ['serving'],
  entry: 'openAdmission',
  on: {
    'controlData.received': [
      { guard: 'continues', actions: ['noteControlData', 'adopt'] },
      {
        guard: 'serves',
        target: 'serving',
        reenter: true,
        actions: [closeWithReason, 'endOpen', 'noteInterruption', 'noteControlData'],
      },
      {
        guard: 'assembles',
        target: 'assembling',
        actions: [closeWithReason, 'endOpen', 'noteInterruption', 'noteControlData'],
      },
      {
        target: 'attaching',
        actions: [closeWithReason, 'endOpen', 'noteInterruption', 'noteReason'],
      },
    ],
    'trouble.met': {
      target: 'lost',
      actions: ['noteTrouble', closeWithReason, 'endOpen'],
    },
    'detach.requested': 'draining',
  },
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
    ],
    'detach.requested': 'detaching',
  },
  after: { askDelay: { target: 'lost', reenter: true } },
});

const draining = attachmentSetup.createStateConfig({
  entry: ['noteDetaching', closeWithReason, 'awaitDrained'],
  on: {
    drained: 'flushing',
    'trouble.met': { target: 'detaching', actions: 'endOpen' },
    'controlData.received': [
      { guard: 'continues', actions: 'adopt' },
      { target: 'detaching', actions: 'endOpen' },
    ],
  },
  after: { drainDelay: { target: 'detaching', actions: 'endOpen' } },
});

const flushing = attachmentSetup.createStateConfig({
  entry: 'flushLast',
  on: {
    'flush.ended': 'detaching',
    'trouble.met': { target: 'detaching', actions: 'endOpen' },
    'controlData.received': [
      { guard: 'continues', actions: 'adopt' },
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
  context: {
    attachEpoch: 0,
    lostEpoch: 0,
    reason: 'it waits for an attachment',
  },
  initial: 'detached',
  states: { detached, attaching, assembling, serving, lost, draining, flushing, detaching, left },
  options: { maxIterations: 100 },
});
