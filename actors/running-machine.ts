/**
 * Runs an XState machine on the ports: on the given clock, with its transitions told as events, and supervised: a
 * machine that ends in an error is reported, never silently dead.
 */
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type InputFrom,
  type Actor as MachineActor,
} from 'xstate';
import { eventNames, type TransitionFields } from '../protocols/events.ts';
import type { Clock, Log } from '../protocols/ports.ts';
import type { Actor } from './actor.ts';

export interface MachineRun<Machine extends AnyStateMachine> {
  readonly machine: Machine;
  /** How the machine is called in events: its kind, or kind and subject (`path:s1-d1`). */
  readonly name: string;
  readonly input: InputFrom<Machine>;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when the machine died of an exception: a bug. What it steered must stop. */
  readonly onFailure: (error: unknown) => void;
}

/** A state value as text: `serving`, `serving.steady`, `a.x+b.y` for parallel states. */
export function stateText(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as Record<string, unknown>)
    .map(([state, inner]) => {
      const rest = stateText(inner);
      return rest === '' ? state : `${state}.${rest}`;
    })
    .join('+');
}

/** What made a machine change its state, as text: an event's type, `after <delay>`, or '' for its start. */
export function causeText(eventType: string): string {
  if (eventType === 'xstate.init') return '';
  return eventType.replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1');
}

/** Why a machine is where it is, for people: many keep it in their context. */
function reasonOf(context: unknown): string {
  const { reason, problem } = (context ?? {}) as Readonly<Record<string, unknown>>;
  const text = reason ?? problem;
  return typeof text === 'string' ? text : '';
}

/** Starts a machine. */
export function runMachine<Machine extends AnyStateMachine>(
  run: MachineRun<Machine>,
): MachineActor<Machine> {
  const { machine, name, input, actor, clock, log, onFailure } = run;
  let before = '';
  let toldReason = '';
  const running = createActor(machine as AnyStateMachine, {
    input,
    clock: clock as never,
    id: name,
    inspect: (inspected) => {
      if (inspected.type !== '@xstate.snapshot') return;
      const { value, context } = inspected.snapshot as AnyMachineSnapshot;
      const state = stateText(value);
      if (state === before) return;
      const reason = reasonOf(context);
      const fields: TransitionFields = {
        machine: name,
        from: before,
        to: state,
        event: causeText(inspected.event.type),
        reason: reason === toldReason ? '' : reason,
      };
      before = state;
      toldReason = reason;
      actor.tell(eventNames.transition, fields);
    },
  });
  running.subscribe({
    error: (error) => {
      log.error({ machine: name, error }, 'a machine died');
      actor.tell(eventNames.fault, { what: `the machine ${name} died: ${String(error)}` });
      onFailure(error);
    },
  });
  running.start();
  return running as MachineActor<Machine>;
}
