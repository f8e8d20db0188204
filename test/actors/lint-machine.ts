/**
 * What XState does not say about a machine: names that mean nothing, keys that are misspelled, states that nothing
 * leads to. It would run such a machine without a word, or let its actor die when it gets there.
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

const stateKeys = [
  'id',
  'type',
  'initial',
  'states',
  'on',
  'after',
  'always',
  'entry',
  'exit',
  'tags',
  'description',
  'meta',
];
/** `schemas` comes from `setup()`. */
const rootKeys = [...stateKeys, 'context', 'options', 'output', 'version', 'schemas'];
const transitionKeys = ['target', 'guard', 'actions', 'reenter', 'description', 'meta'];

type Config = Readonly<Record<string, unknown>>;

interface Lint {
  readonly machine: AnyStateMachine;
  readonly problems: string[];
}

/** Everything that is wrong with a machine, as sentences. */
export function lintMachine(machine: AnyStateMachine): readonly string[] {
  const lint: Lint = { machine, problems: [] };
  const root = machine.root as AnyStateNode;
  const nodes = allNodes(root);
  for (const node of nodes) lintNode(node, lint);
  const reached = reachedFrom(root);
  for (const node of nodes)
    if (!reached.has(node)) lint.problems.push(`${nameOf(node)}: nothing leads to this state`);
  const { maxIterations } = (machine.config as Config).options as { maxIterations?: number };
  if (!Number.isFinite(maxIterations))
    lint.problems.push('options.maxIterations: endless transitions would hang the process');
  return lint.problems;
}

function allNodes(node: AnyStateNode): readonly AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(allNodes)];
}

function nameOf(node: AnyStateNode): string {
  return node.path.length === 0 ? node.id : node.path.join('.');
}

function lintNode(node: AnyStateNode, lint: Lint): void {
  const config = node.config as Config;
  const allowed = node.parent === undefined ? rootKeys : stateKeys;
  const say = (problem: string) => lint.problems.push(`${nameOf(node)}: ${problem}`);
  for (const key of Object.keys(config))
    if (!allowed.includes(key)) say(`${key} is no key of a state`);
  if (config.invoke !== undefined) say('machines wait for events, they invoke nothing');
  const children = Object.keys(node.states);
  if (
    children.length > 0 &&
    config.type !== 'parallel' &&
    !children.includes(String(config.initial))
  )
    say(`its initial state ${String(config.initial)} is none of its states`);
  const delays = Object.keys(lint.machine.implementations.delays);
  for (const delay of Object.keys((config.after ?? {}) as Config))
    if (!delays.includes(delay)) say(`delay ${delay} is not defined`);
  for (const actions of [config.entry, config.exit]) lintActions(actions, say, lint);
  for (const transition of transitionConfigs(config)) lintTransition(transition, say, lint);
}

function lintTransition(transition: unknown, say: (problem: string) => void, lint: Lint): void {
  if (typeof transition === 'string' || transition === undefined) return;
  const config = transition as Config;
  for (const key of Object.keys(config))
    if (!transitionKeys.includes(key)) say(`${key} is no key of a transition`);
  lintActions(config.actions, say, lint);
  lintReference(config.guard, 'guard', Object.keys(lint.machine.implementations.guards), say);
}

function lintActions(actions: unknown, say: (problem: string) => void, lint: Lint): void {
  const defined = Object.keys(lint.machine.implementations.actions);
  for (const action of listOf(actions)) lintReference(action, 'action', defined, say);
}

/** A name, or an object with a name and parameters; anything else cannot be seen in a diagram. */
function lintReference(
  reference: unknown,
  kind: string,
  defined: readonly string[],
  say: (problem: string) => void,
): void {
  if (reference === undefined) return;
  const type = typeof reference === 'string' ? reference : (reference as Config).type;
  if (typeof reference === 'function' || typeof type !== 'string') say(`an unnamed ${kind}`);
  else if (!defined.includes(type)) say(`${kind} ${type} is not defined`);
}

function transitionConfigs(config: Config): readonly unknown[] {
  const maps = [config.on, config.after].map((map) => Object.values((map ?? {}) as Config));
  return [...maps.flat().flatMap(listOf), ...listOf(config.always)];
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** The states that transitions and initial states lead to, guards aside. */
function reachedFrom(root: AnyStateNode): ReadonlySet<AnyStateNode> {
  const reached = new Set<AnyStateNode>();
  const open: AnyStateNode[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (reached.has(node)) continue;
    reached.add(node);
    if (node.parent !== undefined) open.push(node.parent);
    const isParallel = node.type === 'parallel';
    for (const [key, child] of Object.entries(node.states))
      if (isParallel || key === (node.config as Config).initial) open.push(child);
    for (const transition of [...node.transitions.values()].flat())
      open.push(...((transition.target ?? []) as AnyStateNode[]));
    for (const transition of node.always ?? [])
      open.push(...((transition.target ?? []) as AnyStateNode[]));
  }
  return reached;
}
