/** What a diagram shows of a machine, read from the object that runs: states, transitions, and their names. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

export interface ShownTransition {
  readonly source: AnyStateNode;
  /** Empty where the machine stays in its state and only acts. */
  readonly targets: readonly AnyStateNode[];
  /** `event [guard] / action, action` */
  readonly label: string;
}

/** All states below the root, parents before children. */
export function statesOf(machine: AnyStateMachine): readonly AnyStateNode[] {
  const below = (node: AnyStateNode): readonly AnyStateNode[] =>
    Object.values(node.states).flatMap((child: AnyStateNode) => [child, ...below(child)]);
  return below(machine.root);
}

/** The transitions that leave a state: those of events, of delays, and those that happen by themselves. */
export function transitionsOf(
  node: AnyStateNode,
  machine: AnyStateMachine,
): readonly ShownTransition[] {
  const all = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
  return all.map(({ target, eventType, guard, actions, source }) => ({
    source,
    targets: target ?? [],
    label: [
      eventText(eventType, machine),
      guard === undefined ? '' : `[${nameOf(guard)}]`,
      actions.length === 0 ? '' : `/ ${namesOf(actions).join(', ')}`,
    ]
      .filter((word) => word !== '')
      .join(' '),
  }));
}

/** Names of the actions at the entry or exit of a state, as its author wrote them. */
export function actionNames(node: AnyStateNode, when: 'entry' | 'exit'): readonly string[] {
  return namesOf(listOf(node.config[when]));
}

const afterPattern = /^xstate\.after\.([^.]+)\./;

/** A delay by its name, and by its length where that is fixed. */
function eventText(eventType: string, machine: AnyStateMachine): string {
  if (eventType === '') return 'always';
  const [, delay] = afterPattern.exec(eventType) ?? [];
  if (delay === undefined) return eventType;
  const length: unknown = machine.implementations.delays[delay];
  return typeof length === 'number' ? `after ${delay} (${length} ms)` : `after ${delay}`;
}

function namesOf(actions: readonly unknown[]): readonly string[] {
  return actions.map(nameOf);
}

function nameOf(reference: unknown): string {
  return typeof reference === 'string' ? reference : String((reference as { type: unknown }).type);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
