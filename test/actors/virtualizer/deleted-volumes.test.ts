import { expect } from 'chai';
import { verbs } from '../../../protocols/commands.ts';
import {
  allDisks,
  create,
  definition,
  generationOf,
  lastLifeOf,
  mirror,
  names,
  serving,
  untilGone,
  wanted,
} from './created-volume-world.ts';
import { smallTopology, VirtualizerWorld } from './virtualizer-world.ts';

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

  it('lets the numbers of a namesake go on where those of the former ended: nothing old fits it', () => {
    const world = serving();
    create(world);
    world.host('h1').attach('vol9');
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
    const former = world.record('vol9');
    deleteHeld(world);
    world.startVirtualizer();
    world.untilState('serving');
    create(world);
    const next = world.record('vol9');
    expect(next.generation).to.be.above(former.generation + 1);
    for (const { epoch } of next.partitions) expect(epoch).to.be.above(former.lastEpoch);
  });

  it('keeps who meant the former one away from its namesake', () => {
    const world = serving();
    const lifeOf = () => lastLifeOf(world);
    create(world);
    const former = lifeOf();
    deleteHeld(world);
    create(world);
    expect(lifeOf()).to.not.equal(former);
    world.host('h1').attach('vol9', 'exclusive', former);
    world.run(2000);
    expect(world.host('h1').answer).to.match(/^refused: that volume vol9 was deleted/);
    expect(world.host('h1').isAttached('vol9')).to.equal(false);
    world.host('h1').attach('vol9', 'exclusive', lifeOf());
    world.until(() => world.host('h1').isAttached('vol9'), 'vol9 serves h1');
    const goodbye = world.host('h1').attachRequest('vol9', 'exclusive', former);
    expect(world.command(verbs.detach, goodbye)).to.include({ ok: false, reason: 'refused' });
    world.run(2000);
    const { attachments } = world.record('vol9');
    expect(
      attachments.map(({ host }) => host),
      'a late goodbye',
    ).to.deep.equal(['h1']);
  });

  it('is not carried out for a namesake, nor undone by a command that comes late', () => {
    const world = serving();
    create(world);
    const former = lastLifeOf(world);
    deleteHeld(world);
    const late = world.command(verbs.createVolume, { ...wanted(), follows: 0 });
    expect(late, 'a copy of what created the former one').to.include({ reason: 'fenced' });
    create(world);
    const again = world.command(verbs.deleteVolume, { volume: 'vol9', life: former });
    expect(again, 'a copy of what deleted it').to.include({ reason: 'unknown' });
    expect(names(world)).to.include('vol9');
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
