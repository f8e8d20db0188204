/** Waiting in tests that run in real time: for a condition, with a deadline, never for a length of time. */

const lookAgainMs = 2;
const deadlineDefaultMs = 8000;

/**
 * Resolves once `condition` holds.
 *
 * @throws Error naming `what` when it does not hold within `deadlineMs`.
 */
export function until(
  condition: () => boolean,
  what = 'the condition',
  deadlineMs = deadlineDefaultMs,
): Promise<void> {
  return untilAsync(async () => condition(), what, deadlineMs);
}

/** The same for a condition that takes time to look at. */
export async function untilAsync(
  condition: () => Promise<boolean>,
  what: string,
  deadlineMs = deadlineDefaultMs,
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > deadlineMs)
      throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}
