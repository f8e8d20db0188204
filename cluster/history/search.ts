/**
 * The same question as `register`, for registers whose values are not unique (zeroes may be written often): walks
 * through the history and keeps every state that could be true so far, as value and set of operations that have started,
 * not ended, and taken effect. Exact; costs grow with how many operations run at once, so it is bounded.
 */
import type { RegisterHistory } from './register.ts';

interface Step {
  readonly value: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly isWrite: boolean;
  readonly certain: boolean;
}

interface State {
  readonly value: number;
  /** Operations that are under way and have taken effect, by index. */
  readonly done: ReadonlySet<number>;
}

/** More possible states than this are not followed: then nothing is claimed. */
export const statesMax = 4096;

/** Why the history cannot be explained; null when it can, or when there are too many ways to tell. */
export function searchViolation(history: RegisterHistory): string | null {
  const steps: readonly Step[] = [
    ...history.writes.map((write) => ({ ...write, isWrite: true })),
    ...history.reads.map((read) => ({ ...read, isWrite: false, certain: true })),
  ];
  const open = new Set<number>();
  let states = new Map<string, State>([['', { value: history.initialValue, done: new Set() }]]);
  for (const { isStart, index } of momentsOf(steps)) {
    if (isStart) {
      open.add(index);
      continue;
    }
    states = statesAfterEnd(states, steps, open, index);
    open.delete(index);
    if (states.size > statesMax) return null;
    if (states.size === 0) return explainEnd(steps[index]);
  }
  return null;
}

/** All starts and ends in order; at the same moment starts come first. */
function momentsOf(steps: readonly Step[]) {
  return steps
    .flatMap(({ startedAt, endedAt }, index) => [
      { at: startedAt, isStart: true, index },
      { at: endedAt, isStart: false, index },
    ])
    .filter(({ at }) => at !== Number.POSITIVE_INFINITY)
    .sort((a, b) => a.at - b.at || Number(b.isStart) - Number(a.isStart));
}

function explainEnd(step: Step | undefined): string {
  if (step === undefined) return 'no order explains the history';
  const what = `the ${step.isWrite ? 'write' : 'read'} of ${step.value}`;
  return `no order explains ${what} that began at ${step.startedAt} and ended at ${step.endedAt}`;
}

/** The states in which operation `ending` has taken effect, by way of any of the writes that are under way. */
function statesAfterEnd(
  states: ReadonlyMap<string, State>,
  steps: readonly Step[],
  open: ReadonlySet<number>,
  ending: number,
): Map<string, State> {
  const after = new Map<string, State>();
  const visited = new Map<string, State>();
  const queue: State[] = [];
  const visit = (value: number, done: Iterable<number>) => {
    const state = { value, done: new Set([...done, ...readsOf(value, steps, open)]) };
    const key = keyOf(state);
    if (visited.has(key) || visited.size > statesMax) return;
    visited.set(key, state);
    queue.push(state);
  };
  for (const { value, done } of states.values()) visit(value, done);
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    if (state.done.has(ending) || steps[ending]?.certain === false) {
      const settled = { value: state.value, done: without(state.done, ending) };
      after.set(keyOf(settled), settled);
    }
    for (const index of open) {
      const write = steps[index];
      if (write?.isWrite && !state.done.has(index)) visit(write.value, [...state.done, index]);
    }
  }
  return after;
}

/** Reads under way that the value satisfies: taking effect at once never rules anything out for them. */
function readsOf(value: number, steps: readonly Step[], open: ReadonlySet<number>): number[] {
  return [...open].filter(
    (index) => steps[index]?.isWrite === false && steps[index]?.value === value,
  );
}

function without(done: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const rest = new Set(done);
  rest.delete(index);
  return rest;
}

function keyOf({ value, done }: State): string {
  return `${value}:${[...done].sort((a, b) => a - b).join(',')}`;
}
