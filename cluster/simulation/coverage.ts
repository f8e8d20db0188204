/**
 * What a run has met, counted: fates of messages by plane, special error codes, transitions of machines, faults. A
 * batch in which something never occurred proves nothing about it.
 */
import { statusName } from '../../protocols/codes.ts';
import { decodeFrame, FrameKind } from '../../protocols/frames/frame.ts';
import type { Message, MessageFate } from './message.ts';

/** How often each thing occurred, by name. */
export type Counts = Record<string, number>;

export interface CoverageCounts {
  /** Answers of the data plane, by status. */
  readonly codes: Counts;
  /** `machine: from > to`, over all machines of a kind. */
  readonly transitions: Counts;
  /** Faults by kind. */
  readonly faults: Counts;
  /** Of these, those that struck while consumers' I/O was open. */
  readonly faultsInFlight: Counts;
  /** Frames of the data plane, by fate. */
  readonly frames: Counts;
}

interface TransitionEvent {
  readonly machine: string;
  readonly from: string;
  readonly to: string;
}

export class Coverage implements CoverageCounts {
  readonly codes: Counts = {};
  readonly transitions: Counts = {};
  readonly faults: Counts = {};
  readonly faultsInFlight: Counts = {};
  readonly frames: Counts = {};
  /** An event has many receivers, and counts once. */
  readonly #seenEvents = new WeakSet<Message>();

  /** Takes what befell a message. */
  message(fate: MessageFate, message: Message): void {
    const { subject } = message;
    const plane = planeOf(subject);
    if (plane === 'io' || plane === 'rpl') {
      if (isCommandReply(subject)) return;
      count(this.frames, fate);
      if (plane === 'rpl' && fate === 'delivered') this.#reply(message);
    } else if (plane === 'evt' && subject.endsWith('.transition')) this.#transition(message);
  }

  fault(kind: string, isInFlight: boolean): void {
    count(this.faults, kind);
    if (isInFlight) count(this.faultsInFlight, kind);
  }

  #reply(message: Message): void {
    const frame = decodeFrame(message.bytes.data);
    if (frame?.kind === FrameKind.reply) count(this.codes, statusName(frame.reply.outcome.status));
  }

  #transition(message: Message): void {
    if (this.#seenEvents.has(message)) return;
    this.#seenEvents.add(message);
    const text = Buffer.from(message.bytes.data).toString('utf8');
    const { machine, from, to } = JSON.parse(text) as TransitionEvent;
    const kind = machine.split(':', 1)[0] ?? machine;
    count(this.transitions, `${kind}: ${from === '' ? '(start)' : from} > ${to}`);
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
