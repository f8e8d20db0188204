import { expect } from 'chai';
import { createActor, SimulatedClock } from 'xstate';
import { pathFailoverMachine } from '../../../actors/host/path-failover-machine.ts';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { encodeJson } from '../../../actors/json.ts';
import { Operation, Status } from '../../../protocols/codes.ts';
import { failoverSchema } from '../../../protocols/events.ts';
import { type HbaId, idOf, type LinkId } from '../../../protocols/ids.ts';
import { subjectsOf } from '../../../protocols/subjects.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { routesToDisk } from './control-data-sample.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const linkOf = ({ subject }: SentFrame) =>
  idOf<LinkId>(subject.slice(subject.lastIndexOf('.') + 1));
const subjects = subjectsOf(idOf('test'));

function only(frames: readonly SentFrame[]): SentFrame {
  const [frame] = frames;
  if (frame === undefined || frames.length !== 1)
    throw new Error(`one frame was expected, there are ${frames.length}`);
  return frame;
}

describe('path failover (H6)', () => {
  let world: HostWorld;
  let ended: Status[];
  const note = (status: Status) => ended.push(status);
  const read = (offset = 0) => world.driver.read(unitOf<VolumeOffset>(offset), 4096, note);
  const write = (offset = 0) =>
    world.driver.write(unitOf<VolumeOffset>(offset), [contentOf(offset, 4096)], false, note);
  const failovers = () => world.host.facts().failovers as { subject: string; state: string }[];
  const bare = (links: readonly LinkId[]) =>
    ({ status: Status.path, detail: { links, alternates: [] } }) as const;
  const begin = (options: ConstructorParameters<typeof HostWorld>[0] = {}) => {
    world = new HostWorld(options);
    world.serve();
    ended = [];
  };
  beforeEach(() => begin());

  it('re-issues at once, without waiting for any timer, and is visible until the answer', () => {
    read();
    const first = only(world.sent());
    world.noResponders(first);
    const second = only(world.sent());
    expect(linkOf(second)).to.not.equal(linkOf(first));
    expect(failovers()).to.have.length(1);
    expect(failovers()[0]).to.include({ subject: linkOf(first), state: 'reissuing' });
    world.answerAll([second]);
    expect(failovers()).to.be.empty;
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('takes everything along that was sent over the dead link: its answers may never come', () => {
    for (let count = 0; count < 5; count++) read();
    const frames = world.sent();
    expect(new Set(frames.map(linkOf)).size).to.equal(1);
    const [first] = frames;
    if (first !== undefined) world.noResponders(first);
    const again = world.sent();
    expect(again).to.have.length(5);
    world.answerAll(again);
    expect(ended).to.deep.equal(Array(5).fill(Status.ok));
    expect(world.host.counters).to.include({ failovers: 1, reissues: 5 });
  });

  it('“nobody listens” to an earlier attempt does not blame the link of the last one', () => {
    read();
    read();
    const [one, two] = world.sent();
    if (one === undefined || two === undefined) throw new Error('two frames were expected');
    world.noResponders(one);
    const again = world.sent();
    world.noResponders(two);
    for (const frame of again)
      expect(world.host.paths.known(linkOf(frame))?.rank).to.equal(LinkRank.usable);
    world.answerAll(again);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
  });

  it('with all ways but one dead the I/O completes: there are as many tries as ways, and two would not do', () => {
    write();
    let tries = 0;
    for (const left of [3, 2, 1]) {
      const frame = only(world.sent());
      tries++;
      expect(ended, `after ${tries} tries, with ${left} ways left`).to.be.empty;
      world.noResponders(frame);
    }
    const last = only(world.sent());
    expect(last.request.attempt).to.equal(3);
    expect(tries).to.be.greaterThan(2);
    world.answerAll([last]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('with no way left it is held, and goes on as soon as there is one', () => {
    write();
    for (let count = 0; count < 4; count++) world.noResponders(only(world.sent()));
    expect(world.sent()).to.be.empty;
    expect(failovers()[0]).to.include({ state: 'holding' });
    world.clock.runFor(3000);
    for (const frame of world.sent()) world.noResponders(frame);
    expect(ended).to.be.empty;
    world.clock.runFor(1000);
    world.answerAll();
    expect(ended).to.deep.equal([Status.ok]);
    expect(failovers()).to.be.empty;
  });

  it('with no way left for noPathRetry a read ends with an error, well before its deadline', () => {
    begin({ policy: { noPathRetryMs: 2000, deadlineMs: 30_000 } });
    read();
    for (let ms = 0; ms < 1900; ms += 10) {
      for (const frame of [...world.sent(), ...world.probes()]) world.noResponders(frame);
      world.clock.runFor(10);
    }
    expect(ended).to.be.empty;
    for (let ms = 0; ms < 300; ms += 10) {
      for (const frame of [...world.sent(), ...world.probes()]) world.noResponders(frame);
      world.clock.runFor(10);
    }
    expect(ended).to.deep.equal([Status.path]);
    expect(world.attachment.state).to.equal('serving');
  });

  it('what it hits after it gave up, once there are ways again, has its whole time', () => {
    const clock = new SimulatedClock();
    const input = { noPathRetryMs: 2000, isSilence: false };
    const failover = createActor(pathFailoverMachine, { input, clock }).start();
    for (const type of ['alternates.named', 'ways.exhausted'] as const) failover.send({ type });
    clock.increment(2000);
    expect(failover.getSnapshot().value).to.equal('failing');
    failover.send({ type: 'ways.changed' });
    expect(failover.getSnapshot().value).to.equal('reissuing');
  });

  it('with no way left, and another decision under way, a write has until its own deadline (seed 209)', () => {
    begin({ policy: { noPathRetryMs: 2000, deadlineMs: 30_000 } });
    write();
    for (let count = 0; count < 4; count++) world.noResponders(only(world.sent()));
    expect(failovers()[0]).to.include({ state: 'holding' });
    world.publish({ state: 'assembling', reason: 'switch s1 is not there any more' });
    for (let ms = 0; ms < 5000; ms += 10) {
      for (const frame of world.probes()) world.noResponders(frame);
      world.clock.runFor(10);
    }
    expect(ended).to.be.empty;
    expect(world.attachment.state).to.equal('interrupted');
  });

  it('a bare code sends nothing before the virtualizer has said that another way works', () => {
    read();
    const first = only(world.sent());
    const [behind] = first.request.route;
    if (behind === undefined) throw new Error('a link behind the switch was expected');
    world.asked.splice(0);
    world.answers.paths = { ok: true, routes: routesToDisk('d2').slice(0, 1), silent: [] };
    world.refuse(first, bare([behind]));
    expect(world.sent()).to.be.empty;
    expect(failovers()[0]).to.include({ state: 'querying' });
    world.clock.runFor(1);
    const question = world.asked.find(({ verb }) => verb === 'paths');
    expect(question?.body).to.deep.include({ host: 'h1', volume: 'vol0', failed: [behind] });
    const second = only(world.sent());
    expect(second.request.route).to.not.include(behind);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.counters.pathQueries).to.equal(1);
  });

  it('who did not answer the virtualizer is not tried', () => {
    read();
    const first = only(world.sent());
    const [behind] = first.request.route;
    if (behind === undefined) throw new Error('a link behind the switch was expected');
    world.answers.paths = { ok: true, routes: routesToDisk('d1').slice(2, 3), silent: ['d2'] };
    world.refuse(first, bare([behind]));
    world.clock.runFor(1);
    const second = only(world.sent());
    expect(second.request.disk).to.equal('d1');
  });

  for (const order of [
    [7, 5],
    [5, 7],
  ])
    it(`takes the ways that the virtualizer verified in its order, ${order.join(' before ')}, though others are shorter`, () => {
      read();
      const first = only(world.sent());
      const [behind] = first.request.route;
      if (behind === undefined) throw new Error('a link behind the switch was expected');
      const routes = order.flatMap((place) => routesToDisk('d2')[place] ?? []);
      world.answers.paths = { ok: true, routes, silent: [] };
      world.refuse(first, bare([behind]));
      world.clock.runFor(1);
      const wayOf = (frame: SentFrame) => [linkOf(frame), ...frame.request.route];
      const second = only(world.sent());
      expect(wayOf(second)).to.deep.equal(routes[0]?.links);
      world.noResponders(second);
      const third = only(world.sent());
      expect(wayOf(third)).to.deep.equal(routes[1]?.links);
      world.noResponders(third);
      const fourth = only(world.sent());
      expect(wayOf(fourth), 'then it is for the host to choose').to.have.length(2);
      world.answerAll([fourth]);
      expect(ended).to.deep.equal([Status.ok]);
    });

  it('a virtualizer that does not answer is not waited for longer than a quarter of a second', () => {
    read();
    const first = only(world.sent());
    const [behind] = first.request.route;
    if (behind === undefined) throw new Error('a link behind the switch was expected');
    world.answers.paths = null;
    world.refuse(first, bare([behind]));
    world.clock.runFor(200);
    expect(world.sent()).to.be.empty;
    world.clock.runFor(60);
    expect(only(world.sent()).request.route).to.not.include(behind);
  });

  it('an HBA that loses its fabric hands over what it had under way at once', () => {
    read();
    const first = only(world.sent());
    world.busOf(first.hba).setState('disconnected');
    const second = only(world.sent());
    expect(second.hba).to.not.equal(first.hba);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('a supervisor that saw a switch end is believed: reads that were delivered there go elsewhere at once', () => {
    read();
    const first = only(world.sent());
    const dead = linkOf(first).slice(-2);
    const exited = { sequence: 1, incarnation: 1, timeMs: 0, node: dead };
    world.control.deliver(
      subjects.event({ kind: 'node', id: 'supervisor' }, 'exited'),
      encodeJson({ ...exited, actors: [{ kind: 'switch', id: dead }] }),
    );
    const second = only(world.sent());
    expect(linkOf(second)).to.not.match(new RegExp(`${dead}$`));
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('a write whose coordinator is gone is kept open, and ends when there is another', () => {
    write();
    only(world.sent());
    const exited = { sequence: 1, incarnation: 1, timeMs: 0, node: 's1' };
    world.control.deliver(
      subjects.event({ kind: 'node', id: 'supervisor' }, 'exited'),
      encodeJson({ ...exited, actors: [{ kind: 'switch', id: 's1' }] }),
    );
    expect(failovers()[0]).to.include({ state: 'holding' });
    expect(ended).to.be.empty;
    world.clock.runFor(400);
    world.answerAll();
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('silence is looked into with a small frame, long before it is a time-out', () => {
    read();
    const first = only(world.sent());
    world.clock.runFor(100);
    const probe = only(world.probes());
    expect(probe.request.operation).to.equal(Operation.probe);
    expect(linkOf(probe)).to.equal(linkOf(first));
    world.noResponders(probe);
    const second = only(world.sent());
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.counters.timeouts).to.equal(0);
  });

  it('tells one story at its end: what was seen, what was decided, what was re-issued, how long it took', () => {
    const stories: unknown[] = [];
    const publish = world.control.onPublish;
    world.control.onPublish = (subject, data, reply) => {
      if (subject.endsWith('.failover'))
        stories.push(JSON.parse(Buffer.from(data).toString('utf8')));
      publish(subject, data, reply);
    };
    read();
    const first = only(world.sent());
    world.noResponders(first);
    world.clock.runFor(3);
    const second = only(world.sent());
    world.answerAll([second]);
    const story = failoverSchema.parse(stories[0]);
    expect(stories).to.have.length(1);
    expect(story).to.include({
      subject: linkOf(first),
      seen: `nobody listens at the other end of ${linkOf(first)}`,
      decided: 'took the next best way',
      hba: second.hba,
      hit: 1,
      reissues: 1,
      tookMs: 3,
    });
    expect(story.route[0]).to.equal(linkOf(second));
  });

  it('loses an HBA and the links of the other one after the other, and still ends well', () => {
    read();
    const first = only(world.sent());
    world.busOf(first.hba).setState('disconnected');
    const second = only(world.sent());
    world.noResponders(second);
    const third = only(world.sent());
    expect(third.hba).to.equal(second.hba === 'h1-a' ? 'h1-a' : idOf<HbaId>('h1-b'));
    world.answerAll([third]);
    expect(ended).to.deep.equal([Status.ok]);
  });
});
