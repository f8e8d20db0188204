/** A message in the simulated network, what can become of it, and who may watch. */
import type { MessageBytes } from './message-bytes.ts';

export interface Message {
  /** The publishing connection, `process/role`. */
  readonly from: string;
  readonly subject: string;
  /** '' when there is none. */
  readonly replySubject: string;
  readonly bytes: MessageBytes;
}

export const messageFates = [
  /** A subscriber got it. */
  'delivered',
  /** A subscriber got it once more. */
  'repeated',
  /** Its publisher was told that nobody listens. */
  'no-responders',
  /** Nobody listens, and nobody asked to be told. */
  'unheard',
  /** Chance lost it. */
  'lost',
  /** A connection on its way ended before it was through. */
  'cut',
  /** A partition was on its way. */
  'partitioned',
  /** The subscription was cancelled while it was on its way. */
  'cancelled',
  /** Its receiver was killed before. */
  'dead',
] as const;

export type MessageFate = (typeof messageFates)[number];

/** What a delivery that succeeds is. */
export type DeliveryKind = 'delivered' | 'repeated' | 'no-responders';

/** How often each fate befell a message, and what befell connections. */
export interface NetworkCounters extends Record<MessageFate, number> {
  published: number;
  /** Connections made, first ones and later ones. */
  connects: number;
  /** Connections that ended without having been closed. */
  disconnects: number;
  /** Connections that the server ended because too much waited for them. */
  slowReceivers: number;
  /** Exceptions that subscribers threw. */
  handlerErrors: number;
}

/** Called for each fate. `to` is the receiving connection, or '' when there is none. Must not keep `message`. */
export type NetworkObserver = (
  fate: MessageFate,
  message: Message,
  to: string,
  atMs: number,
) => void;

export function newNetworkCounters(): NetworkCounters {
  const fates = Object.fromEntries(messageFates.map((fate) => [fate, 0]));
  return {
    ...(fates as Record<MessageFate, number>),
    published: 0,
    connects: 0,
    disconnects: 0,
    slowReceivers: 0,
    handlerErrors: 0,
  };
}

/** One line of a trace: time, fate, who to whom, subject, length in bytes. */
export function traceLineOf(fate: MessageFate, message: Message, to: string, atMs: number): string {
  const reply = message.replySubject === '' ? '' : ` reply ${message.replySubject}`;
  const lengthBytes = message.bytes.data.length;
  return `${atMs.toFixed(4)} ${fate} ${message.from} > ${to} ${message.subject}${reply} ${lengthBytes}`;
}
