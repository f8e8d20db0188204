import { expect } from 'chai';
import { Status } from '../../../protocols/codes.ts';
import { hostFactsSchema } from '../../../protocols/facts.ts';
import { unitOf, type VolumeOffset } from '../../../protocols/units.ts';
import { sizeBytes } from './control-data-sample.ts';
import { contentOf, HostWorld } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);

describe('an attachment', () => {
  let world: HostWorld;
  let ended: Status[];
  const note = (status: Status) => ended.push(status);
  const read = () => world.driver.read(at(0), 4096, note);
  const readElsewhere = () => world.driver.read(at(65_536), 4096, note);
  const write = () => {
    world.driver.write(at(0), [contentOf(0, 4096)], false, note);
    world.answerMarks();
  };
  /** What it asks, but for what it tells of its paths. */
  const verbs = () =>
    world.asked
      .splice(0)
      .map(({ verb }) => verb)
      .filter((verb) => verb !== 'prefer-paths');
  beforeEach(() => {
    world = new HostWorld();
    ended = [];
  });

  it('asks until control data names this process, and says why it waits', () => {
    expect(world.attachment.state).to.equal('attaching');
    world.attachAnswer = { ok: false, reason: 'refused', message: 'attached by host h2' };
    world.controlData = world.data({ attachEpoch: 0 });
    world.asked.splice(0);
    world.clock.runFor(1600);
    expect(verbs().filter((verb) => verb === 'attach')).to.have.length.within(7, 9);
    expect(world.attachment.facts().reason).to.equal('attached by host h2');
  });

  it('shows why the volume is not ready, as the virtualizer tells it', () => {
    world.clock.runFor(600);
    expect(world.attachment.facts().reason).to.equal('not yet');
  });

  it('takes control data of another process of this host for somebody else’s', () => {
    world.hostIncarnation += 1;
    world.publish();
    expect(world.attachment.state).to.equal('attaching');
    read();
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.path]);
  });

  it('has a volume of known size from the first control data on, which answers errors at once until it serves', () => {
    const known: number[] = [];
    world.attachment.whenKnown((volume) => known.push(volume.sizeBytes));
    expect(world.attachment.volume).to.equal(null);
    world.publish({ state: 'assembling', reason: 'disk d3 is missing' });
    expect(known).to.deep.equal([sizeBytes]);
    expect(world.attachment.state).to.equal('assembling');
    expect(world.attachment.facts().reason).to.equal('disk d3 is missing');
    read();
    expect(ended).to.be.empty;
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.path]);
    expect(world.sent()).to.be.empty;
  });

  it('serves when asking shows that it does, although the message that said so was lost', () => {
    world.publish({ state: 'assembling' });
    world.controlData = world.data({ generation: 2 });
    world.clock.runFor(600);
    expect(world.attachment.state).to.equal('serving');
  });

  it('does not go back to older control data', () => {
    world.serve({ generation: 3 });
    world.publish({ generation: 2, state: 'assembling' });
    expect(world.attachment.state).to.equal('serving');
  });

  it('presents what the virtualizer and status need', () => {
    world.serve({ generation: 7 });
    const facts = world.host.facts();
    expect(hostFactsSchema.parse(facts).volumes[0]).to.include({ volume: 'vol0', generation: 7 });
    const paths = facts.paths as { preferred: boolean; state: string }[];
    expect(paths).to.have.length(32);
    expect(paths.filter(({ preferred }) => preferred)).to.have.length(16);
    expect(facts.counters).to.include({ consumerIos: 0 });
  });

  it('under new numbers of the same attachment goes on, with the new generation in each frame', () => {
    world.serve();
    read();
    const [frame] = world.sent();
    world.serve({ generation: 2 });
    read();
    expect(world.sent()[0]?.request.generation).to.equal(2);
    if (frame !== undefined) world.answerAll([frame]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('stale generation: takes the new control data and re-issues', () => {
    world.serve();
    world.clock.runFor(100);
    read();
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    world.controlData = world.data({ generation: 2 });
    world.refuse(frame, {
      status: Status.staleGeneration,
      detail: { generation: unitOf(2) },
    });
    world.clock.runFor(50);
    const [again] = world.sent();
    expect(again?.request).to.include({ generation: 2, attempt: 1 });
  });

  it('fenced: nothing more is sent for this I/O until there is newer control data', () => {
    world.serve();
    write();
    const [frame] = world.sent();
    if (frame === undefined) throw new Error('nothing was sent');
    world.asked.splice(0);
    world.refuse(frame, {
      status: Status.fenced,
      detail: { number: 'attachEpoch', current: 6 },
    });
    world.clock.runFor(3000);
    expect(new Set(verbs())).to.deep.equal(new Set(['control-data']));
    expect(world.sent()).to.be.empty;
    world.publish({ generation: 2 });
    world.clock.runFor(50);
    expect(world.sent()[0]?.request).to.include({ attempt: 1, generation: 2 });
  });

  it('a write without a result is the end of the attachment: trouble told, a new epoch asked for', () => {
    world.serve();
    write();
    read();
    world.clock.runFor(1);
    const frames = world.sent();
    world.asked.splice(0);
    world.clock.runFor(10_050);
    expect(ended, 'the read; the write may still take effect').to.deep.equal([Status.path]);
    expect(world.attachment.state).to.equal('lost');
    const told = world.asked.splice(0);
    expect(told.map(({ verb }) => verb)).to.include.members(['trouble', 'attach']);
    expect(told.find(({ verb }) => verb === 'attach')?.body.lostEpoch).to.equal(5);
    world.sent();
    read();
    world.answerAll(frames);
    world.clock.runFor(5);
    expect(ended).to.deep.equal([Status.path, Status.path]);
    expect(world.sent()).to.be.empty;
    world.serve({ generation: 2 });
    expect(world.attachment.state).to.equal('lost');
    expect(ended).to.have.length(2);
    world.serve({ generation: 3, attachEpoch: 6, partitionEpoch: 20 });
    expect(world.attachment.state).to.equal('serving');
    expect(ended).to.deep.equal([Status.path, Status.path, Status.path]);
    read();
    expect(world.sent()[0]?.request).to.include({ attachEpoch: 6, partitionEpoch: 20 });
  });

  // While one of h1's was neither fenced nor told of as lost, h2 read what it changed afterwards (seed 118).
  it('a write is in doubt until a decision without its epochs is served, or for another deadline', () => {
    world.serve();
    write();
    world.clock.runFor(10_050);
    world.publish({ generation: 2, attachEpoch: 6, state: 'assembling' });
    expect(world.attachment.state).to.equal('assembling');
    expect(ended, 'nobody is fenced yet').to.be.empty;
    world.publish({ generation: 2, attachEpoch: 6 });
    expect(ended).to.deep.equal([Status.path]);
    write();
    world.clock.runFor(10_050);
    world.publish({ generation: 3, attachEpoch: 0 });
    expect(ended, 'others are served').to.deep.equal([Status.path, Status.path]);
    world.publish({ generation: 4, attachEpoch: 8 });
    write();
    world.clock.runFor(19_900);
    expect(ended).to.have.length(2);
    world.clock.runFor(200);
    expect(ended, 'nothing is decided').to.have.length(3);
    expect(world.attachment.state).to.equal('lost');
  });

  it('another attachment of this process ends everything open, and nothing of it has an effect later', () => {
    world.serve();
    write();
    read();
    const frames = world.sent();
    world.publish({ generation: 2, attachEpoch: 6, partitionEpoch: 20 });
    expect(ended).to.deep.equal([Status.path, Status.path]);
    world.answerAll(frames);
    expect(ended).to.have.length(2);
    expect(world.attachment.state).to.equal('serving');
    expect(world.host.counters.lateReplies).to.equal(frames.length);
  });

  it('under new epochs of the same attachment everything open is sent again at once, and ends well', () => {
    world.serve();
    write();
    readElsewhere();
    expect(world.sent()).to.have.length(2);
    world.publish({ generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 });
    world.clock.runFor(0);
    const again = world.sent();
    expect(again.map(({ request }) => [request.attempt, request.attachEpoch])).to.deep.equal([
      [1, 6],
      [1, 6],
    ]);
    world.answerAll(again);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
  });

  it('while the volume is assembled what is open waits, what begins waits too, and all of it goes on afterwards', () => {
    world.serve();
    write();
    world.sent();
    world.publish({ state: 'assembling', reason: 'switch s1 is not there any more' });
    expect(world.attachment.state).to.equal('interrupted');
    expect(world.attachment.facts()).to.include({ reason: 'switch s1 is not there any more' });
    readElsewhere();
    write();
    world.clock.runFor(2000);
    expect(world.sent()).to.be.empty;
    expect(ended).to.be.empty;
    world.publish({ generation: 2, attachEpoch: 6, firstEpoch: 5, partitionEpoch: 20 });
    world.clock.runFor(0);
    const frames = world.sent();
    expect(frames).to.have.length(3);
    world.answerAll(frames);
    expect(ended).to.deep.equal([Status.ok, Status.ok, Status.ok]);
  });

  it('what waits too long ends with an error, and the attachment with it', () => {
    world.serve();
    write();
    world.publish({ state: 'assembling', reason: 'disk d1 is missing' });
    world.clock.runFor(10_100);
    expect(world.attachment.state).to.equal('lost');
    world.publish({ generation: 2, attachEpoch: 6, firstEpoch: 5 });
    expect(world.attachment.state, 'nobody could say what became of the write').to.equal('lost');
    expect(ended).to.be.empty;
    world.publish({ generation: 3, attachEpoch: 7 });
    expect(ended).to.deep.equal([Status.path]);
    expect(world.attachment.state).to.equal('serving');
  });

  it('tells a new coordinator the writes whose end it has not seen, but not of an attachment that it lost', () => {
    const query = () => world.attachment.unfinished(5);
    expect(query()).to.deep.equal({ ok: true, watermark: 1, writes: [] });
    world.serve();
    write();
    readElsewhere();
    const offset = 0;
    expect(query()).to.deep.equal({
      ok: true,
      watermark: 2,
      writes: [{ ioNumber: 2, offset, lengthBytes: 4096, fua: false }],
    });
    world.answerAll(world.sent());
    expect(query()).to.deep.equal({ ok: true, watermark: 4, writes: [] });
    expect(world.attachment.unfinished(6), 'an attachment that has not begun yet').to.deep.equal({
      ok: true,
      watermark: 4,
      writes: [],
    });
    write();
    world.publish({ state: 'assembling' });
    world.clock.runFor(10_100);
    expect(query()).to.include({ ok: false, reason: 'not-ready' });
  });

  it('a host that was detached by the virtualizer refuses I/O and asks to be attached', () => {
    world.serve();
    world.publish({ generation: 2, attachEpoch: 0 });
    expect(world.attachment.state).to.equal('attaching');
    read();
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.path]);
  });

  it('letting go drains, flushes every disk, tells the virtualizer, and only then is over', () => {
    world.serve();
    write();
    const frames = world.sent();
    let over = false;
    world.asked.splice(0);
    world.host.stop(() => {
      over = true;
    });
    read();
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.path]);
    expect(world.attachment.state).to.equal('draining');
    world.answerAll(frames);
    const flushes = world.sent();
    expect(flushes.map(({ request }) => request.disk)).to.deep.equal(['d1', 'd2', 'd3', 'd4']);
    expect(verbs()).to.not.include('detach');
    world.answerAll(flushes);
    expect(verbs(), 'nothing is dirty any more first').to.not.include('detach');
    world.answerMarks();
    expect(world.asked.map(({ verb }) => verb)).to.deep.equal(['detach']);
    world.clock.runFor(10);
    expect(over).to.equal(true);
    expect(world.host.state).to.equal('stopped');
    expect(world.clock.idle).to.equal(true);
  });

  it('letting go says whether it had to end writes whose result nobody knows', () => {
    const hasEndedWrites = () =>
      world.asked.find(({ verb }) => verb === 'detach')?.body.hasEndedWrites;
    world.serve();
    write();
    world.host.stop(() => {});
    world.clock.runFor(6100);
    expect(ended).to.deep.equal([Status.path]);
    expect(hasEndedWrites()).to.equal(true);
    world = new HostWorld();
    world.serve();
    write();
    world.answerAll();
    world.host.stop(() => {});
    for (let step = 0; step < 10; step++) {
      world.clock.runFor(20);
      world.answerAll();
    }
    expect(hasEndedWrites()).to.equal(undefined);
  });

  it('letting go ends even when nobody answers any more', () => {
    world.serve();
    write();
    let over = false;
    world.control.onPublish = () => {};
    world.host.stop(() => {
      over = true;
    });
    world.clock.runFor(6100);
    expect(over).to.equal(true);
    expect(ended).to.deep.equal([Status.path]);
  });

  it('read-only: writes are refused as not permitted', () => {
    world = new HostWorld({ readOnly: true });
    world.serve();
    write();
    world.clock.runFor(0);
    expect(ended).to.deep.equal([Status.masked]);
    expect(world.sent()).to.be.empty;
  });

  it('control data that makes no sense is not used', () => {
    const data = world.data();
    world.controlData = { ...data, sizeBytes: 2 * sizeBytes };
    world.clock.runFor(600);
    expect(world.attachment.volume).to.equal(null);
    expect(world.attachment.facts().reason).to.contain('does not fit');
  });
});
