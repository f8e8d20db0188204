/** Waits for what a cluster does by itself, and says what it waits for whenever that takes longer than a moment. */
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 100;
/** After this the wait is explained, and again whenever the reason changes. */
const explainAfterMs = 1000;

/** One look: what was waited for, or why it is not there yet, for people. */
export type Look<Result> =
  | { readonly outcome: 'done'; readonly result: Result }
  | { readonly outcome: 'waiting'; readonly reason: string };

/** @returns what was waited for, or after `limitMs` the reason why it is not there. */
export async function waitUntil<Result>(
  look: () => Promise<Look<Result>>,
  limitMs: number,
): Promise<Look<Result>> {
  const startedAt = performance.now();
  let said = '';
  for (;;) {
    const seen = await look();
    const waitedMs = performance.now() - startedAt;
    if (seen.outcome === 'done' || waitedMs > limitMs) return seen;
    if (waitedMs > explainAfterMs && seen.reason !== said) {
      process.stderr.write(`waiting: ${seen.reason}\n`);
      said = seen.reason;
    }
    await delay(pollMs);
  }
}
