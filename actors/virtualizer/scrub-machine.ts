/**
 * The scrub of one volume (DESIGN D5): when one is due or asked for, range after range is scrubbed by the coordinators,
 * with a rest after each so that consumers' I/O goes on beside. A range that nobody can scrub now is asked for again.
 * How ranges are chosen and asked for, and for how long it rests, is left to `volume-scrub`.
 */
import { assign, setup } from 'xstate';

export interface ScrubContext {
  /** What is in the way, or why the last one ended, for people; '' for nothing. */
  readonly reason: string;
}

export type ScrubEvent =
  /** By the schedule. */
  | { readonly type: 'scrub.due' }
  /** By an operator. */
  | { readonly type: 'scrub.requested' }
  | { readonly type: 'scrub.stopped' }
  | { readonly type: 'range.scrubbed' }
  /** The last one. */
  | { readonly type: 'volume.scrubbed' }
  | { readonly type: 'range.refused'; readonly reason: string }
  | { readonly type: 'rest.over' };

const scrubSetup = setup({
  types: {
    context: {} as ScrubContext,
    events: {} as ScrubEvent,
  },
  actions: {
    /** Port: says when the next one is due. */
    awaitSchedule: () => {},
    /** Port: from the beginning of the volume on. */
    beginScrub: () => {},
    /** Port: has the next range scrubbed; `range.scrubbed`, `volume.scrubbed` or `range.refused` follows. */
    askRange: () => {},
    /** Port: `rest.over` follows. */
    rest: () => {},
    /** Port: nothing that was asked for is waited for any more. */
    endScrub: () => {},
    /** Port: all of the volume was scrubbed. */
    noteComplete: () => {},
    noteReason: assign(({ event }) =>
      event.type === 'range.refused' ? { reason: event.reason } : {},
    ),
    noteStopped: assign({ reason: 'stopped by an operator' }),
    clearReason: assign({ reason: '' }),
  },
  delays: {
    retryDelay: 1000,
  },
});

const begins = { target: 'scrubbing', actions: ['clearReason', 'beginScrub'] } as const;

const idle = scrubSetup.createStateConfig({
  entry: 'awaitSchedule',
  on: { 'scrub.due': begins, 'scrub.requested': begins },
});

const asking = scrubSetup.createStateConfig({
  entry: 'askRange',
  on: {
    'range.scrubbed': { target: 'resting', actions: 'clearReason' },
    'range.refused': { target: 'waiting', actions: 'noteReason' },
    'volume.scrubbed': { target: '#scrub.idle', actions: ['clearReason', 'noteComplete'] },
  },
});

const resting = scrubSetup.createStateConfig({
  entry: 'rest',
  on: { 'rest.over': 'asking' },
});

const waiting = scrubSetup.createStateConfig({
  after: { retryDelay: 'asking' },
});

const scrubbing = scrubSetup.createStateConfig({
  initial: 'asking',
  states: { asking, resting, waiting },
  exit: 'endScrub',
  on: { 'scrub.stopped': { target: 'idle', actions: 'noteStopped' } },
});

export const scrubMachine = scrubSetup.createMachine({
  id: 'scrub',
  context: { reason: '' },
  initial: 'idle',
  states: { idle, scrubbing },
  options: { maxIterations: 100 },
});
