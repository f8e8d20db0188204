/**
 * When a disk serves: not before its store was found to be its own and its journal was replayed, not before the
 * virtualizer has assembled a volume on this very process, and never again once its store has failed. What the modes
 * mean for a frame is the data path's (`disk-io.ts`); what may be done to which volume is judged by `fences.ts`.
 */
import { assign, setup } from 'xstate';

/**
 * - `closed`: nothing is served, and nobody listens.
 * - `unassembled`: frames are answered, volumes are fenced.
 * - `serving`: at least one volume has been assembled.
 * - `failed`: everything is answered with a media error.
 */
export type DiskMode = 'closed' | 'unassembled' | 'serving' | 'failed';

interface DiskMachineContext {
  /** Why it does not serve, for people; '' while nothing is wrong. */
  readonly reason: string;
}

export type DiskMachineEvent =
  /** Its store is there; who it belongs to is looked at, and its journal is replayed. */
  | { readonly type: 'store.found' }
  /** There is no store, or not this disk's. */
  | { readonly type: 'store.refused'; readonly reason: string }
  | { readonly type: 'journal.replayed' }
  | { readonly type: 'volume.assembled' }
  /** The store failed in a way after which nothing on it can be believed or kept (DESIGN I11). */
  | { readonly type: 'store.failed'; readonly reason: string }
  | { readonly type: 'stop.requested' }
  | { readonly type: 'store.closed' };

const diskSetup = setup({
  types: { context: {} as DiskMachineContext, events: {} as DiskMachineEvent },
  actions: {
    /** Port: the data path's view. */
    publishMode: (_, _params: { mode: DiskMode }) => {},
    /** Port: begins to open the disk on its store. */
    openDisk: () => {},
    /** Port: begins to listen on the links. */
    openLinks: () => {},
    /** Port: makes everything durable and lets go of the store. */
    closeStore: () => {},
    noteReason: assign(({ event }) => ('reason' in event ? { reason: event.reason } : {})),
  },
});

const absent = diskSetup.createStateConfig({
  on: {
    'store.found': 'replaying',
    'store.refused': { target: 'refused', actions: 'noteReason' },
    'stop.requested': 'stopped',
  },
});

const replaying = diskSetup.createStateConfig({
  entry: 'openDisk',
  on: {
    'journal.replayed': { target: 'unassembled', actions: 'openLinks' },
    'store.refused': { target: 'refused', actions: 'noteReason' },
    'store.failed': { target: 'refused', actions: 'noteReason' },
    'stop.requested': 'stopping',
  },
});

const unassembled = diskSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'unassembled' } },
  on: {
    'volume.assembled': 'serving',
    'store.failed': { target: 'failed', actions: 'noteReason' },
    'stop.requested': 'stopping',
  },
});

const serving = diskSetup.createStateConfig({
  tags: ['serving'],
  entry: { type: 'publishMode', params: { mode: 'serving' } },
  on: {
    'store.failed': { target: 'failed', actions: 'noteReason' },
    'stop.requested': 'stopping',
  },
});

/** The store is not what it should be: an operator must look. */
const refused = diskSetup.createStateConfig({
  tags: ['broken'],
  entry: { type: 'publishMode', params: { mode: 'closed' } },
  on: { 'stop.requested': 'stopping' },
});

/** For ever: only a new process may look at the store again. */
const failed = diskSetup.createStateConfig({
  tags: ['broken'],
  entry: { type: 'publishMode', params: { mode: 'failed' } },
  on: { 'stop.requested': 'stopping' },
});

const stopping = diskSetup.createStateConfig({
  entry: [{ type: 'publishMode', params: { mode: 'closed' } }, 'closeStore'],
  on: { 'store.closed': 'stopped' },
});

const stopped = diskSetup.createStateConfig({
  entry: { type: 'publishMode', params: { mode: 'closed' } },
});

export const diskMachine = diskSetup.createMachine({
  id: 'disk',
  context: { reason: '' },
  initial: 'absent',
  states: { absent, replaying, unassembled, serving, refused, failed, stopping, stopped },
  options: { maxIterations: 100 },
});
