/** Waiting in tests that run in real time: for a condition, with a deadline, never for a length of time. */

const lookAgainMs = 2;

/**
 * Resolves once `condition` holds.
 *
 * @throws Error naming `what` when it does not hold within `deadlineMs`.
 */
export async function until(
  condition: () => boolean,
  what = 'the condition',
  deadlineMs = 8000,
): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > deadlineMs)
      throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}
