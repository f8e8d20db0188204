/**
 * Commands asked of actors: numbered questions on the command network, each answered once, or refused when nobody
 * listens or nobody answers in time. Used by every actor, and by whoever is none (the command line).
 */
import type { Answer } from '../protocols/commands.ts';
import { refusal } from '../protocols/commands.ts';
import type { ActorAddress } from '../protocols/ids.ts';
import type { Bus, Cancel, Clock, Timer } from '../protocols/ports.ts';
import { type Subjects, slotOf } from '../protocols/subjects.ts';
import { decodeJson, encodeJson } from './json.ts';

interface OpenQuestion {
  readonly done: (answer: Answer) => void;
  readonly timer: Timer;
}

const openQuestionsMax = 1024;

export class Questions {
  readonly #asker: ActorAddress;
  readonly #subjects: Subjects;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #open = new Map<number, OpenQuestion>();
  #next: number;
  #cancel: Cancel | null = null;

  /**
   * @param asker whose reply subjects are used: no two askers on a cluster may share them
   * @param firstNumber of the first question. An asker that follows another of the same address must begin
   *   elsewhere: a late answer to the former one would be taken for an answer to a question of its own
   */
  constructor(
    asker: ActorAddress,
    subjects: Subjects,
    bus: Bus,
    clock: Clock,
    firstNumber: number = 0,
  ) {
    this.#next = firstNumber;
    this.#asker = asker;
    this.#subjects = subjects;
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Begins to listen for answers; before the first question. */
  start(): void {
    this.#cancel = this.#bus.subscribe(this.#subjects.commandReplies(this.#asker), {
      message: (data, subject) => this.#answered(subject, decodeJson(data) as Answer | undefined),
      noResponders: (subject) =>
        this.#answered(subject, refusal('no-responders', 'nobody answers at that address')),
    });
  }

  /** Open questions end with `timeout`. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    for (const slot of [...this.#open.keys()]) {
      this.#settle(slot, refusal('timeout', 'the asker stopped'));
    }
  }

  /**
   * Asks. `done` gets the answer, or a refusal `no-responders` or `timeout`; the command may have been carried out
   * in both cases.
   */
  ask(
    receiver: ActorAddress,
    verb: string,
    body: object,
    timeoutMs: number,
    done: (answer: Answer) => void,
  ): void {
    if (this.#open.size >= openQuestionsMax) {
      this.#clock.soon(() => done(refusal('not-ready', 'too many commands are open')));
      return;
    }
    const slot = this.#next++;
    const timer = this.#clock.setTimeout(
      () => this.#settle(slot, refusal('timeout', `no answer to ${verb} in ${timeoutMs} ms`)),
      timeoutMs,
    );
    this.#open.set(slot, { done, timer });
    const outcome = this.#bus.publish(
      this.#subjects.command(receiver, verb),
      encodeJson(body),
      this.#subjects.commandReply(this.#asker, slot),
    );
    if (outcome === 'sent') return;
    const unsent = refusal('no-responders', `${verb} was not sent: ${outcome}`);
    this.#clock.soon(() => this.#settle(slot, unsent));
  }

  #answered(subject: string, answer: Answer | undefined): void {
    this.#settle(slotOf(subject), answer ?? refusal('invalid', 'the answer is not JSON'));
  }

  #settle(slot: number, answer: Answer): void {
    const question = this.#open.get(slot);
    if (question === undefined) return;
    this.#open.delete(slot);
    this.#clock.clearTimeout(question.timer);
    question.done(answer);
  }
}
