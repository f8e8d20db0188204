import { expect } from 'chai';
import type { DriverPolicy } from '../../../actors/host/driver-policy.ts';
import { answerExplain } from '../../../actors/host/explanation.ts';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { SeededRandom } from '../../../cluster/simulation/random.ts';
import { type Explanation, explanationSchema } from '../../../protocols/explanation.ts';
import { idOf, type LinkId } from '../../../protocols/ids.ts';
import { mebibyte, unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { extentOn, mirror, routesToDisk, sizeBytes } from './control-data-sample.ts';
import { HostWorld, type SentFrame } from './host-world.ts';

describe('explain', () => {
  let world: HostWorld;
  let order: DriverPolicy['pathOrder'];
  const begin = (options: ConstructorParameters<typeof HostWorld>[0] = {}) => {
    world = new HostWorld(options);
    order = options.policy?.pathOrder ?? 'hops';
  };
  beforeEach(() => {
    begin();
    world.serve();
  });
  const ask = (offset: number, name = 'vol0') =>
    answerExplain(
      { volume: name, offset },
      { host: idOf('h1'), order, attachments: world.host.attachments },
    );
  const explain = (offset = 0): Explanation => explanationSchema.parse(ask(offset));
  const read = (offset = 0) => world.driver.read(unitOf<VolumeOffset>(offset), 512, () => {});
  const write = (offset = 0) =>
    world.driver.write(unitOf<VolumeOffset>(offset), [new Uint8Array(512)], false, () => {});
  const linksOf = ({ subject, request }: SentFrame): readonly string[] => [
    subject.slice(subject.lastIndexOf('.') + 1),
    ...request.route,
  ];

  it('tells where a block is, with all the numbers that its I/O carries', () => {
    const found = explain(mebibyte + 64 * 1024 + 5);
    expect(found.partition).to.include({ partition: 1, coordinator: 's2', epoch: 11 });
    expect(found.partition.ownerIncarnation).to.equal(101);
    expect(found.attach).to.deep.equal({ mode: 'exclusive', readOnly: false, epoch: 5 });
    expect(found.generation).to.equal(1);
    const shown = found.mirrors.map(({ disk, diskOffset, state, mirrorSet, eventCount }) => {
      return { disk, diskOffset, state, mirrorSet, eventCount };
    });
    const diskOffset = mebibyte + mebibyte / 2 + 5;
    const rest = { diskOffset, state: 'in-sync', mirrorSet: 'm1', eventCount: 3 };
    expect(shown).to.deep.equal([
      { disk: 'd3', ...rest },
      { disk: 'd4', ...rest },
    ]);
    write(mebibyte + 64 * 1024);
    const [frame] = world.sent();
    expect(frame?.request).to.include({
      partition: found.partition.partition,
      partitionEpoch: found.partition.epoch,
      ownerIncarnation: found.partition.ownerIncarnation,
      attachEpoch: found.attach.epoch,
      generation: found.generation,
    });
  });

  it('tells whether a cache may answer a read, and why not', () => {
    expect(explain().cache).to.include({ switch: '', mayAnswer: false });
    expect(explain().cache.why).to.match(/no switch has a cache/);
    begin();
    world.serve({ cachingSwitches: ['s1', 's2'] });
    const { cache } = explain();
    expect(cache).to.include({ mayAnswer: true, regionWrites: 0 });
    read();
    expect(world.sent()[0]?.subject, 'the read goes by that switch').to.include(
      `.switch.${cache.switch}.`,
    );
    write();
    expect(explain().cache.mayAnswer).to.equal(false);
    expect(explain().cache.why).to.match(/a write to its region is under way/);
  });

  for (const pathOrder of ['hops', 'leastOutstanding'] as const)
    for (const mode of ['exclusive', 'shared'] as const)
      it(`never says another way than the next I/O takes: ${pathOrder}, ${mode} attach, any load, any dead links`, () => {
        begin({ policy: { pathOrder }, mode });
        world.serve();
        const random = new SeededRandom(`explain ${pathOrder}`);
        const open: SentFrame[] = [];
        for (let round = 0; round < 600; round++) {
          // An answer may have let held reads go.
          open.push(...world.sent());
          const offset = random.integer(sizeBytes / 4096) * 4096;
          const said = explain(offset);
          const isRead = random.integer(2) === 0;
          if (isRead) read(offset);
          else write(offset);
          // A read that overlaps an open write is held, and says nothing.
          const [frame] = world.sent();
          if (frame === undefined) continue;
          const way = isRead ? said.reads : said.writes;
          expect(linksOf(frame), `round ${round}`).to.deep.equal(way.route);
          expect(frame.hba).to.equal(way.hba);
          open.push(frame);
          const luck = random.integer(40);
          const answered = open.splice(random.integer(open.length), 1)[0];
          if (answered === undefined) continue;
          if (luck === 0) world.noResponders(answered);
          else if (luck < 20) open.push(answered);
          else world.answerAll([answered]);
        }
      });

  it('says that the fewest hops decide, and what is against the others', () => {
    const paths = explain().mirrors[0]?.paths ?? [];
    expect(paths.filter(({ chosen }) => chosen)).to.have.length(1);
    expect(paths[0]).to.include({ chosen: true, hops: 2, state: 'usable' });
    expect(paths.find(({ hops }) => hops === 3)?.why).to.equal('longer: 3 hops');
    expect(paths[1]?.why).to.equal('as good as the chosen one, which comes first');
  });

  it('says that an HBA is the only one that reaches a disk, and a way the only one', () => {
    const diskRoutes = ['d1', 'd2', 'd3', 'd4'].map((disk) => ({
      disk: idOf<'disk' & never>(disk),
      routes: routesToDisk(disk)
        .filter(({ hba }) => hba === 'h1-b')
        .slice(0, disk === 'd1' ? 1 : 9),
    }));
    world.serve({ generation: 2, diskRoutes });
    const [first, second] = explain().mirrors;
    expect(first?.paths.map(({ why }) => why)).to.deep.equal(['the only way']);
    expect(second?.paths[0]?.why).to.match(/^only h1-b reaches it; /);
  });

  it('says which link is avoided, and what is known of it', () => {
    read();
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    const [dead] = linksOf(frame);
    world.noResponders(frame);
    const avoided = explain().mirrors[0]?.paths.find(({ route }) => route[0] === dead);
    expect(avoided).to.include({ state: 'failed', chosen: false });
    expect(avoided?.why).to.equal(`avoided: nobody listened at the other end of ${dead}`);
    expect(world.host.paths.known(idOf<LinkId>(dead ?? ''))?.rank).to.equal(LinkRank.failed);
  });

  it('says that a link is suspect, and that an HBA is not connected', () => {
    read();
    const silent = world.sent().flatMap(linksOf);
    world.clock.runFor(300);
    const said = explain().mirrors.flatMap(({ paths }) => paths.map(({ why }) => why));
    expect(said.join('\n')).to.contain(`suspect, no answer came over ${silent[0]}`);
    world.busOf(idOf('h1-a')).setState('disconnected');
    const now = explain().mirrors.flatMap(({ paths }) => paths.map(({ why }) => why));
    expect(now).to.include('avoided: h1-a is not connected');
  });

  it('says of loads how much is under way where', () => {
    begin({ policy: { pathOrder: 'leastOutstanding' } });
    world.serve();
    read();
    const busy = world.sent()[0]?.request.disk;
    const said = explain();
    expect(said.reads.target).to.not.equal(`disk:${busy}`);
    expect(said.reads.why).to.match(/fewest I\/Os under way: 0 at d\d, 1 at d\d/);
    expect(said.mirrors.find(({ disk }) => disk === busy)?.outstanding).to.equal(1);
  });

  it('says whether reads go to mirrors or through the coordinator, and why', () => {
    expect(explain().reads.why).to.contain('in exclusive attach nobody else writes');
    begin({ mode: 'shared' });
    world.serve();
    const { reads, writes } = explain();
    expect(reads).to.include({ target: 'switch:s1' });
    expect(reads.why).to.contain('in shared attach others write too');
    expect(writes.target).to.equal('switch:s1');
  });

  it('shows a mirror that is not in sync, and reads the other', () => {
    world.serve({ generation: 2, secondMirror: 'stale' });
    const { mirrors, reads } = explain();
    expect(mirrors.map(({ state }) => state)).to.deep.equal(['in-sync', 'stale']);
    expect(reads.target).to.equal('disk:d1');
  });

  for (const [state, why] of [
    ['resyncing', /^is not read before it is equal in m0: every write goes to it/],
    ['stale', /^is neither read nor written: it is stale in m0, /],
    ['detached', /^is neither read nor written: it is detached from m0$/],
  ] as const)
    it(`says why a mirror that is ${state} is not read, and shows ways only where something is sent`, () => {
      world.serve({ generation: 2, mirrors: { m0: ['in-sync', state] } });
      const [first, second] = explain().mirrors;
      expect(first?.why).to.equal('');
      expect(second?.why).to.match(why);
      expect(second?.paths.length).to.equal(state === 'resyncing' ? 8 : 0);
    });

  it('says of mirrors within mirrors in which set one is not in sync', () => {
    begin();
    const inner = mirror('m1', [extentOn('d1', mebibyte), extentOn('d2', mebibyte)]);
    const layout = mirror('m0', [inner, extentOn('d3', mebibyte)]);
    world.serve({ layout, mirrors: { m0: ['resyncing', 'in-sync'], m1: ['in-sync', 'stale'] } });
    const said = explain().mirrors.map(({ state, mirrorSet, why }) => [
      state,
      mirrorSet,
      / m[01]\b/.exec(why)?.[0] ?? '',
    ]);
    expect(said).to.deep.equal([
      ['resyncing', 'm0', ' m0'],
      ['stale', 'm0', ' m1'],
      ['in-sync', 'm0', ''],
    ]);
  });

  it('says why a volume is not serving', () => {
    world.publish({ generation: 2, state: 'assembling', reason: 'disk d1 is missing' });
    expect(explain().reason).to.contain('disk d1 is missing');
  });

  it('refuses what is not attached, not known, outside, or no question at all', () => {
    expect(ask(0, 'vol7')).to.deep.include({
      reason: 'unknown',
      message: 'host h1 does not attach volume vol7; it attaches vol0',
    });
    expect(JSON.stringify(ask(sizeBytes))).to.contain(
      `outside of volume vol0, which has ${sizeBytes}`,
    );
    for (const offset of [-1, 0.5, Number.NaN]) expect(ask(offset).ok).to.equal(false);
    begin();
    expect(JSON.stringify(ask(0))).to.contain('host h1 does not know volume vol0 yet');
  });
});
