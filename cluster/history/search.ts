/**
 * The same question as `register`, for registers whose values are not unique (zeroes may be written often): walks
 * through the history and keeps every state that could be true so far, as value and set of operations that have started,
 * not ended, and taken effect. Exact; costs grow with how many operations run at once, so it is bounded. Where one
 * operation is alone, which is most of the time, a step costs next to nothing.
 */
import type { RegisterHistory } from './register.ts';

export type SearchResult =
  | { readonly outcome: 'explained' }
  | { readonly outcome: 'violation'; readonly what: string }
  /** There are too many ways in which it may have happened: nothing is claimed. */
  | { readonly outcome: 'unclear' };

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

/** More possible states than this are not followed. */
export const statesMax = 4096;

const none: ReadonlySet<number> = new Set();

/** Whether some order of its operations explains the history. */
export function searchOrder(history: RegisterHistory): SearchResult {
  const steps = stepsOf(history);
  const open = new Set<number>();
  let states: readonly State[] = [{ value: history.initialValue, done: none }];
  for (const { isStart, index } of momentsOf(steps)) {
    if (isStart) {
      open.add(index);
      continue;
    }
    const after = statesAfterEnd(states, steps, open, index);
    if (after === null) return { outcome: 'unclear' };
    states = after;
    open.delete(index);
    if (states.length === 0) return { outcome: 'violation', what: explainEnd(steps[index]) };
  }
  return { outcome: 'explained' };
}

/** An uncertain write whose value nobody saw explains nothing and forbids nothing. */
function stepsOf(history: RegisterHistory): readonly Step[] {
  const seen = new Set(history.reads.map(({ value }) => value));
  const writes = history.writes.filter(({ value, certain }) => certain || seen.has(value));
  return [
    ...writes.map((write) => ({ ...write, isWrite: true })),
    ...history.reads.map((read) => ({ ...read, isWrite: false, certain: true })),
  ];
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

/**
 * The states in which operation `ending` has taken effect, by way of any of the writes that are under way; null when
 * there are too many on the way.
 */
function statesAfterEnd(
  states: readonly State[],
  steps: readonly Step[],
  open: Set<number>,
  ending: number,
): readonly State[] | null {
  const step = steps[ending];
  if (step !== undefined && open.size === 1 && states.every(({ done }) => done.size === 0))
    return statesAfterLone(states, step);
  const before = reachable(states, steps, open);
  if (before === null) return null;
  const after = new Map<string, State>();
  for (const { value, done } of before) {
    if (!done.has(ending) && step?.certain !== false) continue;
    const settled = { value, done: without(done, ending) };
    after.set(keyOf(settled), settled);
  }
  return withoutEndless([...after.values()], steps, open);
}

/** As nothing else is under way, a write decides alone, and a read only tells what it was. */
function statesAfterLone(states: readonly State[], step: Step): readonly State[] {
  if (!step.isWrite) return states.filter(({ value }) => value === step.value);
  const written = { value: step.value, done: none };
  if (step.certain) return [written];
  return [...states.filter(({ value }) => value !== step.value), written];
}

/** All states that the writes under way can lead to, in any order; null when there are too many. */
function reachable(
  states: readonly State[],
  steps: readonly Step[],
  open: ReadonlySet<number>,
): Iterable<State> | null {
  const visited = new Map<string, State>();
  const queue: State[] = [];
  const visit = (value: number, done: Iterable<number>) => {
    const state = { value, done: new Set([...done, ...readsOf(value, steps, open)]) };
    const key = keyOf(state);
    if (visited.has(key)) return;
    visited.set(key, state);
    queue.push(state);
  };
  for (const { value, done } of states) visit(value, done);
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    if (visited.size > statesMax) return null;
    for (const index of nextWrites(state, steps, open))
      visit(steps[index]?.value ?? state.value, [...state.done, index]);
  }
  return visited.values();
}

/**
 * The writes under way that may take effect next. Of those that need not have happened and write the same value, as
 * unanswered zeroes do, the one that ends first stands for all: whatever another one explains, it explains as well, and
 * the other one can still take its place later.
 */
function nextWrites({ done }: State, steps: readonly Step[], open: ReadonlySet<number>): number[] {
  const next: number[] = [];
  const firstByValue = new Map<number, number>();
  for (const index of open) {
    const write = steps[index];
    if (write?.isWrite !== true || done.has(index)) continue;
    if (write.certain) {
      next.push(index);
      continue;
    }
    const first = steps[firstByValue.get(write.value) ?? -1];
    if (first === undefined || write.endedAt < first.endedAt) firstByValue.set(write.value, index);
  }
  return [...next, ...firstByValue.values()];
}

/** A write without an end that has happened in every state is no longer of interest. */
function withoutEndless(
  states: readonly State[],
  steps: readonly Step[],
  open: Set<number>,
): readonly State[] {
  let left = states;
  for (const index of open) {
    if (steps[index]?.endedAt !== Number.POSITIVE_INFINITY) continue;
    if (!left.every(({ done }) => done.has(index))) continue;
    open.delete(index);
    left = left.map(({ value, done }) => ({ value, done: without(done, index) }));
  }
  return left;
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
