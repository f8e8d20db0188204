/**
 * Every transition that the machines of a cluster can make, taken out of the machines themselves: which state, on what
 * event, to which state. What a batch of runs has met is held against it.
 */
import type { AnyStateNode } from 'xstate';
import { type ListedMachine, machines } from '../../actors/machines.ts';
import { causeText } from '../../actors/running-machine.ts';

/** A change of state as people read it: `disk: serving > failed on store.failed`. Without `from` it is a start. */
export function transitionText(machine: string, from: string, to: string, cause: string): string {
  return from === '' ? `${machine}: (start) > ${to}` : `${machine}: ${from} > ${to} on ${cause}`;
}

/** All changes of state that the machines allow, guards aside. */
export function possibleTransitions(
  listed: readonly Pick<ListedMachine, 'name' | 'machine'>[] = machines,
): readonly string[] {
  return listed.flatMap(({ name, machine }) => {
    const start = transitionText(name, '', stateName(leafOf(machine.root)), '');
    const changes = leavesOf(machine.root).flatMap((leaf) => changesOf(name, leaf));
    return [...new Set([start, ...changes])];
  });
}

/** An inner state's transition hides an outer one on the same event, unless a guard may refuse it. */
function changesOf(machine: string, leaf: AnyStateNode): readonly string[] {
  const from = stateName(leaf);
  const hidden = new Set<string>();
  const changes: string[] = [];
  for (let node: AnyStateNode | undefined = leaf; node !== undefined; node = node.parent)
    for (const [event, candidates] of node.transitions)
      for (const { target, guard } of candidates) {
        if (hidden.has(event)) break;
        if (guard === undefined) hidden.add(event);
        const [next] = target ?? [];
        const to = next === undefined ? from : stateName(leafOf(next));
        if (to !== from) changes.push(transitionText(machine, from, to, causeText(event)));
      }
  return changes;
}

function leavesOf(node: AnyStateNode): readonly AnyStateNode[] {
  const children = Object.values(node.states);
  return children.length === 0 ? [node] : children.flatMap(leavesOf);
}

/** Where a machine is when it enters a state. */
function leafOf(node: AnyStateNode): AnyStateNode {
  const [inner] = node.initial?.target ?? [];
  return inner === undefined ? node : leafOf(inner);
}

/** As `stateText` says it of a machine without parallel states. */
function stateName(node: AnyStateNode): string {
  return node.path.join('.');
}
