import { expect } from 'chai';
import { loadStepIos } from '../../../actors/host/path-policy.ts';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { idOf, type LinkId } from '../../../protocols/ids.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { routesToDisk } from './control-data-sample.ts';
import { HostWorld, type SentFrame } from './host-world.ts';

const linkOf = ({ subject }: SentFrame) =>
  idOf<LinkId>(subject.slice(subject.lastIndexOf('.') + 1));

describe('paths and HBAs (H2, H3)', () => {
  let world: HostWorld;
  const read = (offset = 0) => world.driver.read(unitOf<VolumeOffset>(offset), 4096, () => {});
  const sendOne = (offset = 0) => {
    read(offset);
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    return frame;
  };
  const rankOf = (link: string) => world.host.paths.known(idOf<LinkId>(link))?.rank;
  beforeEach(() => {
    world = new HostWorld();
    world.serve();
  });

  const countsOf = (frames: readonly SentFrame[], key: (frame: SentFrame) => string) => {
    const counts: Record<string, number> = {};
    for (const frame of frames) counts[key(frame)] = (counts[key(frame)] ?? 0) + 1;
    return Object.values(counts);
  };

  it('takes the fewest hops, and keeps I/Os together while no disk is clearly more loaded', () => {
    const frames = Array.from({ length: loadStepIos }, () => sendOne());
    expect(new Set(frames.map(({ request }) => request.route.length))).to.deep.equal(new Set([1]));
    expect(countsOf(frames, ({ request }) => request.disk)).to.deep.equal([loadStepIos]);
    expect(countsOf(frames, linkOf)).to.deep.equal([loadStepIos]);
  });

  it('spreads over mirrors, HBAs and switches once they have much to do', () => {
    const frames = Array.from({ length: 4 * loadStepIos }, () => sendOne());
    const half = 2 * loadStepIos;
    expect(countsOf(frames, ({ request }) => request.disk)).to.deep.equal([half, half]);
    expect(countsOf(frames, linkOf).length).to.equal(4);
  });

  it('by the policy of least outstanding spreads at once', () => {
    world = new HostWorld({ policy: { pathOrder: 'leastOutstanding' } });
    world.serve();
    const frames = Array.from({ length: 16 }, () => sendOne());
    expect(countsOf(frames, ({ request }) => request.disk)).to.deep.equal([8, 8]);
    expect(countsOf(frames, linkOf)).to.deep.equal([4, 4, 4, 4]);
  });

  it('reads no mirror that is not in sync', () => {
    world.serve({ generation: 2, secondMirror: 'stale' });
    const frames = Array.from({ length: 8 }, () => sendOne());
    expect(new Set(frames.map(({ request }) => request.disk))).to.deep.equal(new Set(['d1']));
  });

  it('by the policy of least outstanding takes a longer way around a loaded link', () => {
    world = new HostWorld({ policy: { pathOrder: 'leastOutstanding' } });
    const short = routesToDisk('d1').filter(
      ({ hba, links }) => hba === 'h1-a' && links.length === 2,
    );
    const long = routesToDisk('d1').filter(
      ({ hba, links }) => hba === 'h1-b' && links.length === 3,
    );
    const onlyD1 = { disk: idOf<'d1' & never>('d1'), routes: [...short.slice(0, 1), ...long] };
    world.serve({ diskRoutes: [onlyD1], secondMirror: 'stale' });
    const hops = [sendOne(), sendOne()].map(({ request }) => request.route.length + 1);
    expect(hops).to.deep.equal([2, 3]);
  });

  it('a disk behind one HBA only is reached through that one (H3)', () => {
    const diskRoutes = ['d1', 'd2', 'd3', 'd4'].map((disk) => ({
      disk: idOf<'disk' & never>(disk),
      routes: routesToDisk(disk).filter(({ hba }) => hba === (disk < 'd3' ? 'h1-b' : 'h1-a')),
    }));
    world.serve({ generation: 2, diskRoutes });
    expect(sendOne(0).hba).to.equal('h1-b');
    expect(sendOne(65_536).hba).to.equal('h1-a');
  });

  it('silence makes suspect only links over which nothing else was answered meanwhile', () => {
    const silent = sendOne();
    for (let round = 0; round < 14; round++) {
      world.clock.runFor(20);
      world.answerAll(Array.from({ length: 8 }, () => sendOne(65_536)));
    }
    const deadEnd = silent.request.route[0];
    expect(rankOf(`${deadEnd}`)).to.equal(LinkRank.suspect);
    for (const hba of ['h1-a', 'h1-b'])
      for (const name of ['s1', 's2']) expect(rankOf(`${hba}-${name}`)).to.equal(LinkRank.usable);
  });

  it('a failed link is probed by a way that works up to there, else the probe says nothing of it', () => {
    const first = sendOne();
    const dead = linkOf(first);
    const [behind] = first.request.route;
    if (behind === undefined) throw new Error('the route has one link only');
    world.noResponders(first);
    world.host.paths.failed(world.host.paths.link(behind), true);
    world.clock.runFor(30);
    world.answerAll();
    world.clock.runFor(500);
    const probes = world.probes().filter(({ request }) => request.route[0] === behind);
    expect(probes.map(({ request }) => request.operation)).to.deep.equal([Operation.probe]);
    expect(probes.map(linkOf)).to.not.include(dead);
  });

  it('a failed link is probed, stays out while nobody listens, and comes back when somebody does', () => {
    const first = sendOne();
    const dead = linkOf(first);
    world.noResponders(first);
    expect(rankOf(dead)).to.equal(LinkRank.failed);
    world.clock.runFor(30);
    world.answerAll();
    for (let round = 0; round < 3; round++) {
      world.clock.runFor(520);
      const [probe] = world.probes();
      expect(probe?.request.operation).to.equal(Operation.probe);
      if (probe === undefined) throw new Error('no probe');
      expect(linkOf(probe)).to.equal(dead);
      if (round < 2) {
        world.noResponders(probe);
        expect(rankOf(dead)).to.equal(LinkRank.failed);
      } else world.answer(probe);
    }
    expect(rankOf(dead)).to.equal(LinkRank.standby);
    world.clock.runFor(1000);
    expect(rankOf(dead)).to.equal(LinkRank.usable);
  });

  it('a failed link behind a switch is probed through that switch', () => {
    const first = sendOne();
    const [behind] = first.request.route;
    if (behind === undefined) throw new Error('a link behind the switch was expected');
    world.refuse(first, { status: Status.path, detail: { links: [behind], alternates: [] } });
    expect(rankOf(behind)).to.equal(LinkRank.failed);
    world.clock.runFor(30);
    world.answerAll();
    world.clock.runFor(520);
    const probe = world.probes().find(({ request }) => request.route.includes(behind));
    expect(probe?.request.route).to.deep.equal([behind]);
    expect(probe?.request.extentGeneration).to.equal(7);
    if (probe !== undefined)
      world.refuse(probe, { status: Status.path, detail: { links: [behind], alternates: [] } });
    expect(rankOf(behind)).to.equal(LinkRank.failed);
  });

  it('a probe that nobody answers is no proof of anything: the link is suspect, and usable again once one is answered', () => {
    const first = sendOne();
    const dead = linkOf(first);
    world.noResponders(first);
    world.clock.runFor(30);
    world.answerAll();
    world.clock.runFor(1100);
    expect(rankOf(dead)).to.equal(LinkRank.suspect);
    world.probes();
    world.clock.runFor(10_000);
    expect(rankOf(dead), 'time proves nothing').to.equal(LinkRank.suspect);
    const probe = world.probes().findLast((each) => linkOf(each) === dead);
    if (probe === undefined) throw new Error('it is not looked at any more');
    world.answer(probe);
    expect(rankOf(dead)).to.equal(LinkRank.standby);
    world.clock.runFor(1000);
    expect(rankOf(dead)).to.equal(LinkRank.usable);
  });

  it('an answer to what was sent before the link failed does not bring it back', () => {
    const first = sendOne();
    let second = sendOne();
    while (linkOf(second) !== linkOf(first)) second = sendOne();
    world.clock.runFor(1);
    world.noResponders(first);
    world.answerAll([second]);
    expect(rankOf(linkOf(first))).to.equal(LinkRank.failed);
  });
});
