/**
 * What all actors share: answering commands, asking commands of others, telling events, presenting themselves. Works
 * on a control connection; the data path has connections of its own and does not come here.
 */
import type { Answer, Description } from '../protocols/commands.ts';
import { refusal, verbs } from '../protocols/commands.ts';
import { eventNames } from '../protocols/events.ts';
import type { ActorAddress, ClusterId } from '../protocols/ids.ts';
import type { Bus, Cancel, Clock, Log, Random, Timer } from '../protocols/ports.ts';
import { lastTokenOf, type Subjects, subjectsOf } from '../protocols/subjects.ts';
import type { Incarnation } from '../protocols/units.ts';
import { CommandCounters } from './command-counters.ts';
import { decodeJson, encodeJson } from './json.ts';
import { Questions } from './questions.ts';

/** The ports of every actor. */
export interface ActorPorts {
  readonly cluster: ClusterId;
  readonly control: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Answers one command; `answer` is called once, at once or later. */
export type CommandHandler = (body: unknown, answer: (result: Answer) => void) => void;

/** A verb that an actor answers. */
export interface AnsweredCommand {
  readonly verb: string;
  readonly handler: CommandHandler;
  readonly counters: CommandCounters;
}

/** How often an actor tells of itself unasked. */
export const telemetryIntervalMs = 1000;
const incarnationLimit = 2 ** 48 - 1;
/** Each process of an actor begins its questions at a random multiple of this; all stay below 2 ** 53. */
const questionsPerProcess = 2 ** 20;

/** A new incarnation: random, never 0. */
export function newIncarnation(random: Random): Incarnation {
  return (random.integer(incarnationLimit) + 1) as Incarnation;
}

/** One actor's place on the command network. */
export class Actor {
  readonly address: ActorAddress;
  readonly subjects: Subjects;
  readonly #incarnation: () => Incarnation;
  readonly #ports: ActorPorts;
  readonly #describe: () => Omit<Description, 'kind' | 'id' | 'incarnation'>;
  readonly #commands = new Map<string, AnsweredCommand>();
  readonly #questions: Questions;
  readonly #cancels: Cancel[] = [];
  #sequence = 0;
  #telemetryTimer: Timer | null = null;

  /** @param incarnation a function where it is not known from the start, as with a disk that is being opened */
  constructor(
    address: ActorAddress,
    incarnation: Incarnation | (() => Incarnation),
    ports: ActorPorts,
    describe: () => Omit<Description, 'kind' | 'id' | 'incarnation'>,
  ) {
    this.address = address;
    this.#incarnation = typeof incarnation === 'function' ? incarnation : () => incarnation;
    this.subjects = subjectsOf(ports.cluster);
    const { control, clock, random } = ports;
    const firstQuestion = random.integer(2 ** 32) * questionsPerProcess;
    this.#questions = new Questions(address, this.subjects, control, clock, firstQuestion);
    this.#ports = ports;
    this.#describe = describe;
    this.onCommand(verbs.describe, (_, answer) => answer({ ok: true, ...this.description() }));
    this.onCommand(verbs.ping, (_, answer) => answer({ ok: true }));
  }

  get incarnation(): Incarnation {
    return this.#incarnation();
  }

  /** Registers the handler of a verb; before `start`. */
  onCommand(verb: string, handler: CommandHandler): void {
    this.#commands.set(verb, { verb, handler, counters: new CommandCounters() });
  }

  /** Every verb that it answers, and what it has done with it so far. */
  get commands(): readonly AnsweredCommand[] {
    return [...this.#commands.values()];
  }

  /** Begins to listen, says hello, and says it again after each reconnect; telemetry follows about each second. */
  start(): void {
    const { control } = this.#ports;
    this.#questions.start();
    this.#cancels.push(
      control.subscribe(this.subjects.commands(this.address), {
        message: (data, subject, replySubject) => this.#onCommand(data, subject, replySubject),
      }),
      control.onState((state) => {
        if (state === 'connected') this.hello();
      }),
    );
    this.hello();
    this.#scheduleTelemetry();
  }

  /** Ends listening; open questions end with `timeout`. */
  stop(): void {
    if (this.#telemetryTimer) this.#ports.clock.clearTimeout(this.#telemetryTimer);
    this.#telemetryTimer = null;
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#questions.stop();
  }

  description(): Description {
    const { kind, id } = this.address;
    return { kind, id, incarnation: this.incarnation, ...this.#describe() };
  }

  hello(): void {
    this.tell(eventNames.hello, this.description());
  }

  /** Publishes an event. Fields must be JSON. */
  tell(what: string, fields: object): void {
    const { clock, control } = this.#ports;
    this.#sequence++;
    const body = {
      ...fields,
      sequence: this.#sequence,
      incarnation: this.incarnation,
      timeMs: clock.wallTimeMs(),
    };
    control.publish(this.subjects.event(this.address, what), encodeJson(body));
  }

  /**
   * Asks a command of another actor. `done` gets the answer, or a refusal `no-responders` or `timeout`; the command
   * may have been carried out in both cases.
   */
  ask(
    receiver: ActorAddress,
    verb: string,
    body: object,
    timeoutMs: number,
    done: (answer: Answer) => void,
  ): void {
    this.#questions.ask(receiver, verb, body, timeoutMs, done);
  }

  #onCommand(data: Uint8Array, subject: string, replySubject: string): void {
    const { clock } = this.#ports;
    const verb = lastTokenOf(subject);
    const command = this.#commands.get(verb);
    if (command === undefined) {
      const { kind, id } = this.address;
      this.#reply(replySubject, refusal('unknown', `${kind} ${id} has no command ${verb}`));
      return;
    }
    const { handler, counters } = command;
    counters.requests++;
    const receivedAt = clock.now();
    handler(data.length === 0 ? {} : decodeJson(data), (result) => {
      counters.answered(result, clock.now() - receivedAt);
      this.#reply(replySubject, result);
    });
  }

  #reply(replySubject: string, result: Answer): void {
    if (replySubject !== '') this.#ports.control.publish(replySubject, encodeJson(result));
  }

  #scheduleTelemetry(): void {
    const { clock, control } = this.#ports;
    this.#telemetryTimer = clock.setTimeout(() => {
      const body = { ...this.description(), lastEvent: this.#sequence };
      control.publish(this.subjects.telemetry(this.address), encodeJson(body));
      this.#scheduleTelemetry();
    }, telemetryIntervalMs);
  }
}
