import { expect } from 'chai';
import { verbs } from '../../../protocols/commands.ts';
import type { Layout } from '../../../protocols/layout/layout.ts';
import { extentsOf } from '../../../protocols/layout/layout.ts';
import { smallTopology, VirtualizerWorld } from './virtualizer-world.ts';

const listen = 'nbd://127.0.0.1:10901';
const mirror = { mirror: ['d1', 'd2'] };
const allDisks = ['d1', 'd2', 'd3', 'd4'];

function wanted(more: object = {}, id = 'vol9') {
  return {
    volume: { id, size: '64MiB', layout: mirror, hosts: ['h1'], ...more },
    exports: [{ host: 'h1', listen }],
  };
}

function serving(): VirtualizerWorld {
  const world = new VirtualizerWorld();
  world.startServing();
  return world;
}

function create(world: VirtualizerWorld, more: object = {}, id = 'vol9'): void {
  expect(world.command(verbs.createVolume, wanted(more, id))).to.include({ ok: true });
  world.untilState('serving', id);
}

function names(world: VirtualizerWorld): readonly string[] {
  const answer = world.command(verbs.listVolumes);
  if (!answer.ok) return [answer.message];
  return (answer.volumes as { volume: string }[]).map(({ volume }) => volume);
}

function untilGone(world: VirtualizerWorld, id = 'vol9'): void {
  world.until(
    () =>
      world.virtualizer.state === 'active' &&
      !(world.facts().volumes as { volume: string }[]).some(({ volume }) => volume === id),
    `${id} is gone`,
  );
  world.run(1500);
}

function generationOf(world: VirtualizerWorld, id = 'vol9'): number {
  const { layout } = world.record(id) as { layout: Layout };
  return Math.max(...extentsOf(layout).map(({ generation }) => generation));
}

function definition(world: VirtualizerWorld, id = 'vol9'): { state: string } | undefined {
  const found = world.database.values.get(`definition.${id}`);
  return found === undefined ? undefined : JSON.parse(found.value);
}

describe('virtualizer: creating a volume', () => {
  it('writes its definition and then makes it, beside the volumes of the topology', () => {
    const world = serving();
    const before = world.diary.length;
    create(world);
    const written = world.since(before, 'vol9').filter((entry) => entry.startsWith('write'));
    expect(written[0]).to.equal('write definition.vol9 g-');
    expect(written[1]).to.match(/^write volume\.vol9/);
    expect(names(world)).to.deep.equal(['vol0', 'vol9']);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
  });

  it('survives the virtualizer, and is still what it was', () => {
    const world = serving();
    create(world);
    const { layout, sizeBytes } = world.record('vol9');
    world.startVirtualizer();
    world.untilState('serving', 'vol9');
    expect(world.record('vol9')).to.deep.include({ layout, sizeBytes });
  });

  it('is said twice with one effect; another one of that name is refused', () => {
    const world = serving();
    create(world);
    const before = world.diary.length;
    expect(world.command(verbs.createVolume, wanted())).to.include({ ok: true, state: 'serving' });
    expect(world.since(before, 'vol9').filter((entry) => entry.startsWith('write'))).to.be.empty;
    const other = world.command(verbs.createVolume, wanted({ size: '32MiB' }));
    expect(other).to.include({ ok: false, reason: 'refused' });
    expect(other).to.have.property('message').that.contains('vol9 exists already');
  });

  it('counts only when it is surely written, however the database answers', () => {
    for (const faults of [
      ['unknown, written'],
      ['unknown, not written'],
      ['unknown, late'],
      ['conflict', 'unknown, written'],
    ] as const) {
      const world = serving();
      world.database.faults = [...faults];
      create(world);
      expect(definition(world), faults.join()).to.have.property('state', 'wanted');
    }
    const world = serving();
    world.database.faults = Array.from({ length: 4 }, () => 'unknown, not written' as const);
    const answer = world.command(verbs.createVolume, wanted());
    expect(answer).to.include({ ok: false, reason: 'not-ready' });
    expect(names(world)).to.deep.equal(['vol0']);
    create(world);
  });

  const refused: readonly (readonly [string, object, RegExp])[] = [
    [
      'a disk that there is not',
      { layout: { mirror: ['d1', 'd9'] } },
      /no disk d9; there are d1, d2, d3, d4/,
    ],
    [
      'a size that does not divide',
      { layout: { stripe: { of: ['d1', 'd2', 'd3'] } } },
      /64MiB do not divide into rows of 3/,
    ],
    ['a size that is none', { size: 'huge' }, /volume\.size: .*"huge" is not a size/],
    [
      'more than there is',
      { size: '1GiB' },
      /disk d1 lacks .*: volume vol9 needs 1GiB of it, .* are free/,
    ],
    [
      'two mirrors on one disk',
      { layout: { mirror: ['d1', { concat: ['d1'] }] } },
      /its loss would take both/,
    ],
    ['a name that is taken', { id: 'vol0' }, /the id vol0 is taken/],
    [
      'a coordinator that there is not',
      { coordinators: { map: 'modulo', switches: ['s9'] } },
      /no switch s9/,
    ],
    ['a key that nobody knows', { colour: 'red' }, /volume\.colour: unknown key/],
  ];
  for (const [what, more, problem] of refused)
    it(`is refused with ${what}, in words, and leaves nothing behind`, () => {
      const world = serving();
      const before = world.diary.length;
      const answer = world.command(verbs.createVolume, wanted(more));
      expect(answer).to.include({ ok: false, reason: 'refused' });
      expect(answer).to.have.property('message').that.matches(problem);
      expect(world.since(before, 'definition')).to.be.empty;
      expect(names(world)).to.deep.equal(['vol0']);
    });

  it('is refused with exports that nobody could serve', () => {
    const world = serving();
    create(world);
    const volume = wanted({}, 'vol8').volume;
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ host: 'h9', listen }, /exports\[0\]\.host: there is no host h9; there are h1, h2/],
      [{ host: 'h2', listen: 'nbd://127.0.0.1:10902' }, /volume vol8 is for h1, not for h2/],
      [{ host: 'h1', listen: 'http://x' }, /no address to listen on/],
      [{ host: 'h1', listen, name: 'vol9' }, /the name vol9 is taken/],
      [{ host: 'h1', listen: 'nbd://0.0.0.0:10901' }, /overlaps nbd:\/\/127\.0\.0\.1:10901/],
    ];
    for (const [one, problem] of cases) {
      const answer = world.command(verbs.createVolume, { volume, exports: [one] });
      expect(answer).to.include({ ok: false, reason: 'refused' });
      expect(answer).to.have.property('message').that.matches(problem);
    }
    const none = world.command(verbs.createVolume, {
      volume: { ...volume, hosts: ['h2'] },
      exports: [{ host: 'h2' }],
    });
    expect(none).to.have.property('message').that.contains('say where it listens');
    const shared = world.command(verbs.createVolume, { volume, exports: [{ host: 'h1' }] });
    expect(shared, 'the place of the host’s first export').to.include({ ok: true });
  });

  it('waits for a disk that is missing, and says which', () => {
    const world = serving();
    world.kill('d2');
    world.run(4000);
    const answer = world.command(verbs.createVolume, wanted());
    expect(answer).to.include({ ok: false, reason: 'not-ready' });
    expect(answer)
      .to.have.property('message')
      .that.matches(/volume vol9: .*d2 is missing/);
  });
});

describe('virtualizer: deleting a volume', () => {
  /** Lets the host go as soon as it is not to export the volume any more. */
  function deleteHeld(world: VirtualizerWorld): void {
    expect(world.command(verbs.deleteVolume, { volume: 'vol9' })).to.include({ ok: true });
    world.host('h1').detach('vol9');
    untilGone(world);
  }

  it('waits for the hosts, ends the record, and then disks and switches forget it', () => {
    const world = serving();
    create(world);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    world.run(3000);
    expect(world.status('vol9')).to.include({
      state: 'ending.draining.looking',
      waitingFor: 'host h1',
    });
    const told = world.command(verbs.exports, { host: 'h1' });
    expect(told, 'what h1 is to export').to.deep.include({ exports: [] });
    const before = world.diary.length;
    world.host('h1').detach('vol9');
    untilGone(world);
    const steps = world
      .since(before, 'vol9')
      .map((entry) => entry.split(' ').slice(0, 2).join(' '));
    expect(steps[0]).to.equal('write volume.vol9');
    expect(new Set(steps.slice(1))).to.deep.equal(
      new Set(['forget d1', 'forget d2', 'unload s1', 'unload s2', 'write definition.vol9']),
    );
    expect(names(world)).to.deep.equal(['vol0']);
    expect(world.command(verbs.deleteVolume, { volume: 'vol9' })).to.include({ reason: 'unknown' });
  });

  it('cuts off a host that does not leave', () => {
    const world = serving();
    create(world);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    world.run(10_000);
    expect(world.status('vol9').waitingFor).to.equal('host h1');
    untilGone(world);
    expect(world.medium('d1').assemblies.has('vol9')).to.equal(false);
  });

  it('does not wait for a host that is gone', () => {
    const world = serving();
    create(world);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
    world.kill('h1');
    world.run(4000);
    const from = world.clock.now();
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    expect(world.clock.now() - from).to.be.below(5000);
  });

  it('is refused for volumes of the topology, and while a host holds it that does not export it', () => {
    const world = serving();
    const own = world.command(verbs.deleteVolume, { volume: 'vol0' });
    expect(own).to.include({ ok: false, reason: 'refused' });
    expect(own).to.have.property('message').that.contains('of the topology file');
    create(world, { hosts: ['h1', 'h2'] });
    world.host('h2').attach('vol9');
    world.until(() => world.host('h2').isAttached('vol9'), 'vol9 serves h2');
    const held = world.command(verbs.deleteVolume, { volume: 'vol9' });
    expect(held).to.have.property('message').that.contains('attached by host h2');
    world.host('h2').detach('vol9');
    world.run(500);
    deleteHeld(world);
  });

  it('lets nobody attach it any more', () => {
    const world = serving();
    create(world);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    world.start('h1');
    world.host('h1').attach('vol9');
    untilGone(world);
    expect(world.host('h1').answer).to.match(/being deleted|no volume vol9/);
  });

  it('gives its space to the next one, with an extent generation that none ever had', () => {
    const world = serving();
    const generations = new Set<number>([generationOf(world, 'vol0')]);
    const homes = new Set<number>();
    for (let round = 0; round < 4; round++) {
      const id = round % 2 === 0 ? 'vol9' : 'vol8';
      create(world, { size: '256MiB', layout: 'd1' }, id);
      expect(generations.has(generationOf(world, id)), `generation in round ${round}`).to.equal(
        false,
      );
      generations.add(generationOf(world, id));
      homes.add(world.medium('d1').assemblies.get(id)?.extents[0]?.start ?? -1);
      world.command(verbs.deleteVolume, { volume: id });
      untilGone(world, id);
      if (round === 1) world.startVirtualizer();
      if (round === 1) world.untilState('serving');
    }
    expect(homes.size, 'always the same place').to.equal(1);
  });

  it('tells a disk that was away when it comes back, and does not let the volume live again', () => {
    const world = serving();
    create(world);
    world.kill('d2');
    world.run(4000);
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    expect(world.medium('d2').assemblies.has('vol9')).to.equal(true);
    world.startVirtualizer();
    world.run(3000);
    world.start('d2');
    world.until(() => !world.medium('d2').assemblies.has('vol9'), 'd2 forgets vol9');
  });

  it('tells it also when a namesake lies elsewhere by then, and spares the namesake', () => {
    const world = serving();
    create(world);
    world.kill('d2');
    world.run(4000);
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    create(world, { layout: { mirror: ['d1', 'd3'] } });
    world.start('d2');
    world.until(() => !world.medium('d2').assemblies.has('vol9'), 'd2 forgets vol9');
    for (const disk of ['d1', 'd3'])
      expect(world.medium(disk).assemblies.has('vol9'), disk).to.equal(true);
  });

  it('is finished wherever the virtualizer dies in the middle of it', () => {
    const step = 3;
    for (let events = 0; events < 90; events += step) {
      const world = serving();
      create(world);
      const generation = generationOf(world);
      const isAnswered = beginDelete(world, events);
      world.startVirtualizer();
      world.untilState('serving');
      if (!isAnswered && definition(world)?.state === 'wanted') continue;
      untilGone(world);
      for (const disk of allDisks)
        expect(world.medium(disk).assemblies.has('vol9'), `${disk}, ${events}`).to.equal(false);
      expect(definition(world)?.state, String(events)).to.equal('deleted');
      create(world);
      expect(generationOf(world), String(events)).to.be.above(generation);
    }
  });

  /** Deletes, and kills the virtualizer after so many events. @returns whether it had been answered */
  function beginDelete(world: VirtualizerWorld, events: number): boolean {
    let isAnswered = false;
    world
      .host('h2')
      .actor.ask(
        { kind: 'virtualizer', id: 'v1' },
        verbs.deleteVolume,
        { volume: 'vol9' },
        5000,
        (answer) => {
          isAnswered ||= answer.ok;
        },
      );
    for (let event = 0; event < events; event++) world.clock.runNext();
    world.killVirtualizer();
    return isAnswered;
  }

  it('stays done when the database loses it: the old volume does not serve, and can be deleted again', () => {
    const world = serving();
    create(world);
    const generation = generationOf(world);
    const saved = new Map(world.database.values);
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    world.killVirtualizer();
    for (const [key, entry] of saved)
      if (key.endsWith('.vol9')) world.database.values.set(key, entry);
    world.startVirtualizer();
    world.untilState('serving');
    world.run(5000);
    const { state, reason } = world.status('vol9');
    expect(state).to.not.equal('serving');
    expect(reason).to.match(/gave up/);
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    create(world);
    expect(generationOf(world)).to.be.above(generation);
  });

  it('never issues an extent generation again when the database loses that it did', () => {
    const world = serving();
    const saved = new Map(world.database.values);
    create(world);
    const generation = generationOf(world);
    world.command(verbs.deleteVolume, { volume: 'vol9' });
    untilGone(world);
    world.killVirtualizer();
    for (const key of [...world.database.values.keys()])
      if (key.endsWith('.vol9') && !saved.has(key)) world.database.values.delete(key);
    world.startVirtualizer();
    world.untilState('serving');
    create(world, {}, 'vol8');
    expect(generationOf(world, 'vol8')).to.be.above(generation);
  });

  it('leaves another topology alone that has the volume in its file', () => {
    const world = serving();
    create(world);
    const second = { id: 'vol9', size: '64MiB', layout: mirror };
    const later = new VirtualizerWorld(smallTopology([second]));
    for (const [key, { value }] of world.database.values) later.database.put(key, value, 0);
    later.startVirtualizer();
    later.start(...allDisks, 's1', 's2', 'h1');
    later.untilState('serving', 'vol9');
    expect(later.command(verbs.deleteVolume, { volume: 'vol9' })).to.include({ reason: 'refused' });
    expect(names(later)).to.deep.equal(['vol0', 'vol9']);
  });
});
