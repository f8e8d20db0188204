import { expect } from 'chai';
import type { VolumeRecord } from '../../../protocols/control-data.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

/** What a review of membership found: each was wrong once. The set is that of d3 and d4. */
describe('membership in trouble', () => {
  let world: VirtualizerWorld;
  const states = () => world.record().mirrorSets[1]?.mirrors.join(' ');
  const untilStates = (wanted: string) => world.until(() => states() === wanted, wanted);
  const untilServed = () => {
    world.until(() => world.status().state === 'serving', 'it is served');
    world.run(20);
  };
  const lose = (disk: string, wanted: string) => {
    world.kill(disk);
    untilStates(wanted);
    untilServed();
  };
  const kept = () => {
    const entry = world.database.values.get('volume.vol0');
    if (entry === undefined) throw new Error('there is no record');
    return { ...entry };
  };
  /** Everything loses power, and the database what it had not synced. */
  const rollBack = (to: ReturnType<typeof kept>, ...present: readonly string[]) => {
    world.killVirtualizer();
    world.database.values.set('volume.vol0', to);
    for (const disk of ['d3', 'd4']) world.kill(disk);
    world.start(...present);
    world.startVirtualizer();
    world.run(20_000);
  };
  const silence = (...ids: readonly string[]) => {
    world.network.lose = (subject) =>
      ids.some((id) => subject.includes(`.${id}.`) || subject.endsWith(`.${id}`));
  };
  /** Of the time: how much of it the volume is served. */
  const servedShare = (durationMs: number) => {
    let served = 0;
    for (let ms = 0; ms < durationMs; ms += 10) {
      world.run(10);
      if (world.status().state === 'serving') served += 10;
    }
    return served / durationMs;
  };
  const complain = (fields: object) =>
    world.command('trouble', {
      volume: 'vol0',
      generation: world.record().generation,
      reporter: 's1',
      what: 'it cannot go on',
      ...fields,
    });
  beforeEach(() => {
    world = new VirtualizerWorld();
    world.startServing();
  });

  describe('a database that loses what it had not synced', () => {
    beforeEach(() => {
      world.database.syncsEveryWrite = false;
      world.startVirtualizer();
      world.untilState('serving');
    });

    it('does not make a disk serve alone that was told of a mirror in sync beside it', () => {
      lose('d3', 'stale in-sync');
      const former = kept();
      world.start('d3');
      untilStates('in-sync in-sync');
      untilServed();
      lose('d4', 'in-sync stale');
      rollBack(former, 'd4');
      expect(world.status().state).to.match(/^gathering/);
      expect(world.status().reason).to.match(/d3 must come back/);
      world.start('d3');
      untilServed();
      expect(states(), 'd3 has everything').to.match(/^in-sync/);
    });

    it('vouches for no promotion that the mirrors beside it were not told of', () => {
      lose('d3', 'stale in-sync');
      world.switch('s2').resyncBytes = 4096;
      world.start('d3');
      untilStates('resyncing in-sync');
      untilServed();
      const written = world.database.written;
      world.database.written = (key, value) => {
        written(key, value);
        const { mirrorSets } = JSON.parse(value) as Partial<VolumeRecord>;
        if (mirrorSets?.[1]?.mirrors.join() === 'in-sync,in-sync') world.kill('d4');
      };
      world.switch('s2').resyncBytes = 0;
      untilStates('in-sync in-sync');
      world.run(20_000);
      expect(states(), 'd4 was not told of d3').to.equal('in-sync in-sync');
      expect(world.status().reason).to.match(/does not vouch .* d4 must come back/);
    });

    it('is not believed, nor are disks, where they say different things under one event count', () => {
      lose('d3', 'stale in-sync');
      const former = kept();
      const record = JSON.parse(former.value) as VolumeRecord;
      const [first, second] = record.mirrorSets;
      if (first === undefined || second === undefined) throw new Error('there are two sets');
      const other = { ...second, mirrors: ['in-sync', 'stale'] };
      const value = JSON.stringify({ ...record, mirrorSets: [first, other] });
      rollBack({ ...former, value }, 'd3', 'd4');
      expect(world.status().state).to.match(/^gathering/);
      expect(world.status().reason).to.match(/told both .* an operator must say/);
    });
  });

  it('a host that asks anew while a disk is silent costs a few decisions', () => {
    silence('d3');
    untilStates('stale in-sync');
    world.run(3000);
    const { generation } = world.record();
    world.host('h1').lostEpoch = world.host('h1').attachEpoch('vol0');
    world.host('h1').attach('vol0');
    world.run(10_000);
    expect(world.record().generation - generation).to.be.at.most(3);
    expect(world.host('h1').isAttached('vol0')).to.equal(true);
    expect(servedShare(1000)).to.equal(1);
  });

  it('a host that was silent for a moment, while a disk is, keeps nothing from being decided', () => {
    silence('d3');
    untilStates('stale in-sync');
    untilServed();
    world.switch('s1').unsettledAnswers = 3;
    world.switch('s1').silentHosts = ['h1'];
    complain({});
    world.run(2000);
    untilServed();
    expect(servedShare(1000)).to.equal(1);
  });

  it('a disk that answers commands, and no switch any I/O, is gone on without', () => {
    for (let report = 0; report < 3; report++) {
      const [partition] = world.record().partitions;
      complain({ reporter: partition?.coordinator, silentDisks: ['d3'] });
      world.run(1000);
    }
    expect(states()).to.equal('stale in-sync');
    untilServed();
  });

  it('a disk that comes and goes while it is filled keeps nobody waiting', () => {
    lose('d3', 'stale in-sync');
    world.switch('s2').resyncBytes = 4096;
    let served = 0;
    for (let flap = 0; flap < 10; flap++) {
      world.start('d3');
      served += servedShare(500) / 10 / 6;
      world.kill('d3');
      served += (servedShare(2500) / 10) * (5 / 6);
    }
    expect(served).to.be.above(0.8);
  });

  it('the last disk that has something is kept though it fails; one that only fails is not', () => {
    world.kill('d2');
    world.until(
      () => world.record().mirrorSets[0]?.mirrors.join() === 'in-sync,stale',
      'd2 is stale',
    );
    untilServed();
    complain({ failedDisks: ['d1', 'd3'] });
    world.run(500);
    expect(world.record().mirrorSets.map(({ mirrors }) => mirrors.join())).to.deep.equal([
      'in-sync,stale',
      'stale,in-sync',
    ]);
  });

  it('a disk that failed and is there all the same is fenced, and no reason to wait for anybody', () => {
    complain({ failedDisks: ['d3'] });
    untilStates('stale in-sync');
    untilServed();
    expect(world.disk('d3').confirmed.get('vol0')?.attachments, 'it refuses everybody').to.be.empty;
    silence('h1');
    world.host('h2').attach('vol0');
    world.until(() => world.host('h2').isAttached('vol0'), 'h1 is silent');
  });
});
