/**
 * When a link may be used, as one host sees it. Silence makes it suspect, "nobody listens" makes it failed; answers,
 * a probe or time bring it back. The rank that each state publishes is all that the data path reads. What counts as
 * evidence, and how a probe travels, is left to `paths`.
 */
import { setup } from 'xstate';

export type PathMachineEvent =
  /** An answer came to something sent over the link since its rank changed. */
  | { readonly type: 'path.answered' }
  /** Something sent over it got no answer in time, nor has anything else since. */
  | { readonly type: 'path.timedOut' }
  /** Nobody listens at its end. */
  | { readonly type: 'path.failed' };

export type PathRank = 'usable' | 'suspect' | 'failed';

const pathSetup = setup({
  types: { events: {} as PathMachineEvent },
  actions: {
    /** Port: the data path's view of the link. */
    publishRank: (_, _params: { rank: PathRank }) => {},
    /** Port: one small frame over the link; silence proves nothing, "nobody listens" does. */
    sendProbe: () => {},
  },
  delays: {
    /** A silent link is preferred less for so long. */
    suspicionDelay: 2000,
    /** Between a failure and the next look. */
    recheckDelay: 500,
    /** How long "nobody listens" may take to arrive. */
    probeDelay: 500,
  },
});

const usable = pathSetup.createStateConfig({
  tags: ['usable'],
  entry: { type: 'publishRank', params: { rank: 'usable' } },
  on: { 'path.timedOut': 'suspect', 'path.failed': 'failed' },
});

const suspect = pathSetup.createStateConfig({
  entry: { type: 'publishRank', params: { rank: 'suspect' } },
  on: { 'path.answered': 'usable', 'path.failed': 'failed' },
  after: { suspicionDelay: 'usable' },
});

const failed = pathSetup.createStateConfig({
  entry: { type: 'publishRank', params: { rank: 'failed' } },
  on: { 'path.answered': 'usable' },
  after: { recheckDelay: 'probing' },
});

const probing = pathSetup.createStateConfig({
  entry: 'sendProbe',
  on: { 'path.answered': 'usable', 'path.failed': 'failed' },
  after: { probeDelay: 'suspect' },
});

export const pathMachine = pathSetup.createMachine({
  id: 'path',
  initial: 'usable',
  states: { usable, suspect, failed, probing },
  options: { maxIterations: 100 },
});
