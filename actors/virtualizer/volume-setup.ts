/**
 * The words of the volume machine: what it remembers, what it is told, and what it asks of `volume-assembly`. Which
 * follows on which is said in `volume-machine` and, for the end of a volume, in `volume-ending`.
 */
import { assign, setup } from 'xstate';
import type { ActorAddress, HostId, SwitchId } from '../../protocols/ids.ts';
import { leaseWaitMs } from '../../protocols/leases.ts';

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
  /** For members that may be back soon. */
  readonly waitMs: number;
  /** It is being deleted. */
  readonly isEnding: boolean;
  /** Hosts have left, or have had their time: not twice, however often its end must be written anew. */
  readonly isDrained: boolean;
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
  /** The volume can go on without those that are missing, and waits for them so long. */
  | (WithReason<'members.degraded'> & { readonly waitMs: number })
  | { readonly type: 'record.written' }
  /** Somebody else wrote, or nobody knows whether the write arrived. */
  | WithReason<'record.contested'>
  /** There is no decision to be made of what is there. */
  | WithReason<'decision.impossible'>
  /** `leasesMayLast`: caches may still answer reads of an attachment that was taken away. */
  | { readonly type: 'disks.confirmed'; readonly leasesMayLast: boolean }
  | { readonly type: 'switches.confirmed' }
  | { readonly type: 'partitions.settled' }
  /** What is resyncing is equal to what is in sync, and durable, as far as all coordinators know. */
  | { readonly type: 'mirrors.resynced' }
  /** Hosts do not say what they have open: it is to be decided without them, or without the coordinator that asked. */
  | (WithReason<'hosts.silent'> & {
      readonly hosts: readonly HostId[];
      /** The coordinator that waits for them. */
      readonly reporter: SwitchId;
    })
  | (WithReason<'member.refused'> & { readonly member: ActorAddress })
  /** What the last decision was made for is not there any more. */
  | WithReason<'member.lost'>
  | WithReason<'trouble.reported'>
  /** Other hosts are to be attached than the last decision says. */
  | { readonly type: 'attachments.changed' }
  /** Other switches are to coordinate partitions, or mirrors are better than was decided, while all is well. */
  | WithReason<'move.wanted'>
  /** Nothing is open at the coordinators any more, and they take nothing new. */
  | { readonly type: 'partitions.yielded' }
  /** The volume is to be deleted; it cannot be taken back. */
  | { readonly type: 'end.requested' }
  /** No host holds it any more that could still use it. */
  | { readonly type: 'hosts.left' }
  /** Every disk that is there has forgotten it. */
  | { readonly type: 'disks.forgot' }
  | { readonly type: 'switches.forgot' };

export const failuresMax = 6;
const retryMsMin = 50;
const surveyMs = 1000;
/** A disk or switch that is there and does not do what it is asked gets another decision after this. */
const confirmMsMax = 10_000;
/** A volume that served for this long has left its former failures behind. */
const steadyMs = 5000;
/** A planned move waits so long for what is open to end; then it is like any other one. */
const yieldMsMax = 500;
const hostsMs = 500;
/** Longer than a host takes that drains, flushes and leaves: one that has not left by then is cut off. */
const hostsMsMax = 15_000;

export const volumeSetup = setup({
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
    /** Port: what caches could still answer is over. */
    noteLeasesOver: () => {},
    loadSwitches: () => {},
    askSettled: () => {},
    /** Port: asks the coordinators how far they are with what is resyncing; `mirrors.resynced` follows, if anything is. */
    watchResync: () => {},
    endResyncWatch: () => {},
    /** Port: what was resyncing may be in sync in the next decision. */
    noteResynced: () => {},
    /** Port: the next decision goes on without disks that are there and have not confirmed. */
    noteUnconfirmed: () => {},
    /** Port: who refuses again and again is gone on without. */
    noteRefusal: (_, _params: { member: ActorAddress; reason: string }) => {},
    noteConfirmed: () => {},
    noteInForce: () => {},
    /** Port: the coordinators are to end what is open, and to take nothing new. */
    askYield: () => {},
    /** Port: the mirrors are equal, as far as all coordinators know. */
    noteEqual: () => {},
    /** Port: the next decision goes on without these hosts, or without the coordinator that hears nothing of them. */
    noteSilent: (_, _params: { hosts: readonly HostId[]; reporter: SwitchId }) => {},
    /** Port: looks whether a host may still use the volume; `hosts.left` when none does. */
    surveyHosts: () => {},
    /** Port: ends the record; `record.written` or `record.contested` follows. */
    writeEnd: () => {},
    forgetAtDisks: () => {},
    unloadSwitches: () => {},
    /** Port: the volume is no more. */
    publishEnd: () => {},
    noteEnding: assign({ isEnding: true, reason: 'it is being deleted' }),
    noteDrained: assign({ isDrained: true }),
    /** Port: ends what `assembleDisks`, `loadSwitches`, `askSettled` or the like began. */
    endRound: () => {},
    /** Port: tells the attached hosts that nothing goes on. Safety does not rest on it: the fences hold. */
    publishAssembling: (_, _params: { reason: string }) => {},
    publishServing: () => {},
    noteReason: assign({
      reason: ({ context, event }) => ('reason' in event ? event.reason : context.reason),
    }),
    noteWait: assign({
      waitMs: ({ context, event }) =>
        event.type === 'members.degraded' ? event.waitMs : context.waitMs,
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
    isEnding: ({ context }) => context.isEnding,
    isDrained: ({ context }) => context.isDrained,
    leasesMayLast: ({ event }) => event.type === 'disks.confirmed' && event.leasesMayLast,
  },
  delays: {
    retryDelay: ({ context }) => retryMsMin * 2 ** context.failures,
    surveyDelay: surveyMs,
    graceDelay: ({ context }) => context.waitMs,
    leaseDelay: leaseWaitMs,
    confirmDeadline: confirmMsMax,
    steadyDelay: steadyMs,
    yieldDeadline: yieldMsMax,
    hostsDelay: hostsMs,
    hostsDeadline: hostsMsMax,
  },
});
