/**
 * The words of the attachment machine: what it remembers, what it is told, and what it asks of `attachment`. Which
 * follows on which is said in `attachment-machine`.
 */
import { assign, setup } from 'xstate';

export interface AttachmentMachineContext {
  /** Of the attachment that was served last; 0 for none. */
  readonly attachEpoch: number;
  /** The one that it began with; 0 for none. */
  readonly firstEpoch: number;
  /**
   * The highest epoch under which an I/O was ended with nobody knowing its result, or that was let go: no attachment
   * is taken up again.
   */
  readonly lostEpoch: number;
  /** Why the volume is not served, for people. */
  readonly reason: string;
}

/** What a piece of control data means for this attachment. */
export interface ControlDataReceived {
  readonly type: 'controlData.received';
  /** Of this process; 0 when the decision does not name it. */
  readonly attachEpoch: number;
  readonly firstEpoch: number;
  readonly state: 'assembling' | 'serving';
  readonly reason: string;
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

/** It speaks of the attachment that is being served: what is open may go on. */
function isSame(context: AttachmentMachineContext, event: ControlDataReceived): boolean {
  return event.firstEpoch !== 0 && event.firstEpoch === context.firstEpoch;
}

/** The lost epoch once everything open has ended because of this control data. */
function lostEpochAfter(context: AttachmentMachineContext, event: ControlDataReceived): number {
  return event.hasOpenWrites ? Math.max(context.lostEpoch, context.attachEpoch) : context.lostEpoch;
}

export const attachmentSetup = setup({
  types: {
    context: {} as AttachmentMachineContext,
    events: {} as AttachmentMachineEvent,
    input: {} as Pick<AttachmentMachineContext, 'lostEpoch'>,
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
    /** Port: all open I/O ends with an error, as soon as it cannot take effect any more. */
    endOpen: () => {},
    /** Port: nothing that was sent under a lost epoch takes effect any more. */
    endDoubt: () => {},
    /** Port: the latest control data counts for I/O that is open, too, and that goes on. */
    adopt: () => {},
    /** Port: nothing is sent until `adopt`; I/O is still taken, and waits. */
    suspend: () => {},
    /** Port: `drained` once nothing is open; at once when nothing is. */
    awaitDrained: () => {},
    /** Port: makes durable what was acknowledged; `flush.ended` follows, however it went. */
    flushLast: () => {},
    sendDetach: () => {},
    noteControlData: assign(({ context, event }) => {
      if (event.type !== 'controlData.received') return {};
      const reason = event.reason !== '' || event.attachEpoch !== 0 ? event.reason : context.reason;
      const { attachEpoch, firstEpoch } = event;
      return { attachEpoch, firstEpoch, reason };
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
      event.firstEpoch > lostEpochAfter(context, event) &&
      event.state === 'serving',
    assembles: ({ context, event }) =>
      event.type === 'controlData.received' &&
      event.firstEpoch > lostEpochAfter(context, event) &&
      event.state === 'assembling',
    /** It counts, and everything that was sent before is fenced: no epoch of then is served. */
    isFenced: ({ context, event }) =>
      event.type === 'controlData.received' && event.state === 'serving' && !isSame(context, event),
    /** Open I/O may go on under it. */
    continues: ({ context, event }) =>
      event.type === 'controlData.received' && isSame(context, event) && event.state === 'serving',
    /** Open I/O has to wait. */
    pauses: ({ context, event }) =>
      event.type === 'controlData.received' &&
      isSame(context, event) &&
      event.state === 'assembling',
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
