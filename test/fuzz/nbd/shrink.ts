/** Makes a session that shows a fault as short as it still shows one: without steps, then with fewer bytes. */
import type { Plan, Step } from './plan.ts';

/** More plays would take longer than reading a longer list. */
const playsMax = 2000;

/** @param showsFault whether a shorter session still shows a fault */
export function shrunk(plan: Plan, showsFault: (shorter: Plan) => boolean): Plan {
  let playsLeft = playsMax;
  const isWrong = (steps: readonly Step[]): boolean =>
    playsLeft-- > 0 && showsFault({ ...plan, steps });
  const together = joined(plan.steps);
  let steps = fewer(isWrong(together) ? together : plan.steps, isWrong, () => playsLeft > 0);
  for (let at = 0; at < steps.length && playsLeft > 0; at++) {
    const step = steps[at];
    if (step?.kind !== 'bytes') continue;
    const before = steps;
    const withBytes = (bytes: readonly number[]): readonly Step[] =>
      before.with(at, { kind: 'bytes', bytes: Uint8Array.from(bytes) });
    const rest = fewer(
      [...step.bytes],
      (bytes) => isWrong(withBytes(bytes)),
      () => playsLeft > 0,
    );
    steps = withBytes(rest);
  }
  return { ...plan, steps };
}

/** Bytes that arrive one behind the other, as if they arrived together. */
function joined(steps: readonly Step[]): readonly Step[] {
  const result: Step[] = [];
  for (const step of steps) {
    const last = result.at(-1);
    if (step.kind === 'bytes' && last?.kind === 'bytes')
      result[result.length - 1] = { kind: 'bytes', bytes: Buffer.concat([last.bytes, step.bytes]) };
    else result.push(step);
  }
  return result;
}

/** Leaves out as much as possible: halves first, then ever smaller parts ("delta debugging"), while there is time. */
function fewer<Item>(
  items: readonly Item[],
  isWrong: (rest: readonly Item[]) => boolean,
  hasTime: () => boolean,
): readonly Item[] {
  let rest = items;
  for (let part = Math.ceil(rest.length / 2); part >= 1; part = Math.floor(part / 2)) {
    for (let at = 0; at < rest.length && hasTime(); ) {
      const shorter = [...rest.slice(0, at), ...rest.slice(at + part)];
      if (isWrong(shorter)) rest = shorter;
      else at += part;
    }
  }
  return rest;
}
