/**
 * When a switch's cache may be used again after reads of a volume left it (DESIGN H9): not before the switch has said
 * that it forgot the volume. It is asked at once; one that does not answer is fenced, and asked again and again. The
 * machine lives from the change of the path to that answer. Meanwhile reads pass by the cache, so that none waits and
 * none can be stale; how they do, and how the switch is asked, is left to `volume-caches`.
 */
import { assign, setup } from 'xstate';

export interface CacheCleanupInput {
  /** Why reads left the switch, for people. */
  readonly reason: string;
}

export interface CacheCleanupContext {
  readonly reason: string;
}

export type CacheCleanupEvent =
  /** The switch has forgotten the volume. */
  | { readonly type: 'invalidation.confirmed'; readonly blocks: number }
  /** It did not answer in time, or said no. */
  | { readonly type: 'invalidation.failed'; readonly what: string };

const cacheCleanupSetup = setup({
  types: {
    input: {} as CacheCleanupInput,
    context: {} as CacheCleanupContext,
    events: {} as CacheCleanupEvent,
  },
  actions: {
    /** Port: tells the switch to forget the volume; one of the events follows. */
    sendInvalidation: () => {},
    /** Port: the cache may be used again. */
    publishClean: () => {},
    noteFailure: assign(({ event }) =>
      event.type === 'invalidation.failed' ? { reason: event.what } : {},
    ),
    noteForgotten: assign(({ event }) =>
      event.type === 'invalidation.confirmed' ? { reason: `${event.blocks} blocks forgotten` } : {},
    ),
  },
  delays: {
    /** Longer than an answer is waited for. */
    retryDelay: 1000,
  },
});

const invalidating = cacheCleanupSetup.createStateConfig({
  entry: 'sendInvalidation',
  on: {
    'invalidation.confirmed': { target: 'clean', actions: 'noteForgotten' },
    'invalidation.failed': { target: 'fenced', actions: 'noteFailure' },
  },
});

const fenced = cacheCleanupSetup.createStateConfig({
  on: { 'invalidation.confirmed': { target: 'clean', actions: 'noteForgotten' } },
  after: { retryDelay: { target: 'fenced', reenter: true, actions: 'sendInvalidation' } },
});

const clean = cacheCleanupSetup.createStateConfig({ type: 'final', entry: 'publishClean' });

export const cacheCleanupMachine = cacheCleanupSetup.createMachine({
  id: 'cache-cleanup',
  context: ({ input }) => ({ reason: input.reason }),
  initial: 'invalidating',
  states: { invalidating, fenced, clean },
  options: { maxIterations: 100 },
});
