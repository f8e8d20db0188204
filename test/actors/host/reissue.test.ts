import { expect } from 'chai';
import { LinkRank } from '../../../actors/host/route-table.ts';
import { Status } from '../../../protocols/codes.ts';
import type { Outcome } from '../../../protocols/frames/reply.ts';
import { type HbaId, idOf, type LinkId, type SwitchId } from '../../../protocols/ids.ts';
import {
  type Generation,
  type PartitionEpoch,
  unitOf,
  type VolumeOffset,
} from '../../../protocols/units.ts';
import { contentOf, HostWorld, type SentFrame } from './host-world.ts';

const at = (offset: number) => unitOf<VolumeOffset>(offset);

function only(frames: readonly SentFrame[]): SentFrame {
  const [frame] = frames;
  if (frame === undefined || frames.length !== 1)
    throw new Error(`one frame was expected, there are ${frames.length}`);
  return frame;
}

describe('re-issue of physical I/O (H6)', () => {
  let world: HostWorld;
  let ended: Status[];
  const note = (status: Status) => ended.push(status);
  const read = () => world.driver.read(at(0), 4096, note);
  const write = () => world.driver.write(at(0), [contentOf(0, 4096)], false, note);
  beforeEach(() => {
    world = new HostWorld();
    world.serve();
    ended = [];
  });

  it('without an answer the same I/O goes out again, attempt + 1, on another path', () => {
    read();
    const first = only(world.sent());
    world.clock.runFor(200);
    expect(world.sent()).to.be.empty;
    world.clock.runFor(100);
    const second = only(world.sent());
    expect(second.request.ioNumber).to.equal(first.request.ioNumber);
    expect(second.request.attempt).to.equal(1);
    expect(second.request.disk).to.not.equal(first.request.disk);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.counters).to.include({ reissues: 1, timeouts: 1, parts: 1 });
  });

  it('a write goes to the same coordinator by another way, and carries the same bytes', () => {
    write();
    const first = only(world.sent());
    world.clock.runFor(300);
    const second = only(world.sent());
    expect(second.request.attempt).to.equal(1);
    expect([second.hba, ...second.request.route]).to.not.deep.equal([
      first.hba,
      ...first.request.route,
    ]);
    expect(Buffer.from(second.bytes).equals(contentOf(0, 4096))).to.equal(true);
    world.answer(second);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('waits longer with each attempt', () => {
    read();
    const sentAt: number[] = [];
    for (let ms = 0; ms < 4000; ms += 5) {
      world.clock.runFor(5);
      if (world.sent().length > 0) sentAt.push(ms);
    }
    const gaps = sentAt.slice(1).map((time, index) => time - (sentAt[index] ?? 0));
    expect(gaps[0]).to.be.within(245, 290);
    expect(gaps[1]).to.be.within(495, 540);
    expect(gaps[2]).to.be.within(995, 1040);
  });

  it('a late reply to an earlier attempt does nothing', () => {
    read();
    const first = only(world.sent());
    world.clock.runFor(300);
    const second = only(world.sent());
    world.answer(first, {}, [contentOf(0, 4096)]);
    expect(ended).to.be.empty;
    expect(world.host.counters.lateReplies).to.equal(1);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('a late reply to an old I/O in the same slot does nothing', () => {
    read();
    const first = only(world.sent());
    world.answerAll([first]);
    read();
    const second = only(world.sent());
    expect(second.replySubject.split('.').at(-1)).to.equal(first.replySubject.split('.').at(-1));
    world.answer(first, {}, [contentOf(0, 4096)], second.hba);
    expect(ended).to.deep.equal([Status.ok]);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok, Status.ok]);
    expect(world.host.counters.lateReplies).to.equal(1);
  });

  it('a duplicate of the reply that counted does nothing', () => {
    write();
    const frame = only(world.sent());
    world.answer(frame);
    world.answer(frame);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('a reply to another process of this host does nothing', () => {
    read();
    const frame = only(world.sent());
    world.answer(frame, { hostIncarnation: unitOf(1) }, [contentOf(0, 4096)]);
    expect(ended).to.be.empty;
  });

  it('“nobody listens” takes the I/O to another link at once, and the next I/O does not try the dead one', () => {
    read();
    const first = only(world.sent());
    world.noResponders(first);
    const second = only(world.sent());
    expect(linkOf(second)).to.not.equal(linkOf(first));
    world.answerAll([second]);
    expect(world.host.counters.pathErrors).to.equal(1);
    for (let count = 0; count < 8; count++) {
      read();
      const frame = only(world.sent());
      expect(linkOf(frame)).to.not.equal(linkOf(first));
      world.answerAll([frame]);
    }
  });

  it('“path” of a switch rules out the links that it names', () => {
    read();
    const first = only(world.sent());
    const link = idOf<LinkId>(`s1-${first.request.disk}`);
    const dead = first.request.route.includes(link)
      ? link
      : idOf<LinkId>(`s2-${first.request.disk}`);
    world.refuse(first, { status: Status.path, detail: { links: [dead], alternates: [dead] } });
    const second = only(world.sent());
    expect(second.request.route).to.not.include(dead);
    expect(world.host.paths.known(dead)?.rank).to.equal(LinkRank.failed);
  });

  it('busy waits for its time, and blames no path', () => {
    read();
    const first = only(world.sent());
    world.refuse(first, { status: Status.busy, detail: { retryAfterMs: 100 } });
    world.clock.runFor(90);
    expect(world.sent()).to.be.empty;
    world.clock.runFor(40);
    const second = only(world.sent());
    expect(second.request.attempt).to.equal(1);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.counters.pathErrors).to.equal(0);
  });

  it('bytes that do not match their checksums are read again, elsewhere', () => {
    read();
    const first = only(world.sent());
    const bus = world.busOf(first.hba);
    const deliver = bus.deliver.bind(bus);
    bus.deliver = (subject, data) => {
      data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
      bus.deliver = deliver;
      deliver(subject, data);
    };
    world.answerAll([first]);
    expect(ended).to.be.empty;
    world.clock.runFor(45);
    const second = only(world.sent());
    expect(second.request.disk).to.not.equal(first.request.disk);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
    expect(world.host.counters.checksumErrors).to.equal(1);
  });

  it('an HBA that loses its connection hands what it had under way to the other', () => {
    read();
    const first = only(world.sent());
    world.busOf(first.hba).setState('disconnected');
    world.clock.runFor(25);
    const second = only(world.sent());
    expect(second.hba).to.not.equal(first.hba);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('while no path is left the I/O is held, and goes out when an HBA comes back', () => {
    for (const bus of world.io.values()) bus.setState('disconnected');
    read();
    world.clock.runFor(3000);
    expect(world.sent()).to.be.empty;
    expect(ended).to.be.empty;
    world.busOf(idOf<HbaId>('h1-b')).setState('connected');
    world.clock.runFor(50);
    world.answerAll();
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('“fenced” under numbers that newer control data has replaced meanwhile is not held: nothing else would free it', () => {
    read();
    const first = only(world.sent());
    world.publish({ generation: 12, controlEpoch: 3 });
    world.refuse(first, { status: Status.fenced, detail: { number: 'controlEpoch', current: 3 } });
    world.clock.runFor(45);
    const second = only(world.sent());
    expect(second.request.controlEpoch).to.equal(3);
    world.answerAll([second]);
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('what others sent back for the sake of a decision goes out as soon as that has come, however often it was refused', () => {
    write();
    const detail = {
      partition: 0,
      coordinator: idOf<SwitchId>('s1'),
      epoch: unitOf<PartitionEpoch>(21),
    };
    for (let attempt = 0; attempt < 4; attempt++) {
      world.refuse(only(world.sent()), { status: Status.notCoordinator, detail });
      if (attempt < 3) world.clock.runFor(500);
    }
    world.publish({ generation: 6 });
    world.clock.runFor(1);
    world.answer(only(world.sent()));
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('what is refused for the sake of a decision that has come since it was sent goes out at once', () => {
    read();
    const first = only(world.sent());
    world.publish({ generation: 6 });
    const detail = { generation: unitOf<Generation>(6) };
    world.refuse(first, { status: Status.staleGeneration, detail });
    const second = only(world.sent());
    expect(second.request).to.include({ generation: 6, attempt: 1 });
    world.refuse(second, { status: Status.staleGeneration, detail });
    expect(world.sent(), 'but not again: nothing else has come').to.be.empty;
    world.clock.runFor(60);
    world.answerAll();
    expect(ended).to.deep.equal([Status.ok]);
  });

  it('a read without any answer ends with an error at its deadline, and nothing else does', () => {
    read();
    world.clock.runFor(9900);
    expect(ended).to.be.empty;
    world.clock.runFor(200);
    expect(ended).to.deep.equal([Status.path]);
    expect(world.attachment.state).to.equal('serving');
    world.sent();
    read();
    world.answerAll();
    expect(ended).to.deep.equal([Status.path, Status.ok]);
  });

  it('media ends exactly this read; masked and range end what they are about', () => {
    const plain = (status: typeof Status.media | typeof Status.masked): Outcome => ({
      status,
      detail: { what: '' },
    });
    read();
    world.answer(only(world.sent()), { outcome: plain(Status.media), disk: '' });
    write();
    world.refuse(only(world.sent()), plain(Status.masked));
    read();
    world.answerAll();
    expect(ended).to.deep.equal([Status.media, Status.masked, Status.ok]);
    expect(world.attachment.state).to.equal('serving');
  });

  it('a frame that was damaged on its way is sent again; one that makes no sense ends as invalid', () => {
    const outcome: Outcome = { status: Status.invalid, detail: { what: 'checksum' } };
    read();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(ended).to.be.empty;
      world.refuse(only(world.sent()), outcome);
      world.clock.runFor(45);
    }
    expect(ended).to.deep.equal([Status.invalid]);
  });
});

function linkOf({ subject }: SentFrame): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}
