import { expect } from 'chai';
import { driverPolicyDefault, type FailbackPolicy } from '../../../actors/host/driver-policy.ts';
import { LinkRank, type RouteEntry } from '../../../actors/host/route-table.ts';
import { decodeJson, encodeJson } from '../../../actors/json.ts';
import type { Answer } from '../../../protocols/commands.ts';
import { idOf, type LinkId } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { HostWorld, type SentFrame } from './host-world.ts';

const linkOf = ({ subject }: SentFrame) =>
  idOf<LinkId>(subject.slice(subject.lastIndexOf('.') + 1));
const subjects = subjectsOf(idOf('test'));

describe('failback and quarantine of paths', () => {
  let world: HostWorld;
  const begin = (policy: Partial<FailbackPolicy> = {}) => {
    world = new HostWorld({
      policy: { failback: { ...driverPolicyDefault.failback, ...policy } },
    });
    world.serve();
  };
  const sendOne = () => {
    world.driver.read(unitOf<VolumeOffset>(0), 4096, () => {});
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    return frame;
  };
  const rankOf = (link: LinkId) => world.host.paths.known(link)?.rank;
  /** Its link fails under an I/O, which then ends well. */
  const failUnderIo = () => {
    const frame = sendOne();
    world.noResponders(frame);
    world.answerAll();
    return linkOf(frame);
  };
  /** The next probe of a failed link is answered. */
  const comeBack = () => {
    world.probes();
    world.clock.runFor(520);
    for (const probe of world.probes()) world.answer(probe);
  };

  it('immediate: a link that came back is preferred again after it has worked for the dwell time', () => {
    begin({ dwellMs: 2000 });
    const link = failUnderIo();
    comeBack();
    expect(rankOf(link)).to.equal(LinkRank.standby);
    const other = sendOne();
    expect(linkOf(other)).to.not.equal(link);
    world.answerAll([other]);
    world.clock.runFor(2010);
    expect(rankOf(link)).to.equal(LinkRank.usable);
    expect(linkOf(sendOne())).to.equal(link);
  });

  it('manual: it stays in reserve until an operator says so', () => {
    begin({ failback: 'manual' });
    const link = failUnderIo();
    comeBack();
    world.clock.runFor(60_000);
    expect(rankOf(link)).to.equal(LinkRank.standby);
    let answer: Answer | null = null;
    const publish = world.control.onPublish;
    world.control.onPublish = (subject, data, reply) => {
      if (subject.endsWith('.cmd.9')) answer = decodeJson(data) as Answer;
      publish(subject, data, reply);
    };
    world.command('failback', {}, subjects.commandReply({ kind: 'node', id: 'x' }, 9));
    expect(answer).to.deep.equal({ ok: true, links: [link], hbas: [] });
    expect(rankOf(link)).to.equal(LinkRank.usable);
  });

  it('manual: what is in reserve is used all the same when nothing else is left', () => {
    begin({ failback: 'manual' });
    const link = failUnderIo();
    comeBack();
    const links = new Set<LinkId>();
    for (let count = 0; count < 4; count++) {
      const frame = sendOne();
      links.add(linkOf(frame));
      if (linkOf(frame) === link) break;
      world.noResponders(frame);
      world.answerAll();
    }
    expect([...links].at(-1)).to.equal(link);
  });

  it('followOver: goes back to a link that failed under its own I/O, not to one that it only heard of', () => {
    begin({ failback: 'followOver' });
    const own = failUnderIo();
    comeBack();
    world.clock.runFor(1100);
    expect(rankOf(own)).to.equal(LinkRank.usable);
    const heard = idOf<LinkId>('h1-b-s2');
    world.host.paths.failed(world.host.paths.link(heard), false);
    comeBack();
    world.clock.runFor(60_000);
    expect(rankOf(heard)).to.equal(LinkRank.standby);
  });

  it('a link that fails again and again is in quarantine, for a time', () => {
    begin({ dwellMs: 0, quarantineFailures: 3, quarantineForMs: 60_000 });
    const link = failUnderIo();
    for (let failure = 1; failure < 3; failure++) {
      comeBack();
      world.clock.runFor(1);
      expect(rankOf(link)).to.equal(LinkRank.usable);
      expect(failUnderIo()).to.equal(link);
    }
    comeBack();
    expect(rankOf(link)).to.equal(LinkRank.quarantined);
    world.clock.runFor(59_000);
    expect(rankOf(link)).to.equal(LinkRank.quarantined);
    const frame = sendOne();
    expect(linkOf(frame)).to.not.equal(link);
    world.answerAll([frame]);
    world.clock.runFor(1100);
    expect(rankOf(link)).to.equal(LinkRank.usable);
  });

  it('a link in quarantine that is silent is suspect, and back in quarantine once it answers', () => {
    begin({ dwellMs: 0, quarantineFailures: 1, quarantineForMs: 60_000 });
    const link = failUnderIo();
    comeBack();
    expect(rankOf(link)).to.equal(LinkRank.quarantined);
    const way = world.host.paths.link(link);
    const route = { links: [way] } as unknown as RouteEntry;
    world.clock.runFor(30_000);
    world.host.paths.timedOut(route, world.clock.now());
    expect(rankOf(link)).to.equal(LinkRank.suspect);
    world.probes();
    world.clock.runFor(1010);
    for (const probe of world.probes()) world.answer(probe);
    expect(rankOf(link)).to.equal(LinkRank.quarantined);
    world.clock.runFor(28_000);
    expect(rankOf(link)).to.equal(LinkRank.quarantined);
    world.clock.runFor(1000);
    expect(rankOf(link), 'after what was left of it').to.not.equal(LinkRank.quarantined);
  });

  it('a link that failed as often over a long time is not', () => {
    begin({ dwellMs: 0, quarantineFailures: 3, quarantineWithinMs: 5000 });
    const link = failUnderIo();
    for (let failure = 0; failure < 4; failure++) {
      world.clock.runFor(4000);
      comeBack();
      world.clock.runFor(1);
      failUnderIo();
    }
    comeBack();
    world.clock.runFor(1);
    expect(rankOf(link)).to.not.equal(LinkRank.quarantined);
  });

  it('a dead link that a switch reports is looked at, and not believed', () => {
    begin();
    const link = idOf<LinkId>('s1-d1');
    const body = encodeJson({ sequence: 1, incarnation: 1, timeMs: 0, link });
    world.control.deliver(subjects.event({ kind: 'switch', id: 's1' }, 'link-down'), body);
    const [probe] = world.probes();
    expect(probe?.request.route).to.deep.equal([link]);
    expect(rankOf(link)).to.equal(LinkRank.usable);
  });

  it('the virtualizer is told which links have failed, those of an HBA without its connection among them', () => {
    begin();
    const told = () =>
      world.asked
        .splice(0)
        .flatMap(({ verb, body }) =>
          verb === 'prefer-paths' ? [(body as unknown as { failed: LinkId[] }).failed] : [],
        );
    world.clock.runFor(300);
    expect(told()).to.deep.equal([[]]);
    const dead = failUnderIo();
    world.clock.runFor(300);
    expect(told().at(-1)).to.deep.equal([dead]);
    world.busOf(idOf('h1-b')).setState('disconnected');
    world.clock.runFor(300);
    expect(told().at(-1)).to.include.members(['h1-b-s1', 'h1-b-s2']);
    world.busOf(idOf('h1-b')).setState('connected');
    world.clock.runFor(300);
    expect(told().at(-1)).to.not.include('h1-b-s2');
  });

  it('the virtualizer is told which paths are preferred, again when that changes, and when it begins anew', () => {
    begin();
    const told = () =>
      world.asked
        .splice(0)
        .flatMap(({ verb, body }) =>
          verb === 'prefer-paths'
            ? [(body as unknown as { paths: { target: { id: string }; links: LinkId[] }[] }).paths]
            : [],
        );
    world.clock.runFor(300);
    const [before] = told();
    const targets = ['d1', 'd2', 'd3', 'd4', 's1', 's2'];
    expect(before?.map(({ target }) => target.id)).to.have.members([...targets, ...targets]);
    for (const id of ['s1', 's2']) {
      const lengths = before
        ?.filter(({ target }) => target.id === id)
        .map(({ links }) => links.length);
      expect(lengths, 'through either switch, the best way first').to.deep.equal([1, 2]);
    }
    world.clock.runFor(2000);
    expect(told()).to.be.empty;
    const dead = failUnderIo();
    world.clock.runFor(300);
    const [after] = told();
    expect(after?.flatMap(({ links }) => links)).to.not.include(dead);
    const hello = encodeJson({ sequence: 1, incarnation: 2, timeMs: 0 });
    world.control.deliver(subjects.event({ kind: 'virtualizer', id: 'v1' }, 'hello'), hello);
    world.clock.runFor(300);
    expect(told()).to.have.length(1);
  });
});
