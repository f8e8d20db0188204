import { expect } from 'chai';
import { setup } from 'xstate';
import { possibleTransitions } from '../../../cluster/simulation/machine-transitions.ts';

const lamp = setup({
  types: { events: {} as { type: 'pressed' } | { type: 'broken' } | { type: 'dimmed' } },
  guards: { isLoose: () => false },
  delays: { warmUp: 100 },
}).createMachine({
  id: 'lamp',
  initial: 'off',
  on: { broken: '.dead', pressed: '.dead' },
  states: {
    off: { on: { pressed: [{ guard: 'isLoose', target: 'off' }, { target: 'on' }] } },
    on: {
      initial: 'warming',
      on: { pressed: { guard: 'isLoose', target: 'off' }, dimmed: {} },
      states: { warming: { after: { warmUp: 'bright' } }, bright: {} },
    },
    dead: { on: { broken: {} } },
  },
});

describe('transitions that a batch must meet', () => {
  it('are read from the machine: by leaf, event and target, with outer ones where inner ones let them through', () => {
    expect(possibleTransitions([{ name: 'lamp', machine: lamp }])).to.have.members([
      'lamp: (start) > off',
      'lamp: off > on.warming on pressed',
      'lamp: off > dead on broken',
      'lamp: on.warming > on.bright on after warmUp',
      'lamp: on.warming > off on pressed',
      'lamp: on.warming > dead on pressed',
      'lamp: on.warming > dead on broken',
      'lamp: on.bright > off on pressed',
      'lamp: on.bright > dead on pressed',
      'lamp: on.bright > dead on broken',
    ]);
  });
});
