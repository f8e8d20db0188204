/**
 * A machine as a Mermaid state diagram (`stateDiagram-v2`). Mermaid draws no arrow between a state and one inside it,
 * so what holds in every state of a compound one leaves from a box of its own, "in any state"; entry, exit and actions
 * without a change of state are lines within the state's box.
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { actionNames, type ShownTransition, statesOf, transitionsOf } from './machine-parts.ts';

/** The diagram as text; the same machine gives the same text. */
export function mermaidOf(machine: AnyStateMachine): string {
  const { root } = machine;
  // Regions can be told apart within a state only.
  const states = root.type === 'parallel' ? stateLines : insideOf;
  const lines = ['stateDiagram-v2', ...states(root, machine, '  ')];
  for (const node of [root as AnyStateNode, ...statesOf(machine)])
    for (const transition of transitionsOf(node, machine))
      for (const target of transition.targets)
        lines.push(`  ${sourceId(transition, target)} --> ${idOf(target)} : ${transition.label}`);
  return `${lines.join('\n')}\n`;
}

/** The states within a state, with what they do; regions of a parallel one apart. */
function insideOf(node: AnyStateNode, machine: AnyStateMachine, indent: string): string[] {
  const lines: string[] = [];
  const own = ownLines(node, machine);
  const children: readonly AnyStateNode[] = Object.values(node.states);
  if (own.length > 0 || needsAnyState(node, machine)) {
    lines.push(`${indent}state "in any state" as ${anyId(node)}`);
    lines.push(...own.map((line) => `${indent}${anyId(node)} : ${line}`));
  }
  for (const [index, child] of children.entries()) {
    if (node.type === 'parallel' && (index > 0 || lines.length > 0)) lines.push(`${indent}--`);
    lines.push(...stateLines(child, machine, indent));
  }
  if (node.type === 'compound')
    for (const target of node.initial.target ?? []) lines.push(`${indent}[*] --> ${idOf(target)}`);
  return lines;
}

function stateLines(node: AnyStateNode, machine: AnyStateMachine, indent: string): string[] {
  const name = `state "${node.key}" as ${idOf(node)}`;
  if (Object.keys(node.states).length > 0)
    return [
      `${indent}${name} {`,
      ...insideOf(node, machine, `${indent}  `),
      `${indent}}`,
      ...(node.type === 'final' ? [`${indent}${idOf(node)} --> [*]`] : []),
    ];
  return [
    `${indent}${name}`,
    ...ownLines(node, machine).map((line) => `${indent}${idOf(node)} : ${line}`),
    ...(node.type === 'final' ? [`${indent}${idOf(node)} --> [*]`] : []),
  ];
}

/** What a state does without leaving. */
function ownLines(node: AnyStateNode, machine: AnyStateMachine): string[] {
  const staying = transitionsOf(node, machine).filter(({ targets }) => targets.length === 0);
  return [
    ...actionNames(node, 'entry').map((action) => `entry / ${action}`),
    ...staying.map(({ label }) => label),
    ...actionNames(node, 'exit').map((action) => `exit / ${action}`),
  ];
}

function needsAnyState(node: AnyStateNode, machine: AnyStateMachine): boolean {
  return transitionsOf(node, machine).some((transition) =>
    transition.targets.some((target) => sourceId(transition, target) === anyId(node)),
  );
}

/** The box that an arrow leaves from: that of the state itself, unless the arrow leads into it. */
function sourceId({ source }: ShownTransition, target: AnyStateNode): string {
  const isCompound = Object.keys(source.states).length > 0;
  return isCompound && isWithin(target, source) ? anyId(source) : idOf(source);
}

function isWithin(node: AnyStateNode, ancestor: AnyStateNode): boolean {
  for (let each: AnyStateNode | undefined = node; each !== undefined; each = each.parent)
    if (each === ancestor) return true;
  return false;
}

/** Mermaid takes letters, digits and `_`; the machine's name in front keeps its own words (`end`, `state`) apart. */
function idOf(node: AnyStateNode): string {
  return [node.machine.id, ...node.path].join('__').replace(/[^A-Za-z0-9_]/g, '_');
}

function anyId(node: AnyStateNode): string {
  return `${idOf(node)}__any`;
}
