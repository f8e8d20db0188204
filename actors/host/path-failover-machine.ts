/**
 * One failover of a host (DESIGN H6): from the moment when a link or an HBA failed under I/O, or somebody was silent,
 * until all that it hit has ended. Where alternates are named, what it hit is re-issued at once; where they are not, the
 * virtualizer is asked first. Where no way is left it is held, and ends with an error only after `noPathRetry`. What is
 * silent is found out by each I/O in its time, so that the story waits whether there are more. Which parts there are,
 * and how they travel, is left to `path-failovers`.
 */
import { assign, setup } from 'xstate';

/**
 * What becomes of a part that a failover hits.
 * - `wait`: until it is known which ways are left.
 * - `reissue`: again at once, as long as there are ways left.
 * - `hold`: again from time to time, over what is not known to work.
 */
export type FailoverMode = 'wait' | 'reissue' | 'hold';

export interface PathFailoverInput {
  readonly noPathRetryMs: number;
  /** It began with answers that did not come. */
  readonly isSilence: boolean;
}

export interface PathFailoverContext extends PathFailoverInput {
  /** What was decided last, in words. */
  readonly reason: string;
}

export type PathFailoverEvent =
  /** Somebody who knows the ways said what is left, or it is known here. */
  | { readonly type: 'alternates.named' }
  /** The code was bare. */
  | { readonly type: 'alternates.unnamed' }
  /** Nothing is known but that no answer came: what was sent is sent again. */
  | { readonly type: 'answers.overdue' }
  /** The virtualizer verified that there are ways. */
  | { readonly type: 'alternates.found' }
  | { readonly type: 'alternates.lacking' }
  /** No virtualizer answers. */
  | { readonly type: 'virtualizer.silent' }
  /** Every way of some part has failed. */
  | { readonly type: 'ways.exhausted' }
  /** A link or HBA came back, or there is newer control data. */
  | { readonly type: 'ways.changed' }
  /** All that it hit has ended. */
  | { readonly type: 'parts.ended' }
  /** It hit a part again after that. */
  | { readonly type: 'parts.hit' };

const failoverSetup = setup({
  types: {
    context: {} as PathFailoverContext,
    events: {} as PathFailoverEvent,
    input: {} as PathFailoverInput,
  },
  actions: {
    /** Port: the data path's view; `reissue` also sends what waits. */
    publishMode: (_, _params: { mode: FailoverMode }) => {},
    /** Port: asks which ways are left, and whether they work. */
    askVirtualizer: () => {},
    /** Port: what it holds ends with an error. */
    endParts: () => {},
    /** Port: one more decision, for the story. */
    tellDecision: (_, _params: { what: string }) => {},
    /** Port: one event with all that happened. */
    tellStory: () => {},
    noteDecision: assign((_, { what }: { what: string }) => ({ reason: what })),
  },
  guards: {
    isSilence: ({ context }) => context.isSilence,
  },
  delays: {
    /** A virtualizer that does not answer by then is not waited for. */
    queryDelay: 250,
    noPathDelay: ({ context }) => context.noPathRetryMs,
    /** What ends with an error does so by the next sweep. */
    endDelay: 1000,
    /** After so long without a part that it hits a silence is over. */
    quietDelay: 1000,
  },
});

/** Decisions are told, and kept as the reason of what follows. */
const decide = (what: string) =>
  [
    { type: 'noteDecision', params: { what } },
    { type: 'tellDecision', params: { what } },
  ] as const;

const seen = failoverSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'wait' } },
  on: {
    'alternates.named': { target: 'reissuing', actions: decide('took the next best way') },
    'alternates.unnamed': 'querying',
    'answers.overdue': {
      target: 'reissuing',
      actions: decide('sent it again, by another way where there is one'),
    },
  },
});

const querying = failoverSetup.createStateConfig({
  entry: [
    ...decide('asked the virtualizer which ways are left'),
    { type: 'publishMode', params: { mode: 'wait' } },
    'askVirtualizer',
  ],
  on: {
    'alternates.found': {
      target: 'reissuing',
      actions: decide('took one that the virtualizer had verified'),
    },
    'alternates.lacking': 'holding',
    'virtualizer.silent': 'reissuing',
  },
  after: { queryDelay: 'reissuing' },
});

const reissuing = failoverSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'reissue' } },
  on: {
    'alternates.unnamed': 'querying',
    'ways.exhausted': 'holding',
    'parts.ended': [{ guard: 'isSilence', target: 'quiet' }, { target: 'over' }],
  },
});

const quiet = failoverSetup.createStateConfig({
  on: { 'parts.hit': 'reissuing' },
  after: { quietDelay: 'over' },
});

const holding = failoverSetup.createStateConfig({
  entry: [
    ...decide('held it: no way is left that works'),
    { type: 'publishMode', params: { mode: 'hold' } },
  ],
  on: { 'ways.changed': 'reissuing', 'parts.ended': 'over' },
  after: { noPathDelay: 'failing' },
});

const failing = failoverSetup.createStateConfig({
  entry: [...decide('gave up: no way was found in time'), 'endParts'],
  on: { 'ways.changed': 'reissuing', 'parts.ended': 'over' },
  after: { endDelay: { target: 'failing', reenter: true } },
});

const over = failoverSetup.createStateConfig({
  tags: ['over'],
  type: 'final',
  entry: 'tellStory',
});

export const pathFailoverMachine = failoverSetup.createMachine({
  id: 'path-failover',
  context: ({ input }) => ({ ...input, reason: '' }),
  initial: 'seen',
  states: { seen, querying, reissuing, quiet, holding, failing, over },
  options: { maxIterations: 100 },
});
