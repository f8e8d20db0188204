/**
 * What a run has met, counted: fates of messages by plane, special error codes, transitions of machines, faults. A
 * batch in which something never occurred proves nothing about it: what ought to occur is `expected-coverage`'s.
 */
import { Operation, Status, statusName } from '../../protocols/codes.ts';
import { eventNames } from '../../protocols/events.ts';
import { decodeFrame, FrameKind } from '../../protocols/frames/frame.ts';
import type { Policies } from '../../protocols/topology/policies.ts';
import { policyNames } from './drawn-policies.ts';
import { transitionText } from './machine-transitions.ts';
import type { Message, MessageFate } from './message.ts';

/** How often each thing occurred, by name. */
export type Counts = Record<string, number>;

export interface CoverageCounts {
  /** Runs by the policies that they had. */
  readonly policies: Counts;
  /** Answers of the data plane, by status. */
  readonly codes: Counts;
  /** Reads that got what they asked for, by who answered: `disk`, or the `cache` of a switch. */
  readonly reads: Counts;
  /** How often hosts left a switch for its load, and returned to it. */
  readonly loadMoves: Counts;
  /** What mirrors became, as `stale > resyncing`. */
  readonly mirrors: Counts;
  /** `machine: from > to on event`, over all machines of a kind. */
  readonly transitions: Counts;
  /** Of these, those made while consumers' I/O was open. */
  readonly transitionsInFlight: Counts;
  /** Faults by kind. */
  readonly faults: Counts;
  /** Of these, those that struck while consumers' I/O was open. */
  readonly faultsInFlight: Counts;
  /** Frames of the data plane, by fate. */
  readonly frames: Counts;
}

export function emptyCoverage(): CoverageCounts {
  return {
    policies: {},
    codes: {},
    reads: {},
    loadMoves: {},
    mirrors: {},
    transitions: {},
    transitionsInFlight: {},
    faults: {},
    faultsInFlight: {},
    frames: {},
  };
}

interface TransitionEvent {
  readonly machine: string;
  readonly from: string;
  readonly to: string;
  readonly event: string;
}

interface BalanceEvent {
  readonly avoided: boolean;
}

interface MembershipEvent {
  readonly from: string;
  readonly to: string;
}

/** What mirrors can become; the last of these only where an operator forces it. */
export const mirrorChanges: readonly string[] = [
  'in-sync > stale',
  'in-sync > resyncing',
  'stale > resyncing',
  'resyncing > stale',
  'resyncing > in-sync',
  'stale > in-sync',
];

export const loadMoves = { leaves: 'leaves', returns: 'returns' } as const;

export class Coverage {
  readonly counts = emptyCoverage();
  readonly #openIos: () => number;

  /** @param openIos I/Os of consumers that are open at the moment */
  constructor(policies: Policies, openIos: () => number) {
    this.#openIos = openIos;
    for (const name of policyNames(policies)) count(this.counts.policies, name);
  }

  /** Takes what befell a message. */
  message(fate: MessageFate, message: Message): void {
    const { subject } = message;
    const plane = planeOf(subject);
    if ((plane !== 'io' && plane !== 'rpl') || isCommandReply(subject)) return;
    count(this.counts.frames, fate);
    if (plane === 'rpl' && fate === 'delivered') this.#reply(message);
  }

  /** Takes what an actor publishes on its control connection, whether anybody gets it or not. */
  published(subject: string, data: Uint8Array): void {
    if (planeOf(subject) !== 'evt') return;
    const what = subject.slice(subject.lastIndexOf('.') + 1);
    const body = (): unknown => JSON.parse(Buffer.from(data).toString('utf8'));
    if (what === eventNames.transition) this.#changed(body() as TransitionEvent);
    else if (what === eventNames.balance) this.#balanced(body() as BalanceEvent);
    else if (what === eventNames.membership) this.#mirrorChanged(body() as MembershipEvent);
  }

  #mirrorChanged({ from, to }: MembershipEvent): void {
    count(this.counts.mirrors, `${from} > ${to}`);
  }

  #balanced({ avoided }: BalanceEvent): void {
    count(this.counts.loadMoves, avoided ? loadMoves.leaves : loadMoves.returns);
  }

  #changed({ machine, from, to, event }: TransitionEvent): void {
    const kind = machine.split(':', 1)[0] ?? machine;
    const name = transitionText(kind, from, to, event);
    count(this.counts.transitions, name);
    if (this.#openIos() > 0) count(this.counts.transitionsInFlight, name);
  }

  fault(kind: string, openIos: number): void {
    count(this.counts.faults, kind);
    if (openIos > 0) count(this.counts.faultsInFlight, kind);
  }

  #reply(message: Message): void {
    const isForHost = message.subject.includes('.rpl.hba.');
    const frame = decodeFrame(message.bytes.data);
    if (frame?.kind !== FrameKind.reply) return;
    const { outcome, operation, disk } = frame.reply;
    count(this.counts.codes, statusName(outcome.status));
    // Hosts split everything: no switch answers a read because it had to put it together.
    if (isForHost && operation === Operation.read && outcome.status === Status.ok)
      count(this.counts.reads, disk === '' ? 'cache' : 'disk');
  }
}

export function count(counts: Counts, name: string, times = 1): void {
  counts[name] = (counts[name] ?? 0) + times;
}

export function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

/** Adds `more` to `counts`. */
export function addCounts(counts: Counts, more: Counts): void {
  for (const [name, times] of Object.entries(more)) count(counts, name, times);
}

/** `san.v1.<cluster>.<plane>…` */
function planeOf(subject: string): string {
  const start = subject.indexOf('.', 'san.v1.'.length) + 1;
  return subject.slice(start, start + 3).replace('.', '');
}

/** `….rpl.<kind>.<id>.cmd.<slot>`: an answer to a command. */
function isCommandReply(subject: string): boolean {
  return subject.includes('.cmd.');
}
