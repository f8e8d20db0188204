/**
 * Asks everybody on some ways whether they are there now, before hosts are told of these ways (DESIGN §5): whoever does
 * not answer in time is on none of them.
 */
import { verbs } from '../../protocols/commands.ts';
import type { Route } from '../../protocols/control-data.ts';
import type { ActorAddress } from '../../protocols/ids.ts';
import type { Actor } from '../actor.ts';

/** A way, and whom it is to reach. */
export interface Way {
  readonly route: Route;
  readonly target: ActorAddress;
}

/** A host waits for the answer, and its consumer with it. */
const answerTimeoutMs = 150;

/** @param checked told once, maybe before this returns: who of all on the ways did not answer */
export function checkWays(
  actor: Pick<Actor, 'ask'>,
  ways: readonly Way[],
  checked: (silent: ReadonlySet<string>) => void,
): void {
  const onWays = new Map<string, ActorAddress>();
  for (const { route, target } of ways) {
    for (const id of route.switches) onWays.set(id, { kind: 'switch', id });
    onWays.set(target.id, target);
  }
  const silent = new Set<string>();
  let left = onWays.size;
  if (left === 0) checked(silent);
  for (const address of onWays.values())
    actor.ask(address, verbs.describe, {}, answerTimeoutMs, (description) => {
      if (!description.ok) silent.add(address.id);
      left--;
      if (left === 0) checked(silent);
    });
}

/** Whether everybody on a way answered. */
export function hasAnswered({ route, target }: Way, silent: ReadonlySet<string>): boolean {
  return !silent.has(target.id) && route.switches.every((id) => !silent.has(id));
}
