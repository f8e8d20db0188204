/**
 * When an HBA can be used: as long as its connection to the fabric stands. Keeps which of its links are down, for
 * reports. Which path an I/O takes is decided elsewhere; this machine only rules its own HBA in or out.
 */
import { assign, setup } from 'xstate';
import type { LinkId } from '../../protocols/ids.ts';

export interface HbaMachineInput {
  readonly linksMax: number;
}

interface HbaMachineContext {
  /** Links over which nobody answered last, at most `linksMax`. */
  readonly linksDown: readonly LinkId[];
  readonly linksMax: number;
}

export type HbaMachineEvent =
  | { readonly type: 'bus.connected' }
  | { readonly type: 'bus.disconnected' }
  /** The connection ended for good: an HBA fault, or the end of the host. */
  | { readonly type: 'bus.closed' }
  | { readonly type: 'link.failed'; readonly link: LinkId }
  | { readonly type: 'link.restored'; readonly link: LinkId };

const hbaSetup = setup({
  types: {
    context: {} as HbaMachineContext,
    events: {} as HbaMachineEvent,
    input: {} as HbaMachineInput,
  },
  actions: {
    /** Port: tells the data path whether this HBA may be chosen. */
    publishUsable: (_, _params: { usable: boolean }) => {},
    noteLinkFailed: assign(({ context, event }) => {
      if (event.type !== 'link.failed') return {};
      const others = context.linksDown.filter((link) => link !== event.link);
      return { linksDown: [...others, event.link].slice(-context.linksMax) };
    }),
    noteLinkRestored: assign(({ context, event }) => {
      if (event.type !== 'link.restored') return {};
      return { linksDown: context.linksDown.filter((link) => link !== event.link) };
    }),
    forgetLinks: assign({ linksDown: [] }),
  },
});

const disconnected = hbaSetup.createStateConfig({
  entry: [{ type: 'publishUsable', params: { usable: false } }, 'forgetLinks'],
  on: { 'bus.connected': 'connected', 'bus.closed': 'closed' },
});

const connected = hbaSetup.createStateConfig({
  tags: ['usable'],
  entry: { type: 'publishUsable', params: { usable: true } },
  on: {
    'bus.disconnected': 'disconnected',
    'bus.closed': 'closed',
    'link.failed': { actions: 'noteLinkFailed' },
    'link.restored': { actions: 'noteLinkRestored' },
  },
});

const closed = hbaSetup.createStateConfig({
  entry: [{ type: 'publishUsable', params: { usable: false } }, 'forgetLinks'],
});

export const hbaMachine = hbaSetup.createMachine({
  id: 'hba',
  context: ({ input }) => ({ linksDown: [], linksMax: input.linksMax }),
  initial: 'disconnected',
  states: { disconnected, connected, closed },
  options: { maxIterations: 100 },
});
