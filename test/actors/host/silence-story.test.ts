import { expect } from 'chai';
import { Operation, Status } from '../../../protocols/codes.ts';
import { type FailoverFields, failoverSchema } from '../../../protocols/events.ts';
import { idOf, type LinkId } from '../../../protocols/ids.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const between = idOf<LinkId>('s1-s2');
const firstLinkOf = ({ subject }: SentFrame) => subject.slice(subject.lastIndexOf('.') + 1);

describe('the story of a silence', () => {
  let world: HostWorld;
  let stories: FailoverFields[];
  let ended: Status[];
  const note = (status: Status) => ended.push(status);
  const read = (offset = 0) => world.driver.read(unitOf<VolumeOffset>(offset), 4096, note);
  const write = (offset = 0) =>
    world.driver.write(unitOf<VolumeOffset>(offset), [contentOf(offset, 4096)], false, note);
  const repair = () => world.driver.order(Operation.repair, unitOf<VolumeOffset>(0), 4096, note);
  const failovers = () => world.host.facts().failovers as { subject: string; state: string }[];

  const begin = (options: ConstructorParameters<typeof HostWorld>[0] = {}) => {
    world = new HostWorld(options);
    world.serve();
    stories = [];
    ended = [];
    const publish = world.control.onPublish;
    world.control.onPublish = (subject, data, reply) => {
      if (subject.endsWith('.failover'))
        stories.push(failoverSchema.parse(JSON.parse(Buffer.from(data).toString('utf8'))));
      publish(subject, data, reply);
    };
  };
  beforeEach(() => begin());

  /** Runs for a time, while everybody answers but who is silent. @returns what was not answered */
  function runWithout(isSilent: (frame: SentFrame) => boolean, forMs: number): SentFrame[] {
    const unanswered: SentFrame[] = [];
    for (let ms = 0; ms < forMs; ms++) {
      for (const frame of world.sent())
        if (isSilent(frame)) unanswered.push(frame);
        else world.answerAll([frame]);
      for (const probe of world.probes()) if (!isSilent(probe)) world.answer(probe);
      world.clock.runFor(1);
    }
    return unanswered;
  }

  it('tells once of all that a silent switch hit: what was seen, what was sent again, how long it took', () => {
    write();
    runWithout(() => false, 1500);
    ended = [];
    for (let count = 0; count < 5; count++) read();
    write();
    const unanswered = runWithout((frame) => /-s1$/.test(firstLinkOf(frame)), 600);
    expect(unanswered.length).to.be.at.least(6);
    expect(stories, 'it may hit more').to.deep.equal([]);
    expect(failovers()[0]).to.include({ subject: 's1' });
    runWithout(() => false, 2500);
    expect(ended).to.deep.equal(Array(6).fill(Status.ok));
    expect(failovers()).to.deep.equal([]);
    expect(stories).to.have.length(1);
    const [story] = stories;
    expect(story?.seen).to.match(/^no answer from s1 for 2[56]\d ms$/);
    expect(story).to.include({
      subject: 's1',
      decided: 'sent it again, by another way where there is one',
      hit: 6,
    });
    expect(story?.reissues).to.be.at.least(6);
    expect(story?.route.join()).to.not.match(/^h1-[ab]-s1/);
    expect(world.host.counters.failovers).to.equal(1);
  });

  it('what is found silent within a second after is of the same story, and later of another', () => {
    const isDead = (frame: SentFrame) => firstLinkOf(frame) === 'h1-a-s1';
    read();
    runWithout(isDead, 200);
    read();
    runWithout(isDead, 150);
    expect(failovers()[0]).to.include({ state: 'quiet' });
    runWithout(() => true, 1500);
    runWithout(() => false, 4000);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
    expect(stories.map(({ hit }) => hit)).to.deep.equal([2]);
    expect(stories[0]?.tookMs, 'it lasted as long as the second').to.be.above(1000);
    read();
    runWithout(isDead, 600);
    runWithout(() => false, 4000);
    expect(stories).to.have.length(2);
  });

  it('the time that it took ends with the last of what it hit, not with the waiting for more', () => {
    read();
    runWithout((frame) => firstLinkOf(frame) === 'h1-a-s1', 300);
    runWithout(() => false, 2000);
    expect(stories[0]?.tookMs).to.be.below(10);
  });

  it('a link that alone is silent is named, and not the switch that answers over another', () => {
    const isDead = (frame: SentFrame) => firstLinkOf(frame) === 'h1-a-s1';
    read();
    world.clock.runFor(10);
    world.host.paths.switchState('s1').answeredAtMs = world.clock.now();
    runWithout(isDead, 300);
    runWithout(() => false, 2000);
    expect(stories[0]).to.include({ subject: 'h1-a-s1' });
    expect(stories[0]?.seen).to.match(/^no answer over h1-a-s1 for 2[56]\d ms$/);
  });

  it('a lost answer of a disk that answers others is told of the disk', () => {
    read();
    const [lost] = world.sent();
    for (let ms = 0; ms < 600; ms += 10) {
      read(8192);
      world.answerAll(
        world.sent().filter(({ request }) => request.ioNumber !== lost?.request.ioNumber),
      );
      world.clock.runFor(10);
    }
    runWithout(() => false, 2000);
    expect(stories).to.have.length(1);
    expect(stories[0]?.subject).to.equal(lost?.request.disk);
    expect(stories[0]?.seen).to.match(/answered others, and one I\/O not for 5\d\d ms$/);
  });

  it('a link that turns out to be dead soon after it was silent is of the same story, and nothing is sent twice', () => {
    read();
    runWithout(() => true, 100);
    read();
    const [second] = world.sent();
    if (second === undefined) throw new Error('the second read was not sent');
    world.host.paths.switchState('s1').answeredAtMs = world.clock.now();
    runWithout((frame) => firstLinkOf(frame) === 'h1-a-s1', 200);
    expect(failovers()[0]).to.include({ subject: 'h1-a-s1', state: 'quiet' });
    world.noResponders(second);
    const again = world.sent();
    expect(again).to.have.length(1);
    world.answerAll(again);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
    runWithout(() => false, 1100);
    expect(stories.map(({ hit, reissues }) => [hit, reissues])).to.deep.equal([[2, 2]]);
  });

  it('what is silent, and has ways left, does not end with what has none and hit the same', () => {
    begin({ policy: { noPathRetryMs: 2000, deadlineMs: 30_000 } });
    read();
    repair();
    for (let ms = 0; ms < 4000; ms++) {
      for (const frame of [...world.sent(), ...world.probes()]) {
        if (frame.request.operation === Operation.read) continue;
        if (/-s1$/.test(firstLinkOf(frame))) {
          if (ms > 100) world.noResponders(frame);
        } else if (frame.request.route.includes(between))
          world.refuse(frame, {
            status: Status.path,
            detail: { links: [between], alternates: [between] },
          });
      }
      world.clock.runFor(1);
    }
    expect(failovers().map(({ subject }) => subject)).to.deep.equal(['s1']);
    expect(ended, 'only the one without a way').to.deep.equal([Status.path]);
    runWithout(() => false, 1000);
    expect(ended).to.deep.equal([Status.path, Status.ok]);
  });

  it('a link that turns out to be dead under what was silent is of the same story, and nothing is sent twice', () => {
    read();
    runWithout(() => true, 260);
    const [again] = world.sent();
    if (again === undefined) throw new Error('it was not sent again');
    world.noResponders(again);
    const third = world.sent();
    expect(third).to.have.length(1);
    world.answerAll(third);
    expect(ended).to.deep.equal([Status.ok]);
    world.clock.runFor(1100);
    expect(stories).to.have.length(1);
    expect(stories[0]).to.include({ hit: 1, reissues: 2 });
    expect(stories[0]?.decided).to.equal('sent it again, by another way where there is one');
  });
});
