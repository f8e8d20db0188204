/** What an actor has done with one verb since it started. Counting allocates nothing. */
import type { Answer } from '../protocols/commands.ts';

const nsPerMs = 1e6;
/** The last refusal is shown to everybody who asks for statistics. */
const lastErrorLengthMax = 300;

export class CommandCounters {
  /** Commands that came in, whether they have been answered yet or not. */
  requests = 0;
  /** Those that were refused. */
  errors = 0;
  /** From coming in to the answer, of all that were answered, in whole nanoseconds. */
  processingNs = 0;
  /** The last refusal as text; '' when there was none. */
  lastError = '';

  answered(answer: Answer, tookMs: number): void {
    this.processingNs += Math.max(0, Math.round(tookMs * nsPerMs));
    if (answer.ok) return;
    this.errors++;
    this.lastError = `${answer.reason}: ${answer.message}`.slice(0, lastErrorLengthMax);
  }
}
