/**
 * Finds out who is silent: a paused process, a connection that is open at one end only. Suspects are those whose
 * heartbeat is late, and switches that owe hosts answers. What a suspect's silence is worth is for `inquiry` to say; how
 * late its heartbeats use to be, for `heartbeat`. Here are the timers, the pings, and what is told of it.
 */
import { type SuspectReport, verbs } from '../../protocols/commands.ts';
import { eventNames, type SuspicionFields } from '../../protocols/events.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import type { DetectionPolicy } from '../../protocols/topology/policies.ts';
import type { Instant } from '../../protocols/units.ts';
import { type Actor, telemetryIntervalMs } from '../actor.ts';
import { Heartbeat } from './heartbeat.ts';
import { Inquiry } from './inquiry.ts';

export interface SuspicionParts {
  readonly actor: Actor;
  readonly clock: Clock;
  readonly policy: DetectionPolicy;
  /** All that are watched. */
  readonly members: readonly ActorAddress[];
  /** Whether an actor is taken to be there: others are neither looked at nor asked. */
  readonly isPresent: (address: ActorAddress) => boolean;
  /** Whether one process runs both: then one's silence is the other's. */
  readonly shareProcess: (one: ActorAddress, other: ActorAddress) => boolean;
  /** It was found silent. */
  readonly silent: (address: ActorAddress) => void;
  /** One that was not there answered after all. */
  readonly returned: (address: ActorAddress) => void;
  /** It is there, but of no use to hosts. */
  readonly deaf: (address: ActorAddress) => void;
}

/** A heartbeat is not late before this, however punctual it is otherwise. */
const lateMsMin = 200;
/** What takes a suspect less than so many rounds to answer is no news. */
const roundsUntold = 3;
/** More are not asked with a suspect: they speak for the others. */
const witnessesMax = 7;

interface Watched {
  readonly address: ActorAddress;
  readonly heartbeat: Heartbeat;
  heardAt: Instant;
  /** Since listening began last. */
  isHeard: boolean;
  open: OpenInquiry | null;
}

interface OpenInquiry {
  readonly inquiry: Inquiry;
  readonly witnesses: readonly ActorAddress[];
  readonly patienceMs: number;
  readonly cause: string;
  isTold: boolean;
  timer: Timer | null;
}

const keyOf = ({ kind, id }: ActorAddress) => `${kind}:${id}`;

export class Suspicions {
  readonly #parts: SuspicionParts;
  readonly #watched = new Map<string, Watched>();

  constructor(parts: SuspicionParts) {
    this.#parts = parts;
    const heardAt = parts.clock.now();
    for (const address of parts.members) {
      const heartbeat = new Heartbeat();
      const watched = { address, heartbeat, heardAt, isHeard: false, open: null };
      this.#watched.set(keyOf(address), watched);
    }
  }

  /** Something came from an actor, whatever it was. */
  heard(address: ActorAddress): void {
    const watched = this.#watched.get(keyOf(address));
    if (watched === undefined) return;
    const silentMs = this.#silentMs(watched);
    watched.heardAt = this.#parts.clock.now();
    watched.isHeard = true;
    if (watched.open?.isTold) this.#tell(watched, watched.open, 'cleared', silentMs);
    this.#close(watched);
  }

  /** What came was its regular heartbeat. */
  beat(address: ActorAddress): void {
    this.#watched.get(keyOf(address))?.heartbeat.beat(this.#parts.clock.now());
  }

  /** It is known to be gone: nothing more is to be found out. */
  departed(address: ActorAddress): void {
    const watched = this.#watched.get(keyOf(address));
    if (watched === undefined) return;
    watched.heartbeat.interrupt();
    this.#close(watched);
  }

  /** A host waits for answers of switches. It does not know whose fault that is: it is looked into. */
  reported({ host, suspects }: SuspectReport): void {
    const { unansweredMsMax } = this.#parts.policy;
    for (const { switch: id, silentMs, usualMs, othersAnswer } of suspects) {
      const watched = this.#watched.get(keyOf({ kind: 'switch', id }));
      if (watched === undefined) continue;
      const usual = usualMs >= 0.1 ? ` that take ${usualMs.toFixed(1)} ms` : '';
      const cause = `host ${host} has waited ${shown(silentMs)} ms for answers${usual}`;
      if (watched.open === null && othersAnswer && silentMs >= unansweredMsMax)
        this.#foundDeaf(watched, cause);
      this.#suspect(watched, cause);
    }
  }

  /** Nobody could be heard until now: all silence so far proves nothing. */
  forgive(): void {
    const at = this.#parts.clock.now();
    for (const watched of this.#watched.values()) {
      watched.heartbeat.interrupt();
      watched.heardAt = at;
      watched.isHeard = false;
      if (watched.open?.isTold) this.#tell(watched, watched.open, 'cleared', 0);
      this.#close(watched);
    }
  }

  /** Looks for late heartbeats. */
  sweep(): void {
    for (const watched of this.#watched.values()) {
      const lateMs = this.#silentMs(watched) - telemetryIntervalMs;
      const usualMs = this.#usuallyLateMs(watched);
      if (watched.open === null && lateMs > lateMsMin + usualMs)
        this.#suspect(watched, `its heartbeat is ${shown(lateMs)} ms late`);
    }
  }

  stop(): void {
    for (const watched of this.#watched.values()) this.#close(watched);
  }

  /** It answered the pings that earlier reports led to. */
  #foundDeaf(watched: Watched, cause: string): void {
    const { isPresent, deaf } = this.#parts;
    if (!isPresent(watched.address)) return;
    const silentMs = this.#silentMs(watched);
    if (silentMs > telemetryIntervalMs + lateMsMin + this.#usuallyLateMs(watched)) return;
    this.#tell(watched, this.#inquiryInto(watched, cause), 'deaf', silentMs);
    deaf(watched.address);
  }

  #suspect(watched: Watched, cause: string): void {
    if (watched.open !== null || !this.#parts.isPresent(watched.address)) return;
    const open = this.#inquiryInto(watched, cause);
    watched.open = open;
    this.#step(watched, open);
  }

  #inquiryInto(watched: Watched, cause: string): OpenInquiry {
    const { policy } = this.#parts;
    const witnesses = this.#witnessesFor(watched.address);
    const patienceMs = this.#patienceMs(watched);
    return {
      inquiry: new Inquiry({
        witnesses: witnesses.map(keyOf),
        patienceMs,
        intervalMs: policy.pingIntervalMs,
      }),
      witnesses,
      patienceMs,
      cause,
      isTold: false,
      timer: null,
    };
  }

  /** The virtualizer itself is one: what it sends to itself shows that it, and the bus, do their work. */
  #witnessesFor(suspect: ActorAddress): readonly ActorAddress[] {
    const { actor, members, isPresent, shareProcess } = this.#parts;
    const others = members.filter((each) => !shareProcess(each, suspect) && isPresent(each));
    const step = Math.max(1, others.length / witnessesMax);
    const chosen: ActorAddress[] = [actor.address];
    for (let place = 0; place < others.length; place += step) {
      const witness = others[Math.floor(place)];
      if (witness !== undefined) chosen.push(witness);
    }
    return chosen;
  }

  #patienceMs(watched: Watched): number {
    const { silenceMsMin, silenceMsMax } = this.#parts.policy;
    // Connections come back one by one: who has not been heard of since may still be about to.
    if (!watched.isHeard) return silenceMsMax;
    return Math.min(silenceMsMin + this.#usuallyLateMs(watched), silenceMsMax);
  }

  #step(watched: Watched, open: OpenInquiry): void {
    if (watched.open !== open) return;
    const { clock, policy } = this.#parts;
    const at = clock.now();
    if (open.inquiry.isProven(at)) {
      this.#tell(watched, open, 'silent', this.#silentMs(watched));
      this.departed(watched.address);
      this.#parts.silent(watched.address);
      return;
    }
    if (open.inquiry.isDue(at)) this.#ask(watched, open, at);
    if (open.timer !== null) clock.clearTimeout(open.timer);
    open.timer = clock.setTimeout(() => this.#step(watched, open), policy.pingIntervalMs);
  }

  #ask(watched: Watched, open: OpenInquiry, at: Instant): void {
    const { actor, policy, isPresent, returned } = this.#parts;
    const { inquiry, witnesses } = open;
    inquiry.sent(at);
    const { round } = inquiry;
    if (round > roundsUntold && !open.isTold) {
      open.isTold = true;
      this.#tell(watched, open, 'suspected', this.#silentMs(watched));
    }
    const timeoutMs = 2 * policy.silenceMsMax;
    actor.ask(watched.address, verbs.ping, {}, timeoutMs, (answer) => {
      if (!answer.ok) return;
      this.heard(watched.address);
      if (!isPresent(watched.address)) returned(watched.address);
    });
    for (const witness of witnesses)
      actor.ask(witness, verbs.ping, {}, timeoutMs, (answer) => {
        if (!answer.ok) return;
        this.heard(witness);
        inquiry.answered(keyOf(witness), round);
        if (inquiry.isProven(this.#parts.clock.now())) this.#step(watched, open);
      });
  }

  #close(watched: Watched): void {
    const { open } = watched;
    watched.open = null;
    if (open?.timer) this.#parts.clock.clearTimeout(open.timer);
  }

  #silentMs(watched: Watched): number {
    return this.#parts.clock.now() - watched.heardAt;
  }

  #usuallyLateMs({ heartbeat }: Watched): number {
    return heartbeat.usuallyLateMs(this.#parts.policy.deviations);
  }

  #tell(
    watched: Watched,
    { inquiry, witnesses, patienceMs, cause }: OpenInquiry,
    verdict: SuspicionFields['verdict'],
    silentMs: number,
  ): void {
    const { kind, id } = watched.address;
    const fields: SuspicionFields = {
      suspect: { kind, id },
      verdict,
      cause,
      silentMs: rounded(silentMs),
      patienceMs: rounded(patienceMs),
      usuallyLateMs: rounded(this.#usuallyLateMs(watched)),
      pings: inquiry.round,
      witnesses: witnesses.length,
    };
    this.#parts.actor.tell(eventNames.suspicion, fields);
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function shown(ms: number): string {
  return ms.toFixed(0);
}
