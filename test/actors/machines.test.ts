import { expect } from 'chai';
import { type AnyStateMachine, createActor, setup } from 'xstate';
import { diskMachine } from '../../actors/disk/disk-machine.ts';
import { hbaMachine } from '../../actors/hba/hba-machine.ts';
import { attachmentMachine } from '../../actors/host/attachment-machine.ts';
import { hostMachine } from '../../actors/host/host-machine.ts';
import { pathMachine } from '../../actors/host/path-machine.ts';
import { coordinatorMachine } from '../../actors/switch/coordinator-machine.ts';
import { switchMachine } from '../../actors/switch/switch-machine.ts';
import { virtualizerMachine } from '../../actors/virtualizer/virtualizer-machine.ts';
import { volumeMachine } from '../../actors/virtualizer/volume-machine.ts';
import { sources } from '../tidy/sources.ts';
import { lintMachine } from './lint-machine.ts';

/** Every machine of the project with an input to start it with, by the file that makes it. */
const machines: Readonly<Record<string, { machine: AnyStateMachine; input?: object }>> = {
  'actors/disk/disk-machine.ts': { machine: diskMachine },
  'actors/hba/hba-machine.ts': { machine: hbaMachine, input: { linksMax: 4 } },
  'actors/host/attachment-machine.ts': { machine: attachmentMachine },
  'actors/host/host-machine.ts': { machine: hostMachine },
  'actors/host/path-machine.ts': { machine: pathMachine },
  'actors/switch/coordinator-machine.ts': { machine: coordinatorMachine },
  'actors/switch/switch-machine.ts': { machine: switchMachine },
  'actors/virtualizer/virtualizer-machine.ts': { machine: virtualizerMachine },
  'actors/virtualizer/volume-machine.ts': { machine: volumeMachine, input: { volume: 'vol0' } },
};
/** Runs machines and is none. */
const noMachine = 'actors/running-machine.ts';

describe('machines', () => {
  it('are all listed here', () => {
    const files = sources('actors')
      .map(({ path }) => path)
      .filter((path) => path.endsWith('-machine.ts') && path !== noMachine);
    expect(Object.keys(machines).sort()).to.deep.equal(files.toSorted());
  });

  for (const [file, { machine, input }] of Object.entries(machines)) {
    it(`${file}: every name means something, every key is known, every state can be reached`, () => {
      expect(lintMachine(machine)).to.deep.equal([]);
    });

    it(`${file}: starts, and holds nothing that could not be written down`, () => {
      const actor = createActor(machine, { input } as object);
      actor.start();
      const { status, context } = actor.getSnapshot();
      expect(status).to.equal('active');
      expect(JSON.parse(JSON.stringify(context ?? {}))).to.deep.equal(context ?? {});
      actor.stop();
    });
  }
});

describe('machine lint', () => {
  const options = { maxIterations: 100 };
  const named = setup({
    actions: { ring: () => {} },
    guards: { isDay: () => true },
    delays: { nap: 10 },
  });
  /** What types would refuse, XState would not: so they are gone here. */
  const lint = (config: object) =>
    lintMachine(
      named.createMachine({ id: 'm', options, ...config } as never) as unknown as AnyStateMachine,
    );

  it('finds nothing wrong with a machine that is right', () => {
    expect(
      lint({
        initial: 'a',
        states: {
          a: { entry: 'ring', on: { go: { guard: 'isDay', target: 'b', actions: ['ring'] } } },
          b: { after: { nap: 'a' } },
        },
      }),
    ).to.deep.equal([]);
  });

  const wrong: readonly (readonly [string, object, string])[] = [
    ['an action that is not defined', { entry: 'sing' }, 'm: action sing is not defined'],
    [
      'an action of a transition that is not defined',
      { on: { go: { actions: { type: 'sing' } } } },
      'm: action sing is not defined',
    ],
    ['an action without a name', { entry: () => {} }, 'm: an unnamed action'],
    [
      'a guard that is not defined',
      { on: { go: { guard: 'isNight', actions: 'ring' } } },
      'm: guard isNight is not defined',
    ],
    [
      'a delay that is not defined',
      { initial: 'a', states: { a: { after: { sleep: 'a' } } } },
      'a: delay sleep is not defined',
    ],
    ['a misspelled key of the machine', { onn: {} }, 'm: onn is no key of a state'],
    [
      'a misspelled key of a state',
      { initial: 'a', states: { a: { entri: 'ring' } } },
      'a: entri is no key of a state',
    ],
    [
      'a misspelled key of a transition',
      { on: { go: { action: 'ring' } } },
      'm: action is no key of a transition',
    ],
    [
      'a state that nothing leads to',
      { initial: 'a', states: { a: {}, b: { on: { go: 'a' } } } },
      'b: nothing leads to this state',
    ],
    [
      'endless transitions',
      { options: { maxIterations: Number.POSITIVE_INFINITY } },
      'options.maxIterations: endless transitions would hang the process',
    ],
  ];
  for (const [what, config, problem] of wrong)
    it(`finds ${what}`, () => {
      expect(lint(config)).to.deep.equal([problem]);
    });
});
