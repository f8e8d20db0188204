/** Many sessions from one seed, one after the other on one server; the first that is wrong is made small and told. */
import type { Count } from './conversation.ts';
import { generatePlan } from './generate.ts';
import { type Plan, planText } from './plan.ts';
import { Server } from './play.ts';
import { shrunk } from './shrink.ts';

export interface CampaignOptions {
  readonly seed: string;
  /** The number of the first session. */
  readonly first: number;
  readonly sessions: number;
}

export interface Failure {
  readonly seed: string;
  readonly session: number;
  readonly problem: string;
  readonly plan: Plan;
}

export interface CampaignResult {
  /** Sessions played. */
  readonly sessions: number;
  readonly failure: Failure | null;
}

const ignore: Count = () => {};

/** Sessions in a row, each the one of its number. `counts` is added to. */
export class Campaign {
  readonly counts = new Map<string, number>();
  readonly #server = new Server();
  readonly #count: Count = (what) => {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  };

  run({ seed, first, sessions }: CampaignOptions): CampaignResult {
    for (let session = first; session < first + sessions; session++) {
      const plan = generatePlan(seed, session);
      for (const kind of plan.damage) this.#count(`damage ${kind}`);
      const problem = this.#server.play(plan, this.#count);
      if (problem !== null)
        return { sessions: session - first + 1, failure: failureOf(seed, session, problem, plan) };
    }
    return { sessions, failure: null };
  }
}

/** The failure with as few steps as still show one; as it is when only its predecessors made it fail. */
function failureOf(seed: string, session: number, problem: string, plan: Plan): Failure {
  const play = (shorter: Plan) => new Server().play(shorter, ignore);
  if (play(plan) === null) {
    const note = `${problem}\n(only after the sessions before it)`;
    return { seed, session, problem: note, plan };
  }
  const small = shrunk(plan, (shorter) => play(shorter) !== null);
  return { seed, session, problem: play(small) ?? problem, plan: small };
}

/** What to tell people, with how to see it again. */
export function failureText({ seed, session, problem, plan }: Failure): string {
  return `session ${session} of seed ${seed}: ${problem}\n${planText(plan)}\nagain: --seed ${seed} --session ${session}`;
}
