/**
 * Whether a suspect is silent, judged against others (DESIGN §4): rounds of pings go to it and to witnesses, and a round
 * that witnesses answered counts against a suspect that has said nothing. Pure: it is told what was sent and answered, and
 * when.
 *
 * No round begins before the last one was answered by half of the witnesses. So the pace is that of the others: where
 * everything is slow, waiting is longer; where the bus or the observer stands still, no round ends, and nobody is judged,
 * neither then nor by what piled up meanwhile.
 */
import type { Instant } from '../../protocols/units.ts';

export interface InquiryQuestion {
  /** Who is asked along with the suspect; at least one. */
  readonly witnesses: readonly string[];
  /** How long the suspect may be silent while the others answer at once. */
  readonly patienceMs: number;
  /** No two rounds are closer. */
  readonly intervalMs: number;
}

/** With most witnesses silent, too, a round takes this long: then little is known, and haste is wrong. */
export const slowRoundMs = 1000;

export class Inquiry {
  /** The present round; 0 before the first. */
  round = 0;
  readonly #question: InquiryQuestion;
  readonly #answered = new Set<string>();
  #roundAt: Instant | null = null;

  constructor(question: InquiryQuestion) {
    this.#question = question;
  }

  /** So many rounds must have been answered by others: from the first ping to the last is the patience. */
  get roundsNeeded(): number {
    const { patienceMs, intervalMs } = this.#question;
    return Math.ceil(patienceMs / intervalMs) + 1;
  }

  /** Pings of the next round are being sent. */
  sent(at: Instant): void {
    this.round++;
    this.#roundAt = at;
    this.#answered.clear();
  }

  /** A witness answered a ping of a round. */
  answered(witness: string, round: number): void {
    if (round === this.round) this.#answered.add(witness);
  }

  /** Whether the next round is due. */
  isDue(at: Instant): boolean {
    if (this.#roundAt === null) return true;
    return this.#isRoundOver(at) && at - this.#roundAt >= this.#question.intervalMs;
  }

  /** Whether a suspect that was not heard of since the first round is to be called silent. */
  isProven(at: Instant): boolean {
    return this.round >= this.roundsNeeded && this.#isRoundOver(at);
  }

  #isRoundOver(at: Instant): boolean {
    const { size } = this.#answered;
    if (this.#roundAt === null || size === 0) return false;
    const isByHalf = 2 * size >= this.#question.witnesses.length;
    return isByHalf || at - this.#roundAt >= slowRoundMs;
  }
}
