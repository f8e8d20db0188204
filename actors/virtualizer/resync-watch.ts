/**
 * Watches how coordinators make mirrors good again: asks each of them now and then, and at once when it tells that
 * something happened, until all of them are through.
 */
import { z } from 'zod';
import { type Answer, verbs } from '../../protocols/commands.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Clock } from '../../protocols/ports.ts';
import type { Instant } from '../../protocols/units.ts';
import type { Actor } from '../actor.ts';
import { CommandRound, judgeAnswer, type RoundTask, type Verdict } from '../command-round.ts';

/** How far it is, of all coordinators together. */
export interface ResyncProgress {
  readonly totalBytes: number;
  readonly remainingBytes: number;
  /** At the pace so far; null while that is not known. */
  readonly etaSeconds: number | null;
  /** Why it does not come to its end, for people; '' when nothing is in the way. */
  readonly problem: string;
}

const answerSchema = z.looseObject({
  resync: z.looseObject({
    totalBytes: z.number().nonnegative(),
    remainingBytes: z.number().nonnegative(),
    isDone: z.boolean(),
    problem: z.string(),
  }),
});
type Told = z.infer<typeof answerSchema>['resync'];

export interface ResyncWatchParts {
  readonly actor: Pick<Actor, 'ask'>;
  readonly clock: Clock;
  /** The command to each coordinator. */
  readonly tasks: readonly RoundTask[];
}

const pauseMs = 500;

export class ResyncWatch {
  readonly #clock: Clock;
  readonly #round: CommandRound;
  readonly #startedAt: Instant;
  readonly #told = new Map<string, Told>();

  /** @param done called once, when all are through */
  constructor({ actor, clock, tasks }: ResyncWatchParts, done: () => void) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#round = new CommandRound({
      actor,
      clock,
      verb: verbs.settled,
      tasks,
      pauseMs,
      judge: (answer, receiver) => this.#judge(answer, receiver),
      finished: done,
      // Whoever refuses has another decision: a later one is on its way here.
      refused: () => {},
    });
  }

  get progress(): ResyncProgress | null {
    const told = [...this.#told.values()];
    if (told.length === 0) return null;
    const totalBytes = told.reduce((sum, each) => sum + each.totalBytes, 0);
    const remainingBytes = told.reduce((sum, each) => sum + each.remainingBytes, 0);
    const doneBytes = totalBytes - remainingBytes;
    const tookSeconds = (this.#clock.now() - this.#startedAt) / 1000;
    const etaSeconds =
      doneBytes <= 0 || tookSeconds <= 0
        ? null
        : Math.ceil((remainingBytes * tookSeconds) / doneBytes);
    const problem = told.find((each) => each.problem !== '')?.problem ?? '';
    return { totalBytes, remainingBytes, etaSeconds, problem };
  }

  start(): void {
    this.#round.start();
  }

  stop(): void {
    this.#round.cancel();
  }

  hurry(receiver: ActorAddress): void {
    this.#round.hurry(receiver);
  }

  #judge(answer: Answer, receiver: ActorAddress): Verdict {
    if (!answer.ok) return judgeAnswer(answer, receiver);
    const told = answerSchema.safeParse(answer).data?.resync;
    if (told === undefined) return { outcome: 'again' };
    this.#told.set(receiver.id, told);
    return { outcome: told.isDone ? 'done' : 'again' };
  }
}
