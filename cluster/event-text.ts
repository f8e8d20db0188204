/** Events as people read them: when, who, what kind, and what happened, in columns. */
import { decodeJson } from '../actors/json.ts';
import { assertNever } from '../protocols/codes.ts';
import {
  balanceSchema,
  type EventBody,
  eventNames,
  eventSchema,
  membershipSchema,
  suspicionSchema,
  transitionSchema,
} from '../protocols/events.ts';
import { faultText as askedForText, faultSchema } from '../protocols/faults.ts';
import { type ActorAddress, supervisorAddress } from '../protocols/ids.ts';
import { senderOf } from '../protocols/subjects.ts';
import { sizeText } from '../protocols/topology/sizes.ts';
import { oneLine } from './one-line.ts';

export interface CameEvent {
  readonly sender: ActorAddress;
  /** One of `eventNames`; others may come from a newer version. */
  readonly what: string;
  readonly body: EventBody;
}

/** Reads a message on an event subject; null for what is no event. */
export function readEvent(subject: string, data: Uint8Array): CameEvent | null {
  const from = senderOf(subject);
  const parsed = eventSchema.safeParse(decodeJson(data));
  if (from === null || from.what === '' || !parsed.success) return null;
  return { sender: from.sender, what: from.what, body: parsed.data };
}

/** False for what happens all the time: that a failed link is looked at again. What it is found to be, is news. */
export function isNews({ what, body }: CameEvent): boolean {
  const { machine, from, to } = body as Fields;
  if (what !== eventNames.transition || !text(machine).startsWith('path:')) return true;
  return to !== 'probing' && !(from === 'probing' && to === 'failed');
}

/** `21:04:05.123  switch s1         transition  coordinator vol0/1  settling → serving  (partition.settled)` */
export function eventLine({ sender, what, body }: CameEvent): string {
  return lineOf(body.timeMs, sender, what, detailOf(sender, what, body));
}

/** The line that says that events of an actor did not come. */
export function missedLine(timeMs: number, sender: ActorAddress, count: number): string {
  const events = count === 1 ? '1 event was' : `${count} events were`;
  return lineOf(timeMs, sender, 'missed', `${events} told and did not come`);
}

function lineOf(timeMs: number, sender: ActorAddress, kind: string, detail: string): string {
  const isSupervisor = sender.kind === supervisorAddress.kind && sender.id === supervisorAddress.id;
  const who = isSupervisor ? 'supervisor' : `${sender.kind} ${sender.id}`;
  return oneLine(`${timeText(timeMs)}  ${who.padEnd(16)}  ${kind.padEnd(10)}  ${detail}`.trimEnd());
}

/** Time of day where the reader is. */
function timeText(timeMs: number): string {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) return '??:??:??.???';
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

type Fields = Readonly<Record<string, unknown>>;

function detailOf(sender: ActorAddress, what: string, body: EventBody): string {
  switch (what) {
    case eventNames.transition:
      return transitionText(sender, body);
    case eventNames.decision:
      return decisionText(body);
    case eventNames.fault:
      return faultText(body);
    case eventNames.exited:
      return exitedText(body);
    case eventNames.hello:
      return `is there, ${text(body.state)}`;
    case eventNames.goodbye:
      return 'ends, as it was asked to';
    case eventNames.settled:
      return settledText(body);
    case eventNames.mirrorRetry:
      return mirrorRetryText(body);
    case eventNames.repair:
      return repairText(body);
    case eventNames.failover:
      return failoverText(body);
    case eventNames.balance:
      return balanceText(body);
    case eventNames.suspicion:
      return suspicionText(body);
    case eventNames.membership:
      return membershipText(body);
    case eventNames.exports:
      return 'hosts serve other exports than before';
    default:
      return remaining(body, []);
  }
}

const machineWidth = 18;
const moveWidth = 32;

function transitionText(sender: ActorAddress, body: EventBody): string {
  const parsed = transitionSchema.safeParse(body);
  if (!parsed.success) return remaining(body, []);
  const { machine, from, to, event, reason } = parsed.data;
  const [kind = machine, subject] = machine.split(':', 2);
  const name = subject === undefined || subject === sender.id ? kind : `${kind} ${subject}`;
  const move = from === '' ? `starts ${to}` : `${from} → ${to}`;
  const cause = event === '' ? '' : `(${event})`;
  const why = [cause, reason].filter((each) => each !== '').join('  ');
  return `${name.padEnd(machineWidth)}  ${move.padEnd(moveWidth)}  ${why}`;
}

function decisionText(body: EventBody): string {
  const { volume, what, generation, partitions, attachments, reason, tookMs } = body as Fields;
  if (typeof tookMs === 'number')
    return `volume ${text(volume)} ${text(what)}, ${tookMs} ms after: ${text(reason)}; generation ${text(generation)}`;
  const coordinators = listOf(partitions).map(
    ({ partition, coordinator, epoch }) =>
      `${text(partition)} by ${text(coordinator)} (epoch ${text(epoch)})`,
  );
  const hosts = listOf(attachments).map(
    ({ host, mode, attachEpoch }) => `${text(host)} ${text(mode)} (epoch ${text(attachEpoch)})`,
  );
  const known = ['volume', 'what', 'generation', 'partitions', 'attachments'];
  const numbers = ['controlEpoch', 'lastEpoch'];
  return [
    `volume ${text(volume)} ${text(what)}`,
    generation === undefined ? '' : `generation ${text(generation)}`,
    coordinators.length === 0 ? '' : `partition ${coordinators.join(', ')}`,
    hosts.length === 0 ? '' : `attached ${hosts.join(', ')}`,
    remaining(body, [...known, ...numbers]),
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** Which mirror became what, and why. */
function membershipText(body: EventBody): string {
  const parsed = membershipSchema.safeParse(body);
  if (!parsed.success) return remaining(body, []);
  const { volume, set, mirror, disks, from, to, eventCount, reason } = parsed.data;
  const name = disks.length === 0 ? `mirror ${mirror}` : `mirror on ${disks.join(', ')}`;
  const why = reason === '' ? '' : `: ${reason}`;
  return `volume ${volume}: ${name} of ${set} is ${to} (was ${from}), event count ${eventCount}${why}`;
}

/** A fault that an operator asked for, or one that nobody did. */
function faultText(body: EventBody): string {
  const { sequence: _, incarnation: __, timeMs: ___, what, ...fields } = body as Fields;
  const askedFor = faultSchema.safeParse(fields);
  if (askedFor.success) return `${text(what)} ${askedForText(askedFor.data)}`;
  const { volume, reason } = fields;
  const about = volume === undefined ? '' : `volume ${text(volume)}: `;
  const why = reason === undefined ? '' : `: ${text(reason)}`;
  const rest = remaining(body, ['what', 'volume', 'reason', 'reporter', 'generation']);
  return `${about}${text(what)}${why}${rest === '' ? '' : ` (${rest})`}`;
}

function exitedText(body: EventBody): string {
  const { node, actors, code, signal, unexpected } = body as Fields;
  const gone = listOf(actors).map(({ kind, id }) => `${text(kind)} ${text(id)}`);
  const how =
    typeof signal === 'string' ? `was ended by ${signal}` : `ended with code ${text(code)}`;
  const next = unexpected === true ? '; it is started again' : '';
  return `node ${text(node)} ${how}: ${gone.join(', ')} gone${next}`;
}

/** What was seen, what was decided, what was re-issued, how long it took. */
function failoverText(body: EventBody): string {
  const { subject, seen, decided, hba, route, hit, reissues, tookMs } = body as Fields;
  const way =
    Array.isArray(route) && route.length > 0 ? `: ${text(hba)} over ${route.join(', ')}` : '';
  return `${text(subject)}: ${text(seen)}; ${text(decided)}${way}; ${text(hit)} I/Os hit, ${text(reissues)} re-issues; over after ${text(tookMs)} ms`;
}

function balanceText(body: EventBody): string {
  const parsed = balanceSchema.safeParse(body);
  if (!parsed.success) return remaining(body, []);
  const { switch: id, avoided, reason, ios } = parsed.data;
  const moved = ios === undefined ? '' : `; ${ios} I/Os have gone other ways since`;
  const does = avoided
    ? `${ios === undefined ? '' : 'still '}avoid switch ${id}`
    : `use switch ${id} again`;
  return `paths ${does}: ${reason}${moved}`;
}

/** What was seen of a silent actor, with the numbers that were weighed. */
function suspicionText(body: EventBody): string {
  const parsed = suspicionSchema.safeParse(body);
  if (!parsed.success) return remaining(body, []);
  const { suspect, verdict, cause, pings, witnesses, ...times } = parsed.data;
  const [silentMs, patienceMs, usuallyLateMs] = [
    times.silentMs,
    times.patienceMs,
    times.usuallyLateMs,
  ].map((ms) => `${Math.round(ms)} ms`);
  const name = `${suspect.kind} ${suspect.id}`;
  const usual = `heartbeats usually less than ${usuallyLateMs} late`;
  switch (verdict) {
    case 'suspected':
      return `${name} may be silent: ${cause}; nothing heard for ${silentMs}, ${usual}, given ${patienceMs}`;
    case 'cleared':
      return `${name} is not silent: heard of after ${silentMs} and ${pings} pings (${cause})`;
    case 'silent':
      return `${name} is silent and counts as gone: nothing heard for ${silentMs}, ${pings} pings unanswered that ${witnesses} others were asked, too; ${usual} (${cause})`;
    case 'deaf':
      return `${name} answers pings, but no I/O: ${cause}, while other switches answer; it is not to coordinate for now`;
    default:
      return assertNever(verdict, 'verdict');
  }
}

function settledText(body: EventBody): string {
  const { volume, settled, problem, remainingBytes, comparedBytes, copiedBlocks } = body as Fields;
  const trouble = typeof problem === 'string' && problem !== '' ? `, trouble: ${problem}` : '';
  const rest = settled === true ? '' : `, ${size(remainingBytes)} to do`;
  const soFar = `so far ${size(comparedBytes)} compared, ${text(copiedBlocks)} blocks copied`;
  const state = settled === true ? 'mirrors are equal' : 'not settled';
  return `volume ${text(volume)}: ${state}; ${soFar}${rest}${trouble}${resyncText(body.resync)}`;
}

/** Nothing where no mirror is made good again. */
function resyncText(resync: unknown): string {
  if (typeof resync !== 'object' || resync === null) return '';
  const { totalBytes, remainingBytes, copiedBlocks, isDone, problem } = resync as Fields;
  if (typeof totalBytes !== 'number' || totalBytes === 0) return '';
  const copied = `${text(copiedBlocks)} blocks copied`;
  if (isDone === true) return `; the resync of ${size(totalBytes)} is done, ${copied}`;
  const why = typeof problem === 'string' && problem !== '' ? `, it waits: ${problem}` : '';
  return `; resync: ${size(remainingBytes)} of ${size(totalBytes)} to do, ${copied}${why}`;
}

function mirrorRetryText(body: EventBody): string {
  const { volume, offset, lengthBytes, failed, readFrom } = body as Fields;
  const disks = Array.isArray(failed) ? failed.map(text).join(', ') : text(failed);
  const how = readFrom === '' ? 'no mirror is left' : `read from ${text(readFrom)} instead`;
  return `${placeText(volume, offset, lengthBytes)}: ${disks} could not be read; ${how}`;
}

function repairText(body: EventBody): string {
  const { volume, offset, lengthBytes, outcome, disks, source, reason } = body as Fields;
  const bad = Array.isArray(disks) ? disks.map(text).join(', ') : text(disks);
  const how =
    outcome === 'repaired' ? `repaired on ${bad} from ${text(source)}` : `not repaired on ${bad}`;
  const why = outcome === 'repaired' ? '' : `, all is kept as it is: ${text(reason)}`;
  return `${placeText(volume, offset, lengthBytes)}: ${how}${why}`;
}

function placeText(volume: unknown, offset: unknown, lengthBytes: unknown): string {
  return `volume ${text(volume)}, ${size(lengthBytes)} at ${size(offset)}`;
}

/** What is not named yet, so that a field that this version does not know is shown all the same. */
function remaining(body: EventBody, named: readonly string[]): string {
  const known = ['sequence', 'incarnation', 'timeMs', ...named];
  return Object.entries(body)
    .filter(([name]) => !known.includes(name))
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ');
}

function listOf(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each) => typeof each === 'object' && each !== null);
}

function size(value: unknown): string {
  return typeof value === 'number' ? sizeText(value) : text(value);
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
