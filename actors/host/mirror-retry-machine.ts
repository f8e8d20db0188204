/**
 * What becomes of one part of a read whose mirror failed (DESIGN H5): another mirror is read at once where the switch
 * named some, else the virtualizer is asked for them. Each mirror is read once at most. Bytes from a good one let the
 * bad ones be repaired. When every mirror that is in sync has failed, each may still hold what the others lack: the
 * coordinator is asked to mend the range block by block. If it says that all is good now, the mirrors are read anew; if
 * not, the part ends with an error. How a mirror is read and a repair asked for is left to `mirror-retries`; the part's deadline ends
 * it from outside.
 */
import { assign, setup } from 'xstate';
import type { DiskId } from '../../protocols/ids.ts';

interface MirrorRetryContext {
  /** Disks that could not be read, in the order in which they were tried. */
  readonly failed: readonly DiskId[];
  /** Disks that may be read now; none of them has failed. */
  readonly candidates: readonly DiskId[];
}

/** A mirror could not be read. */
export interface MirrorFailed {
  readonly type: 'mirror.failed';
  readonly disk: DiskId;
  /** The other mirrors, as far as who told of the failure named them. */
  readonly alternates: readonly DiskId[];
}

export type MirrorRetryEvent =
  | MirrorFailed
  /** A mirror gave the bytes, and the consumer has them. */
  | { readonly type: 'mirror.read' }
  /** The virtualizer says which other mirrors are in sync: those that can be reached, and those that cannot now. */
  | {
      readonly type: 'alternates.answered';
      readonly disks: readonly DiskId[];
      readonly away: readonly DiskId[];
    }
  /** The part ended in another way: its deadline passed, or its volume was let go. */
  | { readonly type: 'part.ended' }
  /** `isGood`: every block of the range is good on all mirrors. */
  | { readonly type: 'repair.ended'; readonly isGood: boolean };

/** The candidates after a failure: those that are left, and those that were named with it. */
function candidatesAfter(context: MirrorRetryContext, event: MirrorFailed): readonly DiskId[] {
  const failed = [...context.failed, event.disk];
  const known = new Set([...context.candidates, ...event.alternates]);
  return [...known].filter((disk) => !failed.includes(disk));
}

function untriedOf(context: MirrorRetryContext, disks: readonly DiskId[]): readonly DiskId[] {
  return disks.filter((disk) => !context.failed.includes(disk));
}

const mirrorRetrySetup = setup({
  types: { context: {} as MirrorRetryContext, events: {} as MirrorRetryEvent },
  actions: {
    /** Port: reads the part from one of these disks. */
    readMirror: (_, _params: { disks: readonly DiskId[] }) => {},
    /** Port: asks the virtualizer which mirrors are left; `alternates.answered` follows, or silence. */
    queryAlternates: (_, _params: { failed: readonly DiskId[] }) => {},
    /** Port: tells how it went, and asks the coordinator to make the blocks good again; `repair.ended` follows. */
    askRepair: (_, _params: { failed: readonly DiskId[] }) => {},
    /** Port: the same, where nothing was read and all depends on it. */
    askMending: () => {},
    /** Port: the consumer gets an error; `part.ended` follows. */
    endPart: (_, _params: { failed: readonly DiskId[] }) => {},
    noteFailure: assign(({ context, event }) =>
      event.type === 'mirror.failed'
        ? {
            failed: [...context.failed, event.disk],
            candidates: candidatesAfter(context, event),
          }
        : {},
    ),
    beginAnew: assign(({ context }) => ({ candidates: context.failed, failed: [] })),
    noteAlternates: assign(({ context, event }) =>
      event.type === 'alternates.answered' ? { candidates: untriedOf(context, event.disks) } : {},
    ),
  },
  guards: {
    leavesCandidates: ({ context, event }) =>
      event.type === 'mirror.failed' && candidatesAfter(context, event).length > 0,
    namesUntried: ({ context, event }) =>
      event.type === 'alternates.answered' && untriedOf(context, event.disks).length > 0,
    isMended: ({ event }) => event.type === 'repair.ended' && event.isGood,
    /** Nothing is left that could be waited for. */
    namesNobodyElse: ({ context, event }) =>
      event.type === 'alternates.answered' &&
      untriedOf(context, [...event.disks, ...event.away]).length === 0,
  },
  delays: {
    /** The question or its answer may be lost, the virtualizer be away, or a mirror that has not failed. */
    askDelay: 200,
  },
});

const idle = mirrorRetrySetup.createStateConfig({
  on: {
    'mirror.failed': [
      { guard: 'leavesCandidates', target: 'reading', actions: 'noteFailure' },
      { target: 'querying', actions: 'noteFailure' },
    ],
  },
});

const reading = mirrorRetrySetup.createStateConfig({
  entry: {
    type: 'readMirror',
    params: ({ context }) => ({ disks: context.candidates }),
  },
  on: {
    'mirror.failed': [
      { guard: 'leavesCandidates', target: 'reading', reenter: true, actions: 'noteFailure' },
      { target: 'querying', actions: 'noteFailure' },
    ],
    'mirror.read': 'repairing',
    'part.ended': 'over',
  },
});

const querying = mirrorRetrySetup.createStateConfig({
  entry: {
    type: 'queryAlternates',
    params: ({ context }) => ({ failed: context.failed }),
  },
  on: {
    'alternates.answered': [
      { guard: 'namesUntried', target: 'reading', actions: 'noteAlternates' },
      { guard: 'namesNobodyElse', target: 'mending' },
    ],
    'part.ended': 'over',
  },
  after: { askDelay: { target: 'querying', reenter: true } },
});

const mending = mirrorRetrySetup.createStateConfig({
  entry: 'askMending',
  on: {
    'repair.ended': [
      { guard: 'isMended', target: 'reading', actions: 'beginAnew' },
      { target: 'exhausted' },
    ],
    'part.ended': 'over',
  },
});

const exhausted = mirrorRetrySetup.createStateConfig({
  entry: { type: 'endPart', params: ({ context }) => ({ failed: context.failed }) },
  on: { 'part.ended': 'over' },
});

const repairing = mirrorRetrySetup.createStateConfig({
  entry: { type: 'askRepair', params: ({ context }) => ({ failed: context.failed }) },
  on: { 'repair.ended': 'over' },
});

const over = mirrorRetrySetup.createStateConfig({ tags: ['over'] });

export const mirrorRetryMachine = mirrorRetrySetup.createMachine({
  id: 'mirror-retry',
  context: { failed: [], candidates: [] },
  initial: 'idle',
  states: { idle, reading, querying, mending, exhausted, repairing, over },
  options: { maxIterations: 100 },
});
