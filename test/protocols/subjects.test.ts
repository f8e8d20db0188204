/** Subjects are what people type into the `nats` CLI: they stay as documented, and are read back as they were built. */
import { expect } from 'chai';
import fc from 'fast-check';
import { actorKinds, idOf } from '../../protocols/ids.ts';
import {
  isForEverybody,
  lastTokenOf,
  placeOf,
  receiverOf,
  senderOf,
  slotOf,
  subjectsOf,
} from '../../protocols/subjects.ts';

const subjects = subjectsOf(idOf('lab'));
const disk = { kind: 'disk', id: 'd1' } as const;

describe('subjects', () => {
  it('are those of the documentation', () => {
    const host = { kind: 'host', id: 'h1' } as const;
    expect(subjects.io(disk, idOf('s1-d1'))).to.equal('san.v1.lab.io.disk.d1.s1-d1');
    expect(subjects.reply(host, 12)).to.equal('san.v1.lab.rpl.host.h1.12');
    expect(subjects.replies(host)).to.equal('san.v1.lab.rpl.host.h1.*');
    expect(subjects.command(disk, 'assemble')).to.equal('san.v1.lab.cmd.disk.d1.assemble');
    expect(subjects.commands(disk)).to.equal('san.v1.lab.cmd.disk.d1.*');
    expect(subjects.commandReply(host, 3)).to.equal('san.v1.lab.rpl.host.h1.cmd.3');
    expect(subjects.commandReplies(host)).to.equal('san.v1.lab.rpl.host.h1.cmd.*');
    expect(subjects.controlData(idOf('vol0'), idOf('h1'))).to.equal('san.v1.lab.ctl.vol0.h1');
    expect(subjects.event(disk, 'hello')).to.equal('san.v1.lab.evt.disk.d1.hello');
    expect(subjects.telemetry(disk)).to.equal('san.v1.lab.tel.disk.d1');
  });

  it("an actor's data replies and its command replies do not meet", () => {
    const tokens = (subject: string) => subject.split('.').length;
    expect(tokens(subjects.replies(disk))).to.not.equal(tokens(subjects.commandReplies(disk)));
  });

  it('name the slot that a reply belongs to', () => {
    fc.assert(
      fc.property(fc.nat(), (slot) => {
        expect(slotOf(subjects.reply(disk, slot))).to.equal(slot);
        expect(slotOf(subjects.commandReply(disk, slot))).to.equal(slot);
      }),
    );
  });

  it('that end in no number name no slot', () => {
    for (const subject of ['', 'a.', 'a.b', 'a.1x', 'a.-1', 'a. 1'])
      expect(slotOf(subject), subject).to.equal(-1);
  });

  it('of events and telemetry name their sender', () => {
    for (const kind of actorKinds) {
      const sender = { kind, id: 'x-1' };
      expect(senderOf(subjects.event(sender, 'hello'))).to.deep.equal({ sender, what: 'hello' });
      expect(senderOf(subjects.telemetry(sender))).to.deep.equal({ sender, what: '' });
    }
    const others = [
      '',
      'san.v1.lab',
      'san.v2.lab.evt.disk.d1.hello',
      'san.v1.lab.cmd.disk.d1.hello',
      'san.v1.lab.evt.printer.d1.hello',
      'san.v1.lab.evt.disk.*.hello',
    ];
    for (const subject of others) expect(senderOf(subject), subject).to.equal(null);
  });

  it('of the data plane name the receiver, and the link or the slot', () => {
    const io = { plane: 'io', receiver: disk, what: 's1-d1' };
    expect(placeOf(subjects.io(disk, idOf('s1-d1')))).to.deep.equal(io);
    const reply = { plane: 'rpl', receiver: disk, what: '12' };
    expect(placeOf(subjects.reply(disk, 12))).to.deep.equal(reply);
    for (const subject of [
      '',
      subjects.commandReply(disk, 3),
      subjects.event(disk, 'hello'),
      'san.v1.lab.io.printer.d1.s1-d1',
      'san.v1.lab.io.disk.d1',
    ])
      expect(placeOf(subject), subject).to.equal(null);
  });

  it('of what is said to one actor name it, and all others are for everybody', () => {
    for (const kind of actorKinds) {
      const receiver = { kind, id: 'x-1' };
      for (const subject of [
        subjects.io(receiver, idOf('s1-d1')),
        subjects.reply(receiver, 12),
        subjects.command(receiver, 'ping'),
        subjects.commandReply(receiver, 3),
      ]) {
        expect(receiverOf(subject), subject).to.deep.equal(receiver);
        expect(isForEverybody(subject), subject).to.equal(false);
      }
    }
    const control = subjects.controlData(idOf('vol0'), idOf('h1'));
    expect(receiverOf(control)).to.deep.equal({ kind: 'host', id: 'h1' });
    for (const subject of [
      subjects.event(disk, 'hello'),
      subjects.eventsOf('disk', 'hello'),
      subjects.events(),
      subjects.telemetry(disk),
      subjects.telemetriesOf('disk'),
      subjects.telemetries(),
    ]) {
      expect(receiverOf(subject), subject).to.equal(null);
      expect(isForEverybody(subject), subject).to.equal(true);
    }
    for (const subject of ['', 'a.b', 'san.v1.lab.io.printer.d1.s1-d1', '$SRV.PING.disk'])
      expect(receiverOf(subject), subject).to.equal(null);
  });

  it('end in a verb or in what happened', () => {
    expect(lastTokenOf(subjects.command(disk, 'describe'))).to.equal('describe');
    expect(lastTokenOf('alone')).to.equal('alone');
  });
});
