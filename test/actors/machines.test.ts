import { expect } from 'chai';
import { type AnyStateMachine, createActor, setup } from 'xstate';
import { driverPolicyDefault } from '../../actors/host/driver-policy.ts';
import { machines } from '../../actors/machines.ts';
import { sources } from '../tidy/sources.ts';
import { lintMachine } from './lint-machine.ts';

/** Inputs to start machines with, for those that need one. */
const inputs: Readonly<Record<string, object>> = {
  attachment: { lostEpoch: 0 },
  'cache-cleanup': { reason: 'reads of d1 prefer other ways' },
  hba: { linksMax: 4 },
  path: { policy: driverPolicyDefault.failback, needsProbe: true },
  'path-failover': { noPathRetryMs: 1000, isSilence: true },
  volume: { volume: 'vol0' },
};
/** Runs machines and is none. */
const noMachine = 'actors/running-machine.ts';

describe('machines', () => {
  it('are all listed where people look for them, under the names of their files', () => {
    const files = sources('actors')
      .map(({ path }) => path)
      .filter((path) => path.endsWith('-machine.ts') && path !== noMachine);
    const names = files.map((path) => path.replace(/^.*\/|-machine\.ts$/g, ''));
    expect(machines.map(({ name }) => name)).to.have.members(names);
  });

  for (const { name, machine } of machines) {
    const input = inputs[name];
    it(`${name}: every name means something, every key is known, every state can be reached`, () => {
      expect(lintMachine(machine)).to.deep.equal([]);
    });

    it(`${name}: starts, and holds nothing that could not be written down`, () => {
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
