import { expect } from 'chai';
import { decodeJson } from '../../../actors/json.ts';
import type { WriteFault } from './fake-network.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const everybody = ['d1', 'd2', 'd3', 'd4', 's1', 's2', 'h1'];

describe('virtualizer: lost messages', () => {
  const lost: readonly (readonly [string, RegExp])[] = [
    ['every hello', /\.evt\..*\.hello$/],
    ['every question how an actor is', /\.cmd\..*\.describe$/],
    ['every assemble', /\.cmd\.disk\..*\.assemble$/],
    ['every load', /\.cmd\.switch\..*\.load$/],
    ['every question whether partitions are settled', /\.cmd\.switch\..*\.settled$/],
    ['every answer to the virtualizer', /\.rpl\.virtualizer\./],
    ['every request to be attached', /\.cmd\.virtualizer\..*\.attach$/],
    ['every answer to a host', /\.rpl\.host\./],
    ['all control data', /\.ctl\./],
    ['all telemetry', /\.tel\./],
  ];
  for (const [what, pattern] of lost)
    it(`${what} is lost the first time: the volume is served all the same`, () => {
      const world = new VirtualizerWorld();
      const seen = new Set<string>();
      world.network.lose = (subject, data) => {
        if (!pattern.test(subject)) return false;
        const key = subject.replace(/\d+$/, '') + (subject.includes('.rpl.') ? data.length : '');
        if (seen.has(key)) return false;
        seen.add(key);
        return true;
      };
      world.startVirtualizer();
      world.start(...everybody);
      world.host('h1').attach('vol0');
      world.until(() => world.host('h1').isAttached('vol0'), 'h1 is served');
      world.run(1500);
      expect(seen.size, 'something was lost').to.be.above(0);
      expect(world.status().state).to.equal('serving');
    });

  it('a tenth of all messages is lost, for minutes, with restarts: it ends served', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = new VirtualizerWorld();
      let state = seed * 7919;
      const draw = (limit: number) => {
        state = (state * 48_271) % 2_147_483_647;
        return state % limit;
      };
      world.network.lose = () => draw(10) === 0;
      world.startServing();
      for (let count = 0; count < 20; count++) {
        const id = everybody[draw(everybody.length)] ?? 'd1';
        if (draw(4) === 0) world.startVirtualizer();
        else world.start(id);
        if (id === 'h1') world.host('h1').attach('vol0');
        world.run(draw(4000));
      }
      world.network.lose = () => false;
      if (!world.host('h1').isAttached('vol0')) world.host('h1').attach('vol0');
      world.until(
        () =>
          world.host('h1').isAttached('vol0') &&
          world.status().state === 'serving' &&
          world.host('h1').held.get('vol0')?.generation === world.record().generation,
        `seed ${seed}: h1 is served`,
      );
    }
  });

  it('control data was lost: a host whose telemetry shows an old generation gets it again', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.network.lose = (subject) => subject.includes('.ctl.');
    world.start('d1');
    world.run(1000);
    world.untilState('serving');
    const { generation } = world.record();
    expect(world.host('h1').held.get('vol0')?.generation).to.be.below(generation);
    world.network.lose = () => false;
    world.run(1200);
    expect(world.host('h1').held.get('vol0')?.generation).to.equal(generation);
  });

  it('the connection of the virtualizer is cut for long: nobody is called missing for it', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const { generation } = world.record();
    world.virtualizerBus.change('disconnected');
    world.run(30_000);
    world.virtualizerBus.change('connected');
    world.run(10_000);
    expect(world.record().generation).to.equal(generation);
    expect(world.status().state).to.equal('serving');
  });
});

describe('virtualizer: the config database', () => {
  const faults: readonly WriteFault[] = [
    'conflict',
    'unknown, written',
    'unknown, not written',
    'unknown, late',
  ];
  for (const fault of faults)
    it(`the first write of each key ends with "${fault}": nothing acts before a later one succeeded`, () => {
      const world = new VirtualizerWorld();
      world.database.faults = [fault];
      world.startVirtualizer();
      world.until(() => world.virtualizer.state === 'active', 'it decides');
      world.database.faults = [fault, fault];
      world.start(...everybody);
      world.host('h1').attach('vol0');
      world.until(() => world.host('h1').isAttached('vol0'), 'h1 is served');
      const writes = world.diary.filter((entry) => entry.startsWith('write volume.vol0'));
      const numbers = writes.map((entry) => Number(entry.split(' g')[1]));
      expect(numbers).to.deep.equal(numbers.toSorted((a, b) => a - b));
      // Each assembly follows a write of its generation, and no later write came before it.
      for (const [index, entry] of world.diary.entries()) {
        if (!entry.startsWith('assemble')) continue;
        const [last] = world.diary
          .slice(0, index)
          .filter((each) => each.startsWith('write vol'))
          .slice(-1);
        expect(entry.split(' ').at(-1)).to.equal(last?.split(' ').at(-1));
      }
    });

  for (const fault of ['unknown, written', 'unknown, late'] as const)
    it(`the decision after all disks of a set restarted ends with "${fault}": all that is marked is compared, for each may lack writes`, () => {
      const world = new VirtualizerWorld();
      world.startServing();
      world.database.faults = [fault];
      world.kill('d1');
      world.kill('d2');
      world.until(() => world.status().state === 'gathering.looking', 'both are missed');
      world.start('d1', 'd2');
      world.run(2000);
      world.untilState('serving');
      expect(world.database.faults, 'the fault was met').to.be.empty;
      expect(world.record()).to.include({ compared: 'marked' });
    });

  it('is away at the start: the virtualizer waits, says so, and answers hosts with it', () => {
    const world = new VirtualizerWorld();
    world.database.isAvailable = false;
    world.startVirtualizer();
    world.start(...everybody);
    world.host('h1').attach('vol0');
    world.run(5000);
    expect(world.virtualizer.state).to.match(/^starting/);
    expect(world.facts().reason).to.equal('the config database cannot be used: it is away');
    expect(world.host('h1').answer).to.match(
      /^inactive: virtualizer v1 does not decide, it is starting.*: the config database cannot be used: it is away$/,
    );
    world.database.isAvailable = true;
    world.until(() => world.host('h1').isAttached('vol0'), 'h1 is served');
  });

  it('holds something else under a key: that volume waits and says which key, others go on', () => {
    const world = new VirtualizerWorld();
    world.database.put('volume.vol0', '{"hello": 1}', 0);
    world.startVirtualizer();
    world.start(...everybody);
    world.run(1000);
    expect(world.status().state).to.match(/^reading/);
    expect(world.status().reason).to.match(
      /^key volume\.vol0 of the config database does not hold/,
    );
  });

  it('lost its last writes in a power cut: no number is issued twice', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const saved = [...world.database.values].map(([key, entry]) => [key, entry] as const);
    for (const id of ['d1', 'h1', 'd2']) {
      world.start(id);
      if (id === 'h1') world.host('h1').attach('vol0');
      world.run(500);
      world.untilState('serving');
    }
    world.startVirtualizer();
    world.untilState('serving');
    const lost = world.record();
    world.killVirtualizer();
    for (const [key, entry] of saved) world.database.values.set(key, entry);
    world.startVirtualizer();
    world.start('d3');
    world.run(200);
    world.untilState('serving');
    const found = world.record();
    expect(found.controlEpoch).to.be.above(lost.controlEpoch);
    expect(found.generation).to.be.above(lost.generation);
    expect(found.partitions.every(({ epoch }) => epoch > lost.lastEpoch)).to.equal(true);
  });
});

describe('virtualizer: a database that lost its last writes', () => {
  it('while nobody else restarted: the volume is served again, under numbers that disks take', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const saved = [...world.database.values].map(([key, entry]) => [key, entry] as const);
    const { generation } = world.record();
    const report = { volume: 'vol0', generation, reporter: 's1', what: 'to be decided anew' };
    const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
    world.switch('s1').actor.ask(virtualizer, 'trouble', report, 1000, () => {});
    world.run(500);
    world.untilState('serving');
    const lost = world.record();
    world.killVirtualizer();
    for (const [key, entry] of saved) world.database.values.set(key, entry);
    expect(world.record().lastEpoch).to.be.below(lost.lastEpoch);
    world.startVirtualizer();
    world.run(200);
    world.untilState('serving');
    const found = world.record();
    expect(found.partitions.every(({ epoch }) => epoch > lost.lastEpoch)).to.equal(true);
    expect(found.compared).to.equal('marked');
  });
});

describe('virtualizer: a bug', () => {
  it('ends the machine of one volume: it is reported, and the volume is taken up again', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const faults: unknown[] = [];
    const bus = world.network.open();
    bus.subscribe('san.v1.test.evt.virtualizer.v1.fault', {
      message: (data) => faults.push(decodeJson(data)),
    });
    world.database.throwsOnce = true;
    world.start('d1');
    world.run(10);
    expect(faults).to.have.length(1);
    expect(faults[0]).to.have.property('what', 'the machine volume:vol0 died: Error: a bug');
    expect(world.status().state).to.equal('stopped');
    world.untilState('serving');
    expect(world.disk('d1').confirmed.get('vol0')?.generation).to.equal(world.record().generation);
  });
});

describe('virtualizer: two processes of one', () => {
  it('the later one decides; the earlier one stands by, and takes nothing back', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const earlier = world.virtualizer;
    world.leaveVirtualizerRunning();
    world.startVirtualizer();
    world.until(() => world.virtualizer.state === 'active', 'the later one decides');
    world.start('d1');
    world.run(5000);
    world.untilState('serving');
    expect(earlier.state).to.equal('standby');
    expect(earlier.description().facts.reason).to.equal(
      'it stands by: virtualizer v1 decides with control epoch 2',
    );
    world.run(10_000);
    expect([earlier.state, world.virtualizer.state]).to.deep.equal(['standby', 'active']);
    expect(world.record().controlEpoch).to.equal(2);
    expect(world.disk('d1').confirmed.get('vol0')?.controlEpoch).to.equal(2);
  });
});

describe('virtualizer: requests that make no sense', () => {
  it('are answered with what is wrong', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const answers: unknown[] = [];
    const ask = (verb: string, body: object) => {
      const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
      world.host('h2').actor.ask(virtualizer, verb, body, 1000, (answer) => answers.push(answer));
      world.run(10);
    };
    ask('attach', { host: 'h2' });
    ask('control-data', { host: 'h2', volume: 'nope' });
    ask('control-data', { host: 'h2', volume: 'vol0' });
    ask('control-data', { host: 'h9', volume: 'vol0' });
    ask('dance', {});
    expect(answers.map((answer) => (answer as { reason: string }).reason)).to.deep.equal([
      'invalid',
      'unknown',
      'not-ready',
      'refused',
      'unknown',
    ]);
    expect((answers[1] as { message: string }).message).to.equal(
      'there is no volume nope; there are vol0',
    );
    ask('control-data', { host: 'h1', volume: 'vol0' });
    expect(answers.at(-1)).to.have.nested.property('controlData.state', 'serving');
  });
});
