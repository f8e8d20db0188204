import { expect } from 'chai';
import { setup } from 'xstate';
import { machines } from '../../../actors/machines.ts';
import { mermaidOf } from '../../../cluster/statechart/mermaid.ts';

type Config = Readonly<Record<string, unknown>>;

/** Lines of the kinds that we draw; anything else may be more than Mermaid understands. */
const stateLine = /^state "([\w ]+)" as (\w+)( \{)?$/;
const actionLine = /^(\w+) : [\w .,()[\]/-]+$/;
const arrowLine = /^(\w+) --> (\w+) : [\w .,()[\]/-]+$/;
const initialLine = /^\[\*\] --> (\w+)$/;
const finalLine = /^(\w+) --> \[\*\]$/;

interface Diagram {
  /** Names by id. */
  readonly states: ReadonlyMap<string, string>;
  readonly arrows: readonly string[];
  readonly actions: readonly string[];
  readonly initials: readonly string[];
}

/** Reads a diagram. @throws Error at the first line that is none of those above, or means nothing. */
function read(text: string): Diagram {
  const [first, ...lines] = text.trimEnd().split('\n');
  expect(first).to.equal('stateDiagram-v2');
  const states = new Map<string, string>();
  const found = {
    arrows: [] as string[],
    actions: [] as string[],
    initials: [] as string[],
  };
  const used: string[] = [];
  let depth = 0;
  for (const line of lines.map((each) => each.trim())) {
    const [, name = '', id = '', brace] = stateLine.exec(line) ?? [];
    if (id !== '') {
      expect(states.has(id), `${id} twice`).to.equal(false);
      states.set(id, name);
      if (brace !== undefined) depth++;
    } else if (line === '}') depth--;
    else if (line === '--') expect(depth, 'regions are within a state').to.be.above(0);
    else if (arrowLine.test(line)) {
      found.arrows.push(line);
      used.push(...(arrowLine.exec(line)?.slice(1, 3) ?? []));
    } else if (initialLine.test(line)) {
      found.initials.push(line);
      used.push(initialLine.exec(line)?.[1] ?? '');
    } else if (actionLine.test(line)) {
      found.actions.push(line);
      used.push(actionLine.exec(line)?.[1] ?? '');
    } else if (finalLine.test(line)) used.push(finalLine.exec(line)?.[1] ?? '');
    else throw new Error(`not understood: ${line}`);
    expect(depth).to.be.at.least(0);
  }
  expect(depth).to.equal(0);
  expect(used.filter((id) => !states.has(id))).to.deep.equal([]);
  return { states, ...found };
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** What a machine was written as, counted without XState: every state is a name, every transition an entry. */
function counted(config: Config): { states: string[]; transitions: number; actions: number } {
  const children = Object.entries((config.states ?? {}) as Readonly<Record<string, Config>>);
  const below = children.map(([, child]) => counted(child));
  const maps = [config.on, config.after].map((map) => Object.values((map ?? {}) as Config));
  const own = [...maps.flat().flatMap(listOf), ...listOf(config.always)];
  return {
    states: children.flatMap(([name], index) => [name, ...(below[index]?.states ?? [])]),
    transitions: below.reduce((sum, { transitions }) => sum + transitions, own.length),
    actions: below.reduce(
      (sum, { actions }) => sum + actions,
      listOf(config.entry).length + listOf(config.exit).length,
    ),
  };
}

describe('a machine as a Mermaid diagram', () => {
  for (const { name, machine } of machines) {
    it(`${name}: every state, transition, entry and exit action is drawn, once`, () => {
      const text = mermaidOf(machine);
      const { states, arrows, actions } = read(text);
      const wanted = counted(machine.config as Config);
      const drawn = [...states.values()].filter((state) => state !== 'in any state');
      expect(drawn).to.deep.equal(wanted.states);
      const ownActions = actions.filter((line) => / : (entry|exit) \/ /.test(line));
      expect(ownActions).to.have.length(wanted.actions);
      const staying = actions.length - ownActions.length;
      expect(arrows.length + staying).to.equal(wanted.transitions);
      expect(mermaidOf(machine)).to.equal(text);
    });
  }

  it('names guards, actions, delays with their length, and what holds in any state', () => {
    const lamp = setup({
      actions: { ring: () => {}, count: () => {} },
      guards: { isDay: () => true },
      delays: { nap: 250, sleep: () => 10 },
    }).createMachine({
      id: 'lamp',
      initial: 'off',
      on: {
        broken: { target: '.off', actions: ['ring', { type: 'count' }] },
        tick: { actions: 'count' },
      },
      states: {
        off: { entry: 'ring', exit: 'count', after: { nap: { guard: 'isDay', target: 'on' } } },
        on: {
          type: 'parallel',
          entry: 'count',
          states: {
            light: { initial: 'dim', states: { dim: { always: 'full' }, full: {} } },
            sound: {
              initial: 'low',
              states: { low: { after: { sleep: 'end' } }, end: { type: 'final' } },
            },
          },
        },
      },
    });
    const text = mermaidOf(lamp);
    read(text);
    expect(text).to.equal(`stateDiagram-v2
  state "in any state" as lamp__any
  lamp__any : tick / count
  state "off" as lamp__off
  lamp__off : entry / ring
  lamp__off : exit / count
  state "on" as lamp__on {
    state "in any state" as lamp__on__any
    lamp__on__any : entry / count
    --
    state "light" as lamp__on__light {
      state "dim" as lamp__on__light__dim
      state "full" as lamp__on__light__full
      [*] --> lamp__on__light__dim
    }
    --
    state "sound" as lamp__on__sound {
      state "low" as lamp__on__sound__low
      state "end" as lamp__on__sound__end
      lamp__on__sound__end --> [*]
      [*] --> lamp__on__sound__low
    }
  }
  [*] --> lamp__off
  lamp__any --> lamp__off : broken / ring, count
  lamp__off --> lamp__on : after nap (250 ms) [isDay]
  lamp__on__light__dim --> lamp__on__light__full : always
  lamp__on__sound__low --> lamp__on__sound__end : after sleep
`);
  });

  it('of a machine that is parallel as a whole keeps its regions apart', () => {
    const twins = setup({}).createMachine({
      id: 'twins',
      type: 'parallel',
      states: { left: {}, right: {} },
    });
    expect(mermaidOf(twins)).to.equal(`stateDiagram-v2
  state "twins" as twins {
    state "left" as twins__left
    --
    state "right" as twins__right
  }
`);
  });
});
