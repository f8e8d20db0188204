import { expect } from 'chai';
import type { MirrorState } from '../../../protocols/control-data.ts';
import { VirtualizerWorld } from './virtualizer-world.ts';

/** Of vol0, a stripe of two sets of two: the mirrors on d1 and d2, and those on d3 and d4. */
function statesOf(world: VirtualizerWorld): readonly MirrorState[] {
  return world.record().mirrorSets.flatMap(({ mirrors }) => mirrors);
}

function eventCountsOf(world: VirtualizerWorld): readonly number[] {
  return world.record().mirrorSets.map(({ eventCount }) => eventCount);
}

function memberNames(world: VirtualizerWorld): readonly string[] {
  return world.record().disks.map(({ disk }) => disk);
}

const allInSync = ['in-sync', 'in-sync', 'in-sync', 'in-sync'];
const withoutD3 = ['in-sync', 'in-sync', 'stale', 'in-sync'];
const fillingD3 = ['in-sync', 'in-sync', 'resyncing', 'in-sync'];

describe('membership of mirrors', () => {
  let world: VirtualizerWorld;
  const isServed = () => world.status().state === 'serving';
  const untilServed = (what: string) => {
    world.until(isServed, what);
    world.run(20);
  };
  const untilStates = (states: readonly string[]) =>
    world.until(() => statesOf(world).join() === states.join(), states.join());
  const loseD3 = () => {
    world.kill('d3');
    untilStates(withoutD3);
    untilServed('without d3');
  };
  beforeEach(() => {
    world = new VirtualizerWorld();
    world.startServing();
  });

  it('a disk stays away: that is decided, then the others are told, and only then it is served without it (I3)', () => {
    const [, count = 0] = eventCountsOf(world);
    const { lastEpoch } = world.record();
    const { length } = world.diary;
    loseD3();
    const { generation } = world.record();
    const told = world.since(length).filter((entry) => entry.includes(`g${generation}`));
    const at = (entry: RegExp) => told.findIndex((each) => entry.test(each));
    expect(at(/^write/)).to.equal(0);
    for (const disk of ['d1', 'd2', 'd4'])
      expect(at(/^load/)).to.be.greaterThan(at(new RegExp(`^assemble ${disk}`)));
    expect(at(/^control h1 .* serving/)).to.be.greaterThan(at(/^settled/));
    expect(memberNames(world)).to.deep.equal(['d1', 'd2', 'd4']);
    expect(eventCountsOf(world)).to.deep.equal([1, count + 1]);
    expect(world.disk('d4').confirmed.get('vol0')?.mirrorSets).to.deep.equal([
      {
        ...{ set: 'vol0-m1', eventCount: count + 1, mirrors: ['stale', 'in-sync'] },
        heldSince: 1,
        epochsSince: [lastEpoch + 1, 0],
      },
    ]);
  });

  it('a disk that restarts soon is waited for, and compared while the volume serves (I11)', () => {
    world.kill('d3');
    world.until(() => world.status().state === 'gathering.waiting', 'it is waited for');
    world.run(1000);
    world.switch('s1').resyncBytes = 4096;
    world.start('d3');
    untilStates(fillingD3);
    untilServed('while it is compared');
    expect(eventCountsOf(world)).to.deep.equal([1, 2]);
    world.switch('s1').resyncBytes = 0;
    untilStates(allInSync);
  });

  it('disks that all restart stay in sync, and are made equal before the volume serves', () => {
    world.kill('d3');
    world.kill('d4');
    world.until(() => world.status().state === 'gathering.looking', 'both are missed');
    world.start('d3', 'd4');
    untilServed('they are back');
    expect(statesOf(world)).to.deep.equal(allInSync);
    expect(world.record().compared).to.equal('marked');
  });

  it('a disk that is back is filled while the volume serves, and is in sync once all coordinators say so', () => {
    loseD3();
    world.switch('s2').resyncBytes = 4096;
    world.start('d3');
    untilStates(fillingD3);
    untilServed('while it is filled');
    expect(eventCountsOf(world)).to.deep.equal([1, 3]);
    expect(memberNames(world)).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
    world.run(20_000);
    expect(statesOf(world), 's2 is not through').to.deep.equal(fillingD3);
    expect(world.status().resync).to.include({ totalBytes: 16_384, remainingBytes: 4096 });
    world.switch('s2').resyncBytes = 0;
    untilStates(allInSync);
    untilServed('all in sync');
    expect(eventCountsOf(world)).to.deep.equal([1, 4]);
    expect(world.status().resync).to.equal(null);
  });

  it('a planned step asks the coordinators to end what is open first', () => {
    loseD3();
    const { length } = world.diary;
    world.start('d3');
    untilStates(fillingD3);
    const said = world.since(length);
    const write = said.findIndex((entry) => entry.startsWith('write'));
    expect(said.slice(0, write).join()).to.match(/yield s1.*yield s2|yield s2.*yield s1/);
  });

  it('a disk that restarts while it is filled is not taken for equal by what was said of its former process', () => {
    loseD3();
    world.switch('s1').resyncBytes = 4096;
    world.start('d3');
    untilStates(fillingD3);
    untilServed('while it is filled');
    world.start('d3');
    world.switch('s1').resyncBytes = 0;
    const before = world.record().generation;
    world.until(() => world.record().generation > before, 'the next decision');
    expect(statesOf(world)).to.deep.equal(fillingD3);
    untilStates(allInSync);
  });

  it('a lone stale mirror is refused, and it is said who must come back (I4)', () => {
    loseD3();
    world.kill('d4');
    world.killVirtualizer();
    world.start('d3');
    world.startVirtualizer();
    world.run(20_000);
    expect(world.status().state).to.match(/^gathering/);
    expect(world.status().reason).to.equal(
      'disk d4 is missing: it was not heard of; nobody else has all that was written: d4 must come back',
    );
    world.start('d4');
    untilServed('d4 is back');
    untilStates(allInSync);
  });

  it('a database that does not sync every write vouches for nobody who is away, but for what its virtualizer decided itself', () => {
    world.database.syncsEveryWrite = false;
    world.startVirtualizer();
    world.untilState('serving');
    loseD3();
    world.killVirtualizer();
    world.kill('d2');
    world.startVirtualizer();
    world.run(20_000);
    expect(world.status().state).to.match(/^gathering/);
    expect(world.status().reason).to.match(
      /disk d2 is missing: .*the config database does not vouch .*: d2 must come back/,
    );
    world.start('d2');
    untilServed('d2 is back');
  });

  it('what disks know of a later decision counts, whatever the database has forgotten', () => {
    world.database.syncsEveryWrite = false;
    const former = world.database.values.get('volume.vol0');
    if (former === undefined) throw new Error('there is no record');
    loseD3();
    world.killVirtualizer();
    world.database.values.set('volume.vol0', { ...former });
    world.kill('d4');
    world.start('d3');
    world.startVirtualizer();
    world.run(10_000);
    expect(world.status().state, 'only d4 was told that d3 is stale').to.match(/^gathering/);
    world.switch('s1').resyncBytes = 4096;
    world.start('d4');
    untilServed('d4 is back');
    expect(statesOf(world)).to.deep.equal(fillingD3);
  });

  it('so does what a disk that is back knows of itself, though the record that is left has it in sync', () => {
    world.database.syncsEveryWrite = false;
    loseD3();
    const former = world.database.values.get('volume.vol0');
    if (former === undefined) throw new Error('there is no record');
    world.start('d3');
    untilStates(allInSync);
    untilServed('d3 is equal');
    world.kill('d4');
    untilStates(['in-sync', 'in-sync', 'in-sync', 'stale']);
    untilServed('without d4');
    world.switch('s1').resyncBytes = 4096;
    world.start('d4');
    untilStates(['in-sync', 'in-sync', 'in-sync', 'resyncing']);
    untilServed('while d4 is filled');
    world.killVirtualizer();
    world.database.values.set('volume.vol0', { ...former });
    world.kill('d3');
    world.startVirtualizer();
    world.run(10_000);
    expect(world.status().state).to.match(/^gathering/);
    expect(world.status().reason).to.match(/d3 must come back$/);
    world.start('d3');
    untilServed('d3 is back');
    expect(statesOf(world)).to.deep.equal(['in-sync', 'in-sync', 'in-sync', 'resyncing']);
  });

  it('a disk that fails though it is there is gone on without at once, and tried again later', () => {
    const fails = { volume: 'vol0', reporter: 's1', what: 'disk d3 answers noSpace' };
    const { generation } = world.record();
    const report = { ...fails, generation, failedDisks: ['d3'] };
    const began = world.clock.now();
    expect(world.command('trouble', report)).to.deep.include({ ok: true });
    untilStates(withoutD3);
    expect(world.clock.now() - began).to.be.lessThan(500);
    untilServed('without d3');
    world.run(4000);
    expect(statesOf(world), 'it is left alone for a while').to.deep.equal(withoutD3);
    untilStates(allInSync);
  });

  it('the last disk that has everything is kept, however it fails', () => {
    loseD3();
    const fails = { volume: 'vol0', reporter: 's1', what: 'disk d4 answers noSpace' };
    const report = { ...fails, generation: world.record().generation, failedDisks: ['d4'] };
    expect(world.command('trouble', report)).to.deep.include({ ok: true });
    world.run(100);
    untilServed('with d4');
    expect(statesOf(world)).to.deep.equal(withoutD3);
  });

  it('a file that was restored from a copy of long ago is none of the members', () => {
    world.start('d3');
    world.run(10);
    untilServed('d3 has restarted');
    world.kill('d3');
    world.kill('d4');
    world.medium('d3').instance = 0;
    world.start('d3');
    world.run(10_000);
    expect(world.status().reason).to.match(/disk d3 is an older copy of itself.*d4 is missing/);
    expect(statesOf(world), 'nobody is stale').to.deep.equal(allInSync);
    world.start('d4');
    untilStates(withoutD3);
    untilStates(fillingD3);
  });

  it('a volume is not given away from a silent host while a disk is silent that may still answer it (I14)', () => {
    loseD3();
    expect(world.record().unfenced.map(({ disk }) => disk)).to.deep.equal(['d3']);
    world.network.lose = (subject) => /\.(tel|evt|cmd)\.host\.h1(\.|$)/.test(subject);
    world.host('h2').attach('vol0');
    world.run(10_000);
    expect(world.host('h2').answer).to.match(/^not-ready: .* host h1; whether it lives/);
    expect(world.record().attachments.map(({ host }) => host)).to.deep.equal(['h1']);
    const actors = [{ kind: 'disk', id: 'd3' }];
    world.host('h2').actor.tell('exited', { node: 'n1', actors, signal: 'SIGKILL', code: null });
    world.until(() => world.host('h2').isAttached('vol0'), 'the end of d3 was seen');
    expect(world.record().unfenced).to.be.empty;
  });

  it('both go silent at once, and it was given away before that was known: nobody has it until one of them is seen to be gone', () => {
    world.network.lose = (subject) => /\.(tel|evt|cmd)\.host\.h1(\.|$)/.test(subject);
    world.kill('d3');
    world.host('h2').attach('vol0');
    world.run(15_000);
    expect(world.host('h2').isAttached('vol0')).to.equal(false);
    expect(world.status().reason).to.match(/^disk d3 is silent and may still answer .* host h1/);
    world.start('d3');
    world.until(() => world.host('h2').isAttached('vol0'), 'd3 is another process now');
    expect(world.record().unfenced).to.be.empty;
  });
});
