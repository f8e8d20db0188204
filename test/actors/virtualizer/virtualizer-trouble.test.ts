import { expect } from 'chai';
import { hostsMax } from '../../../protocols/control-data.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

const phases = ['gathering', 'deciding', 'fencing', 'loading', 'settling', 'serving'];

/** A world whose volume is in a phase of its first assembly for h1. */
function worldIn(phase: string): VirtualizerWorld {
  const world = new VirtualizerWorld();
  world.startVirtualizer();
  world.start('d1', 'd2', 'd3', 's1', 's2', 'h1');
  world.switch('s1').unsettledAnswers = 2;
  world.host('h1').attach('vol0');
  if (phase === 'gathering') {
    world.untilState(phase);
    world.clock.setTimeout(() => world.start('d4'), 100);
    return world;
  }
  world.start('d4');
  if (phase === 'serving') world.until(() => world.host('h1').isAttached('vol0'), 'h1 is served');
  world.untilState(phase);
  return world;
}

function expectServed(world: VirtualizerWorld, what: string): void {
  world.until(() => world.host('h1').isAttached('vol0'), `${what}: h1 is served`);
  world.untilState('serving');
  world.run(2500);
  const record = world.record();
  const { generation } = record;
  expect(world.status().state, what).to.equal('serving');
  expect(world.host('h1').held.get('vol0')?.generation, what).to.equal(generation);
  for (const id of ['d1', 'd2', 'd3', 'd4']) {
    const confirmed = world.disk(id).confirmed.get('vol0');
    expect(confirmed?.generation, `${what}: ${id}`).to.equal(generation);
    expect(confirmed?.partitions, `${what}: ${id}`).to.deep.equal(record.partitions);
    expect(confirmed?.attachments, `${what}: ${id}`).to.deep.equal(record.attachments);
    expect(confirmed?.disk.instance, `${what}: ${id}`).to.equal(world.medium(id).instance);
  }
  for (const id of ['s1', 's2']) {
    const load = world.switch(id).loads.get('vol0');
    expect(load?.generation, `${what}: ${id}`).to.equal(generation);
    expect(load?.partitions, `${what}: ${id}`).to.deep.equal(record.partitions);
  }
}

function coordinatorsOf(world: VirtualizerWorld): readonly string[] {
  return world.record().partitions.map(({ coordinator }) => coordinator);
}

/** A switch reports trouble with the volume as it is now, and is heard. */
function complain(
  world: VirtualizerWorld,
  more: { reporter: string; silentDisks: string[] },
): void {
  const { generation } = world.record();
  const report = { volume: 'vol0', generation, what: 'a disk does not answer', ...more };
  const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
  let isHeard = false;
  world.switch(more.reporter).actor.ask(virtualizer, 'trouble', report, 1000, ({ ok }) => {
    isHeard = ok;
  });
  world.until(() => isHeard, 'the report is heard');
}

describe('virtualizer: what goes wrong while a volume is assembled', () => {
  for (const phase of phases)
    for (const id of ['d2', 's2', 'h1'])
      it(`${id} restarts while the volume is ${phase}: it is assembled with the new process`, () => {
        const world = worldIn(phase);
        const before = world.record();
        world.start(id);
        if (id === 'h1') world.host('h1').attach('vol0');
        expectServed(world, phase);
        if (phase === 'serving')
          expect(world.record().partitions.every(({ epoch }) => epoch > before.lastEpoch)).to.equal(
            true,
          );
      });

  for (const phase of phases)
    it(`the virtualizer restarts while the volume is ${phase}: it reads the record and finishes`, () => {
      const world = worldIn(phase);
      const before = world.record()?.lastEpoch ?? 0;
      world.startVirtualizer();
      expectServed(world, phase);
      expect(world.record().lastEpoch).to.be.at.least(before);
      expect(world.record().controlEpoch).to.equal(2);
    });

  for (const phase of phases.slice(1))
    it(`the database goes away while the volume is ${phase}: what needs no decision goes on`, () => {
      const world = worldIn(phase);
      world.database.isAvailable = false;
      world.run(5000);
      if (phase !== 'deciding') expect(world.status().state).to.match(/^(serving|reading)/);
      world.database.isAvailable = true;
      expectServed(world, phase);
    });

  it('a restarted virtualizer changes nothing for hosts when everything is as it was', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const before = world.record();
    const told = world.diary.length;
    world.startVirtualizer();
    world.untilState('serving');
    world.run(1000);
    const after = world.record();
    expect(after.generation).to.be.above(before.generation);
    expect(after.partitions).to.deep.equal(before.partitions);
    expect(after.attachments).to.deep.equal(before.attachments);
    expect(world.since(told).filter((entry) => entry.endsWith('assembling'))).to.deep.equal([]);
  });

  it('trouble is reported: hosts are told, everybody gets new epochs, and it is served again', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const before = world.record();
    const told = world.diary.length;
    const report = {
      volume: 'vol0',
      generation: before.generation,
      reporter: 's1',
      what: 'disk d2 answers media to a write',
    };
    const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
    world.switch('s1').actor.ask(virtualizer, 'trouble', report, 1000, () => {});
    world.until(() => world.host('h1').held.get('vol0')?.state === 'assembling', 'h1 is told');
    expect(world.host('h1').held.get('vol0')?.reason).to.equal(
      's1 reports: disk d2 answers media to a write',
    );
    expectServed(world, 'trouble');
    const after = world.record();
    expect(after.partitions.every(({ epoch }) => epoch > before.lastEpoch)).to.equal(true);
    expect(after.attachments.every((held) => held.attachEpoch > before.lastEpoch)).to.equal(true);
    const order = world.since(told).findIndex((entry) => entry.endsWith('assembling'));
    expect(order, 'hosts are told first').to.equal(0);

    world.switch('s1').actor.ask(virtualizer, 'trouble', report, 1000, () => {});
    world.run(3000);
    expect(world.record().generation, 'old trouble is over').to.equal(after.generation);
  });

  it('a switch to which a disk is silent that others hear: another one coordinates, and in a minute it may again', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    expect(coordinatorsOf(world)).to.deep.equal(['s1', 's2']);
    complain(world, { reporter: 's1', silentDisks: ['d2'] });
    expectServed(world, 'a switch that is cut off from a disk');
    expect(coordinatorsOf(world)).to.deep.equal(['s2', 's2']);
    world.run(65_000);
    expect(coordinatorsOf(world)).to.deep.equal(['s1', 's2']);
  });

  it('a switch to which a disk is silent that nobody hears is as good as any', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.kill('d2');
    world.run(5000);
    complain(world, { reporter: 's1', silentDisks: ['d2'] });
    world.start('d2');
    expectServed(world, 'a disk that was away');
    expect(coordinatorsOf(world)).to.deep.equal(['s1', 's2']);
  });

  it('trouble that comes back at once is not answered faster and faster', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const first = world.record().generation;
    const virtualizer = { kind: 'virtualizer', id: 'v1' } as const;
    const complain = () => {
      const { generation } = world.record();
      const report = { volume: 'vol0', generation, reporter: 's1', what: 'it fails' };
      world.switch('s1').actor.ask(virtualizer, 'trouble', report, 1000, () => {});
      world.clock.setTimeout(complain, 20);
    };
    complain();
    world.run(20_000);
    expect(world.record().generation - first).to.be.within(5, 30);
  });

  it('mirrors that cannot be made equal: it does not serve, and says what an operator must know', () => {
    const world = worldIn('serving');
    world.switch('s2').problem = 'block 7 differs under one tag; it needs an operator';
    world.start('d1');
    world.run(10_000);
    expect(world.status().state).to.not.equal('serving');
    expect(world.status().reason).to.equal(
      'switch s2 cannot settle: block 7 differs under one tag; it needs an operator',
    );
    world.switch('s2').problem = '';
    expectServed(world, 'after the operator');
  });

  it('a great many hosts do not say what they have open: it is decided without them', () => {
    const world = worldIn('settling');
    const { generation } = world.record();
    world.switch('s1').silentHosts = Array.from(
      { length: hostsMax },
      (_, index) => `host-${index}`,
    );
    const reasons: string[] = [];
    world.until(() => {
      reasons.push(world.status().reason);
      return world.record().generation > generation;
    }, 'another decision');
    expect(reasons.join()).to.not.contain('does not say if it settled');
    expectServed(world, 'without those that are silent');
  });

  it('both disks of a set are silent: hosts are told, and it is served again when they are heard of', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.kill('d3');
    world.kill('d4');
    world.until(() => world.host('h1').held.get('vol0')?.state === 'assembling', 'h1 is told');
    world.run(5000);
    expect(world.status().reason).to.equal(
      'disk d3 is missing: it is silent; disk d4 is missing: it is silent; ' +
        'nobody else has all that was written: d3, d4 must come back',
    );
    world.start('d3', 'd4');
    expectServed(world, 'they are back');
  });

  it('a supervisor sees a disk end: hosts are told at once', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.kill('d3');
    const actors = [{ kind: 'disk', id: 'd3' }];
    world.host('h2').actor.tell('exited', { node: 'n1', actors, signal: 'SIGKILL', code: null });
    world.run(5);
    expect(world.host('h1').held.get('vol0')?.reason).to.equal(
      'disk d3 is missing: it was seen to end',
    );
  });

  it('a disk with another identity in its place is none of the members: it is filled like one that missed everything', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    const { identity } = world.medium('d2');
    const other = 'f'.repeat(32);
    world.switch('s1').resyncBytes = 1;
    world.medium('d2').identity = other;
    world.start('d2');
    world.until(() => world.status().state.startsWith('gathering'), 'it is missed');
    expect(world.status().reason).to.equal(
      `disk d2 answers as identity ${other}, expected ${identity}: ` +
        'it was replaced or emptied; put the old one back',
    );
    world.until(() => world.record().disks.some((each) => each.identity === other), 'it is taken');
    expect(world.record().mirrorSets[0]?.mirrors).to.deep.equal(['in-sync', 'resyncing']);
    expectServed(world, 'while it is filled');
  });

  it('a disk of another cluster is refused, and so is one that is a copy of another', () => {
    const world = new VirtualizerWorld();
    world.medium('d2').clusterIdentity = 'a'.repeat(32);
    world.startVirtualizer();
    world.start('d1', 'd2', 'd3', 'd4', 's1', 's2');
    world.run(2000);
    expect(world.status().reason).to.match(
      /^disk d2 belongs to the cluster with identity a{32}, this one is /,
    );
    world.medium('d2').clusterIdentity = '';
    world.medium('d2').identity = world.medium('d1').identity;
    world.start('d2');
    world.run(2000);
    expect(world.status().reason).to.match(/^disks d1 and d2 are one and the same, of identity /);
  });

  it('a host that was taken for gone said which links fail it, and is back: a switch out of its reach coordinates nothing', () => {
    const world = new VirtualizerWorld();
    world.startServing();
    world.start('h2');
    world.run(1500);
    const coordinators = () =>
      world.record().partitions.map(({ coordinator }): string => coordinator);
    expect(coordinators()).to.include('s2');
    const { actor } = world.host('h1');
    const exited = { node: 'n1', actors: [{ kind: 'host', id: 'h1' }], signal: null, code: null };
    world.host('h2').actor.tell('exited', exited);
    const failed = ['h1-a-s2', 'h1-b-s2'];
    const { incarnation: hostIncarnation } = actor;
    const told = { host: 'h1', hostIncarnation, number: 1, paths: [], failed, avoided: [] };
    actor.ask({ kind: 'virtualizer', id: 'v1' } as never, 'prefer-paths', told, 1000, () => {});
    world.until(() => !coordinators().includes('s2'), 's2 coordinates nothing');
  });
});
