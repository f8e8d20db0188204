/**
 * One command to several actors, repeated to each until it has done what was asked: commands are idempotent and may
 * be lost either way. Ends when all have, or at the first that refuses for good. How long to try is the asker's to
 * decide: it cancels the round.
 */
import { assertNever } from '../protocols/codes.ts';
import type { Answer } from '../protocols/commands.ts';
import type { ActorAddress } from '../protocols/ids.ts';
import type { Clock, Timer } from '../protocols/ports.ts';
import type { Actor } from './actor.ts';

export interface RoundTask {
  readonly receiver: ActorAddress;
  readonly body: object;
}

/** `done`: this receiver is through. `again`: not yet. A text: it refuses, and why, for people. */
export type Verdict =
  | { readonly outcome: 'done' | 'again' }
  | { readonly outcome: 'refused'; readonly reason: string };

export interface RoundOptions {
  readonly actor: Pick<Actor, 'ask'>;
  readonly clock: Clock;
  readonly verb: string;
  readonly tasks: readonly RoundTask[];
  readonly judge?: (answer: Answer, receiver: ActorAddress) => Verdict;
  /** Who is not through yet is asked again no sooner than after this. */
  readonly pauseMs?: number;
  readonly finished: () => void;
  /** Called once, and the round is over. */
  readonly refused: (reason: string, receiver: ActorAddress) => void;
}

interface Task extends RoundTask {
  failures: number;
  isDone: boolean;
  timer: Timer | null;
}

export const answerTimeoutMs = 1000;
export const retryMsMin = 50;
export const retryMsMax = 1000;

/** What an answer means when there is nothing more in it than yes and no. */
export function judgeAnswer(answer: Answer, receiver: ActorAddress): Verdict {
  if (answer.ok) return { outcome: 'done' };
  switch (answer.reason) {
    case 'not-ready':
    case 'inactive':
    case 'no-responders':
    case 'timeout':
      return { outcome: 'again' };
    case 'invalid':
    case 'unknown':
    case 'fenced':
    case 'refused': {
      const reason = `${receiver.kind} ${receiver.id} refuses: ${answer.message}`;
      return { outcome: 'refused', reason };
    }
    default:
      return assertNever(answer.reason, 'refusal reason');
  }
}

export class CommandRound {
  readonly #options: RoundOptions;
  readonly #tasks: readonly Task[];
  #isOver = false;

  constructor(options: RoundOptions) {
    this.#options = options;
    this.#tasks = options.tasks.map((task) => ({
      ...task,
      failures: 0,
      isDone: false,
      timer: null,
    }));
  }

  /** Who has not done yet what was asked, for people. */
  get waitingFor(): string {
    return this.waitingActors.map(({ kind, id }) => `${kind} ${id}`).join(', ');
  }

  get waitingActors(): readonly ActorAddress[] {
    return this.#tasks.filter(({ isDone }) => !isDone).map(({ receiver }) => receiver);
  }

  start(): void {
    if (this.#tasks.length === 0) this.#options.clock.soon(() => this.#finishIfDone());
    for (const task of this.#tasks) this.#ask(task);
  }

  /** Ends the round without a word. What was asked may still be carried out. */
  cancel(): void {
    this.#isOver = true;
    for (const task of this.#tasks) this.#clearTimer(task);
  }

  /** Asks a receiver at once that waits to be asked again: it told that something happened. */
  hurry(receiver: ActorAddress): void {
    for (const task of this.#tasks) {
      const isMeant = task.receiver.kind === receiver.kind && task.receiver.id === receiver.id;
      if (isMeant && task.timer !== null) this.#ask(task);
    }
  }

  #ask(task: Task): void {
    if (this.#isOver) return;
    this.#clearTimer(task);
    const { actor, verb } = this.#options;
    actor.ask(task.receiver, verb, task.body, answerTimeoutMs, (answer) =>
      this.#answered(task, answer),
    );
  }

  #answered(task: Task, answer: Answer): void {
    if (this.#isOver || task.isDone) return;
    const { clock, judge = judgeAnswer, pauseMs = 0 } = this.#options;
    const verdict = judge(answer, task.receiver);
    switch (verdict.outcome) {
      case 'done':
        task.isDone = true;
        this.#finishIfDone();
        break;
      case 'refused':
        this.cancel();
        this.#options.refused(verdict.reason, task.receiver);
        break;
      case 'again': {
        task.failures = answer.ok ? 0 : task.failures + 1;
        const delayMs = Math.min(retryMsMin * 2 ** Math.min(task.failures, 16), retryMsMax);
        task.timer = clock.setTimeout(() => this.#ask(task), Math.max(delayMs, pauseMs));
        break;
      }
      default:
        assertNever(verdict, 'verdict');
    }
  }

  #finishIfDone(): void {
    if (this.#isOver || this.#tasks.some(({ isDone }) => !isDone)) return;
    this.#isOver = true;
    this.#options.finished();
  }

  #clearTimer(task: Task): void {
    if (task.timer !== null) this.#options.clock.clearTimeout(task.timer);
    task.timer = null;
  }
}
