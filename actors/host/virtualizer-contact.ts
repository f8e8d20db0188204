/**
 * The conversation of one attachment with the virtualizers: one is asked at a time, and one that does not answer, or
 * does not decide, makes way for the next. When to ask is the attachment's machine's; nothing here is repeated by itself,
 * but that the host lets go: that is asked for until it is decided, for as long as the machine waits.
 */

import {
  type AlternatesAnswer,
  type AlternatesQuery,
  type Answer,
  type AttachRequest,
  alternatesAnswerSchema,
  type ControlDataQuery,
  type FailedMirror,
  verbs,
} from '../../protocols/commands.ts';
import { eventNames } from '../../protocols/events.ts';
import type { DiskId, VirtualizerId } from '../../protocols/ids.ts';
import type { Clock, Timer } from '../../protocols/ports.ts';
import type { TroubleReport } from '../../protocols/trouble-report.ts';
import { type AttachEpoch, type Generation, unitOf } from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';

export interface ContactListener {
  controlDataAnswered(body: unknown): void;
  /** The virtualizer said no, or not yet, and why. */
  refused(message: string): void;
  /** It is decided that the host has let go, or cannot be. */
  detachAnswered(): void;
}

/** A command that gets no answer by then counts as unanswered. */
const commandTimeoutMs = 1000;
/** That the host lets go is asked for again sooner: there is not much time for it. */
const detachTimeoutMs = 300;
const detachAgainMs = 50;
/** Many answers may tell to ask at once: it is done this often at most. */
const askIntervalMs = 50;
const troubleLengthMax = 2000;

export class VirtualizerContact {
  readonly #request: AttachRequest;
  readonly #virtualizers: readonly VirtualizerId[];
  readonly #actor: Actor;
  readonly #clock: Clock;
  readonly #listener: ContactListener;
  #current = 0;
  #isAsking = false;
  #lastTrouble = '';
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** Why the last request to be attached was refused: says more than that there is no attachment. '' when it was not. */
  #attachRefusal = '';
  #isLeaving = false;
  #detachTimer: Timer | null = null;

  constructor(
    request: AttachRequest,
    virtualizers: readonly VirtualizerId[],
    actor: Actor,
    clock: Clock,
    listener: ContactListener,
  ) {
    this.#request = request;
    this.#virtualizers = virtualizers;
    this.#actor = actor;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** @param lostEpoch only a higher attach epoch will do; 0: any */
  attach(lostEpoch: number): void {
    const body =
      lostEpoch === 0
        ? this.#request
        : { ...this.#request, lostEpoch: unitOf<AttachEpoch>(lostEpoch) };
    this.#ask(verbs.attach, body, (answer) => {
      if (isSilence(answer)) return;
      this.#attachRefusal = answer.ok ? '' : answer.message;
      if (!answer.ok) this.#listener.refused(answer.message);
    });
  }

  /**
   * Asks until it is decided, or until `left`.
   *
   * @param hasEndedWrites the host did not drain: it ended writes that may have been done, or half done
   */
  detach(hasEndedWrites: boolean): void {
    const body = hasEndedWrites ? { ...this.#request, hasEndedWrites } : this.#request;
    this.#isLeaving = true;
    this.#askToLeave(body, this.#virtualizers.length);
  }

  /** Nobody is told any more that the host lets go: that would undo what was attached since. */
  left(): void {
    this.#isLeaving = false;
    if (this.#detachTimer !== null) this.#clock.clearTimeout(this.#detachTimer);
    this.#detachTimer = null;
  }

  /** @param turns of virtualizers that are asked at once, one after the other */
  #askToLeave(body: AttachRequest, turns: number): void {
    const answered = (answer: Answer): void => {
      if (!this.#isLeaving) return;
      if (!isUndecided(answer)) this.#listener.detachAnswered();
      else if (makesWay(answer) && turns > 1) this.#askToLeave(body, turns - 1);
      else
        this.#detachTimer = this.#clock.setTimeout(
          () => this.#askToLeave(body, this.#virtualizers.length),
          detachAgainMs,
        );
    };
    this.#ask(verbs.detach, body, answered, detachTimeoutMs);
  }

  /** The same trouble is told people once, however often the virtualizer is. */
  reportTrouble(what: string, generation: Generation, failedDisks: readonly DiskId[] = []): void {
    const { volume, host: reporter } = this.#request;
    const told = { volume, generation, reporter, what: what.slice(0, troubleLengthMax) };
    const report: TroubleReport =
      failedDisks.length === 0 ? told : { ...told, failedDisks: [...failedDisks] };
    const text = `${generation}: ${what}`;
    if (text !== this.#lastTrouble) this.#actor.tell(eventNames.fault, report);
    this.#lastTrouble = text;
    this.#ask(verbs.trouble, report, () => {});
  }

  /** Asks for control data, unless that is under way. */
  askControlData(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#askedAtMs = this.#clock.now();
    const { host, volume } = this.#request;
    const query: ControlDataQuery = { host, volume };
    this.#ask(verbs.controlData, query, (answer) => {
      this.#isAsking = false;
      if (answer.ok) this.#listener.controlDataAnswered(answer.controlData);
      else if (!isSilence(answer)) this.#listener.refused(this.#attachRefusal || answer.message);
    });
  }

  /** Asks for control data, unless that was done just now. */
  askControlDataSoon(): void {
    if (this.#clock.now() - this.#askedAtMs >= askIntervalMs) this.askControlData();
  }

  /** Asks which mirrors are left beside one that failed. `answered` is not called when nobody can tell. */
  askAlternates(failed: FailedMirror, answered: (answer: AlternatesAnswer) => void): void {
    const query: AlternatesQuery = { ...failed, host: this.#request.host };
    this.#ask(verbs.alternates, query, (answer) => {
      const parsed = alternatesAnswerSchema.safeParse(answer).data;
      if (parsed !== undefined) answered(parsed);
    });
  }

  #ask(
    verb: string,
    body: object,
    done: (answer: Answer) => void,
    timeoutMs = commandTimeoutMs,
  ): void {
    const asked = this.#current;
    const id = this.#virtualizers[asked % this.#virtualizers.length];
    if (id === undefined) throw new RangeError('a host needs a virtualizer to ask');
    this.#actor.ask({ kind: 'virtualizer', id }, verb, body, timeoutMs, (answer) => {
      if (makesWay(answer) && this.#current === asked) this.#current++;
      done(answer);
    });
  }
}

/** Another one may know more. */
function makesWay(answer: Answer): boolean {
  return isSilence(answer) || (!answer.ok && answer.reason === 'inactive');
}

/** To the request to be let go. */
function isUndecided(answer: Answer): boolean {
  return makesWay(answer) || (!answer.ok && answer.reason === 'not-ready');
}

function isSilence(answer: Answer): boolean {
  return !answer.ok && (answer.reason === 'no-responders' || answer.reason === 'timeout');
}
