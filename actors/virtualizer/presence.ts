/**
 * Who is there: what was last heard of every actor, and what that is worth at a given time. Knows nothing of buses
 * and clocks: it is told what was heard, and when. Core NATS may lose or delay any message, so that nothing here is
 * final: who is heard of again is there again.
 */
import type { Description } from '../../protocols/commands.ts';
import { diskFactsSchema } from '../../protocols/facts.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Incarnation, Instant } from '../../protocols/units.ts';

/** Actors tell of themselves each second: who was not heard of for so long, since listening began, is not there. */
export const listenMs = 3000;
/** How many former processes of an actor are remembered: late messages of theirs count for nothing. */
const formerMax = 8;

/**
 * - `live`: heard of lately.
 * - `gone`: said goodbye, was seen to end, or was found silent.
 * - `unknown`: never heard of, but listened for too short a time to tell.
 */
export type Liveness = 'live' | 'gone' | 'unknown';

export interface Presence {
  readonly description: Description;
  /** '' while live; else how it went, for people: "is silent", "said goodbye", "was seen to end". */
  readonly departure: string;
  readonly former: readonly string[];
  /** When this process was heard of first, since it is the one. */
  readonly since: Instant;
  /** When it told of itself last. */
  readonly seenAt: Instant;
}

const saidGoodbye = 'said goodbye';
const seenToEnd = 'was seen to end';
const provenDepartures: readonly string[] = [saidGoodbye, seenToEnd];

const keyOf = ({ kind, id }: ActorAddress) => `${kind}:${id}`;

/** Tells one process of an actor from another. Instances of a disk count anew when the disk is formatted anew. */
function processOf(description: Description): string {
  const { kind, incarnation, facts } = description;
  return kind === 'disk' ? `${String(facts.identity)}/${incarnation}` : String(incarnation);
}

/** The part of a description that decisions rest on. */
function essenceOf(description: Description): string {
  const { kind, state, facts } = description;
  if (kind !== 'disk') return '';
  const disk = diskFactsSchema.safeParse(facts).data;
  const controlEpochs = disk?.volumes.map(({ controlEpoch }) => controlEpoch) ?? [];
  const { identity, clusterIdentity, homeBytes } = disk ?? {};
  return JSON.stringify([state, identity, clusterIdentity, homeBytes, ...controlEpochs]);
}

function isBack(
  { kind, incarnation, facts }: Description,
  { description, since }: Presence,
  askedAt: Instant | null,
): boolean {
  if (kind !== 'disk' || facts.identity !== description.facts.identity) return false;
  return incarnation > description.incarnation || (askedAt !== null && askedAt > since);
}

export class PresenceTable {
  readonly #presences = new Map<string, Presence>();
  /** Switches that are there and are not to coordinate, and until when. */
  readonly #barredUntil = new Map<string, Instant>();
  #listeningSince: Instant;

  constructor(at: Instant) {
    this.#listeningSince = at;
  }

  /**
   * An actor told of itself. Of a former process that is a late message; but one that answers what was asked after its
   * successor had been heard of is there again: a disk whose file was restored from a copy.
   *
   * @param askedAt when it was asked; null when it told by itself
   * @returns true when that changed anything that a decision could rest on
   */
  see(description: Description, at: Instant, askedAt: Instant | null = null): boolean {
    const key = keyOf(description);
    const before = this.#presences.get(key);
    const process = processOf(description);
    if (before?.former.includes(process) && !isBack(description, before, askedAt)) return false;
    const isSame = before !== undefined && processOf(before.description) === process;
    const replaced = before === undefined || isSame ? [] : [processOf(before.description)];
    const former = [...(before?.former ?? []), ...replaced].slice(-formerMax);
    const since = isSame ? before.since : at;
    const presence = {
      description,
      departure: '',
      former: former.filter((each) => each !== process),
      since,
      seenAt: at,
    };
    this.#presences.set(key, presence);
    // A disk that fails does not get better by being started again and again.
    if (!isSame && description.kind !== 'disk') this.#barredUntil.delete(key);
    if (!isSame || before.departure !== '') return true;
    return essenceOf(before.description) !== essenceOf(description);
  }

  /** An actor said that it ends. @returns true when it was there. */
  goodbye(address: ActorAddress, incarnation: Incarnation): boolean {
    const presence = this.#presences.get(keyOf(address));
    if (presence?.description.incarnation !== incarnation) return false;
    return this.#depart(address, saidGoodbye);
  }

  /** A supervisor saw the actor's process end. @returns true when the actor was there. */
  exited(address: ActorAddress): boolean {
    return this.#depart(address, seenToEnd);
  }

  /** It was found silent while others answered. @returns true when it was there */
  silent(address: ActorAddress): boolean {
    return this.#depart(address, 'is silent');
  }

  /** It is there, and yet no use as a coordinator for a while, or until another process of its own is there. */
  bar(address: ActorAddress, until: Instant): void {
    this.#barredUntil.set(keyOf(address), until);
  }

  isBarred(address: ActorAddress): boolean {
    return this.#barredUntil.has(keyOf(address));
  }

  /** When its time is up; null when it is not barred. The later that is, the later it was found to be no use. */
  barredUntil(address: ActorAddress): Instant | null {
    return this.#barredUntil.get(keyOf(address)) ?? null;
  }

  /** @returns true when the time of one that was barred is up */
  endBars(at: Instant): boolean {
    const over = [...this.#barredUntil].filter(([, until]) => at >= until);
    for (const [key] of over) this.#barredUntil.delete(key);
    return over.length > 0;
  }

  /** Nobody could be heard until now. */
  listensFrom(at: Instant): void {
    this.#listeningSince = at;
  }

  /** What is known of an actor that is there; undefined of one that is not. */
  find(address: ActorAddress): Presence | undefined {
    const presence = this.#presences.get(keyOf(address));
    return presence?.departure === '' ? presence : undefined;
  }

  liveness(address: ActorAddress, at: Instant): Liveness {
    const presence = this.#presences.get(keyOf(address));
    if (presence !== undefined) return presence.departure === '' ? 'live' : 'gone';
    return at - this.#listeningSince > listenMs ? 'gone' : 'unknown';
  }

  /** Another process has taken its place since it was seen. */
  isFormer(address: ActorAddress, incarnation: Incarnation): boolean {
    return this.#presences.get(keyOf(address))?.former.includes(String(incarnation)) === true;
  }

  /** That very process is there. */
  isThere(address: ActorAddress, incarnation: number): boolean {
    return this.find(address)?.description.incarnation === incarnation;
  }

  /** That process has ended, and said so or was seen to; or another one has taken its place. */
  hasEnded(address: ActorAddress, incarnation: number): boolean {
    const presence = this.#presences.get(keyOf(address));
    if (presence === undefined) return false;
    return (
      presence.description.incarnation !== incarnation ||
      provenDepartures.includes(presence.departure)
    );
  }

  /** How an actor went, for people. */
  departureOf(address: ActorAddress): string {
    return this.#presences.get(keyOf(address))?.departure || 'was not heard of';
  }

  #depart(address: ActorAddress, departure: string): boolean {
    const key = keyOf(address);
    const presence = this.#presences.get(key);
    if (presence === undefined) return false;
    this.#presences.set(key, { ...presence, departure });
    return presence.departure === '';
  }
}
