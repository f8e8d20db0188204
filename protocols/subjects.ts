/**
 * Every subject of Sanctor is built and read here (DESIGN §4). All tokens are ids, checked before they get here.
 */
import type { ActorAddress, ActorKind, ClusterId, HostId, LinkId, VolumeId } from './ids.ts';
import { actorKinds, isId } from './ids.ts';

const root = 'san.v1';

/** The subjects of one cluster. */
export interface Subjects {
  /** Data plane: frames that travel over `link` to the actor. */
  io(receiver: ActorAddress, link: LinkId): string;
  /** Replies to slot `slot` of the actor; also where the bus reports "no responders". */
  reply(receiver: ActorAddress, slot: number): string;
  /** True for a `reply` subject of this cluster: what came from outside may be published to it. */
  isReply(subject: string): boolean;
  /** All `reply` subjects of the actor. */
  replies(receiver: ActorAddress): string;
  command(receiver: ActorAddress, verb: string): string;
  commands(receiver: ActorAddress): string;
  /** Where the answer to a command goes. */
  commandReply(asker: ActorAddress, slot: number): string;
  commandReplies(asker: ActorAddress): string;
  /** Out-of-band control data of one volume for one host. */
  controlData(volume: VolumeId, host: HostId): string;
  event(sender: ActorAddress, what: string): string;
  /** Every event of the cluster. */
  events(): string;
  /** One kind of event of all actors of one kind. */
  eventsOf(kind: ActorKind, what: string): string;
  telemetry(sender: ActorAddress): string;
  telemetries(): string;
  /** Telemetry of all actors of one kind. */
  telemetriesOf(kind: ActorKind): string;
}

/** Builds the subjects of `cluster`. */
export function subjectsOf(cluster: ClusterId): Subjects {
  const base = `${root}.${cluster}`;
  const at = ({ kind, id }: ActorAddress) => `${kind}.${id}`;
  return {
    io: (receiver, link) => `${base}.io.${at(receiver)}.${link}`,
    reply: (receiver, slot) => `${base}.rpl.${at(receiver)}.${slot}`,
    isReply: (subject) => subject.startsWith(`${base}.rpl.`) && placeOf(subject)?.plane === 'rpl',
    replies: (receiver) => `${base}.rpl.${at(receiver)}.*`,
    command: (receiver, verb) => `${base}.cmd.${at(receiver)}.${verb}`,
    commands: (receiver) => `${base}.cmd.${at(receiver)}.*`,
    commandReply: (asker, slot) => `${base}.rpl.${at(asker)}.cmd.${slot}`,
    commandReplies: (asker) => `${base}.rpl.${at(asker)}.cmd.*`,
    controlData: (volume, host) => `${base}.ctl.${volume}.${host}`,
    event: (sender, what) => `${base}.evt.${at(sender)}.${what}`,
    events: () => `${base}.evt.>`,
    eventsOf: (kind, what) => `${base}.evt.${kind}.*.${what}`,
    telemetry: (sender) => `${base}.tel.${at(sender)}`,
    telemetries: () => `${base}.tel.>`,
    telemetriesOf: (kind) => `${base}.tel.${kind}.*`,
  };
}

const linkPlane = '.io.';

/** The link that a frame with this subject travels over; '' for a subject of another plane. */
export function linkOf(subject: string): LinkId | '' {
  return subject.startsWith(root) && subject.indexOf(linkPlane) === planeIndex(subject)
    ? (lastTokenOf(subject) as LinkId)
    : '';
}

/** Where frames of a link go that leads nowhere: nobody ever subscribes to it, so the sender is told so. */
export function deadEndOf(subject: string): string {
  return subject.replace(linkPlane, '.down.');
}

/** Where the dot before the plane is: behind the cluster. */
function planeIndex(subject: string): number {
  return subject.indexOf('.', root.length + 1);
}

/** The last token of a subject: a verb, a slot, what happened. */
export function lastTokenOf(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

/** The slot number that ends a reply subject; -1 when it is not one. */
export function slotOf(subject: string): number {
  let slot = 0;
  let index = subject.lastIndexOf('.') + 1;
  if (index === subject.length) return -1;
  for (; index < subject.length; index++) {
    const digit = subject.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    slot = slot * 10 + digit;
  }
  return slot;
}

/** Sender and matter of an event or telemetry subject; null for any other subject. */
export function senderOf(subject: string): { sender: ActorAddress; what: string } | null {
  const [san, version, , plane, kind, id, what = ''] = subject.split('.');
  if (`${san}.${version}` !== root || (plane !== 'evt' && plane !== 'tel')) return null;
  if (!actorKinds.includes(kind as ActorKind) || !isId(id)) return null;
  return { sender: { kind: kind as ActorKind, id }, what };
}

/**
 * Whom a message is for: frames, commands, their answers, control data; null for what is told to everybody, and for any
 * other subject.
 */
export function receiverOf(subject: string): ActorAddress | null {
  const [san, version, , plane = '', kind, id] = subject.split('.');
  if (`${san}.${version}` !== root || !isId(id)) return null;
  if (plane === 'ctl') return { kind: 'host', id };
  const isForOne = ['io', 'rpl', 'cmd'].includes(plane) && actorKinds.includes(kind as ActorKind);
  return isForOne ? { kind: kind as ActorKind, id } : null;
}

/** Whether what comes on this subject, which may have wildcards, is told to everybody: events, telemetry. */
export function isForEverybody(subject: string): boolean {
  const [, , , plane] = subject.split('.');
  return plane === 'evt' || plane === 'tel';
}

/** Receiver of a frame, and the link that it came over or the slot that it answers; null for any other subject. */
export function placeOf(
  subject: string,
): { plane: 'io' | 'rpl'; receiver: ActorAddress; what: string } | null {
  const [san, version, , plane, kind, id, what, ...rest] = subject.split('.');
  if (`${san}.${version}` !== root || (plane !== 'io' && plane !== 'rpl')) return null;
  if (!actorKinds.includes(kind as ActorKind) || !isId(id) || !isId(what)) return null;
  return rest.length > 0 ? null : { plane, receiver: { kind: kind as ActorKind, id }, what };
}
